"""`python -m mcuq` is the command line."""

from mcuq.cli.app import main

main()
