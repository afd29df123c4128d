"""`python -m mcuq` and `mcuq` are the command line: signals are heeded before anything large is imported."""

from __future__ import annotations

import os
import signal
import sys

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until the next but one line: no traceback


def main() -> None:
    """Run the command line."""
    from mcuq.cleanup import stop_on_signals

    _open_standard_streams()
    stop_on_signals()
    from mcuq.cli.app import main as run

    run()


def _open_standard_streams() -> None:
    """Fill descriptors that the caller closed: the next files opened would be taken for them."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    # Python has None for those.
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8")  # noqa: SIM115


if __name__ == "__main__":
    main()
