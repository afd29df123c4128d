"""The command line."""

import os

# Before anything loads NumPy. The matrix products here are small: BLAS threads wait for each other longer
# than they compute (three to six times the processor time), and one thread sums in one order everywhere.
for _name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
