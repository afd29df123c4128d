"""Whose kernels compute a program."""

from __future__ import annotations

import enum


class KernelSet(enum.Enum):
    """Whose kernels compute a program: mcuq's, or those of a library that the user's build brings along."""

    OWN = "own"
    CMSIS_NN = "cmsis-nn"  # wherever the library has the step; mcuq's for the others

    @property
    def package(self) -> str | None:
        """The package of `mcuq.kernels` and folder of `targets` that calls the library; None without one."""
        return None if self is KernelSet.OWN else self.value.replace("-", "_")
