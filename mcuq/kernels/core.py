"""The kernels of a core, with all that the choice between them has to know: read once, before it begins."""

from __future__ import annotations

import dataclasses
import functools
import math

from mcuq.ir.kernel_set import KernelSet
from mcuq.ir.program import StepOp
from mcuq.kernels.costs import CoreCosts, load_costs
from mcuq.kernels.registry import isa_variants
from mcuq.kernels.variant import VariantType
from mcuq.targets import Core


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class CoreKernels:
    """What a core can run, and what that costs there.

    Args:
        core: whose.
        variants: those of its instruction sets, the most special first; of one step those to prefer first.
        costs: what was measured.
        library: the variants that call a library: a step that one of them accepts has no others.
    """

    core: Core
    variants: tuple[VariantType, ...]
    costs: CoreCosts
    library: tuple[VariantType, ...] = ()

    def missing(self, variant: VariantType) -> str | None:
        """What a variant needs and the core has not, or None."""
        lacks = [name for name in variant.needs if name not in self.core.features]
        if lacks:
            return f"it needs {' and '.join(lacks)}, which {self.core.name} has not"
        others = [name for name in variant.lacks if name in self.core.features]
        return f"it is for cores without {' and '.join(others)}" if others else None

    def channel_multiple(self, op: StepOp) -> int:
        """Of how many input channels the kernels for a step like a multiple; 1 where any number will do."""
        mine = [each for each in self.variants if each.step_op is type(op) and self.missing(each) is None]
        return math.lcm(*(each.channel_multiple for each in mine))


@functools.lru_cache(maxsize=16)
def core_kernels(core: Core, kernels: KernelSet = KernelSet.OWN) -> CoreKernels:
    """The kernels of a core.

    Args:
        core: with its instruction sets, the most special first.
        kernels: whose.
    """
    variants = tuple(variant for isa in core.isa for variant in isa_variants(isa))
    library = () if kernels.package is None else isa_variants(kernels.package)
    return CoreKernels(core, variants, load_costs(core.name), library)
