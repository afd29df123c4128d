"""Parts of tools/bench_mcu.py: what firmware costs on a microcontroller, beside other people's code."""
