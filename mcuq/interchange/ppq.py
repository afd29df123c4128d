"""PPQ's native JSON: a configuration of every tensor of every operator, and values by its hash.

A configuration is its own `dominator`, or takes scale and zero point from the one whose hash it names; only
dominators have values. Codes are `round(x / scale) + zero_point`, limited to `quant_min` and `quant_max`.
"""

from __future__ import annotations

import dataclasses
import json

from mcuq.interchange.entries import (
    Bad,
    Entry,
    File,
    as_dict,
    as_floats,
    as_int,
    as_ints,
    as_text,
    make_entry,
    member,
    unsupported,
)
from mcuq.interchange.named import NamedConstant, NamedProgram, NamedStep
from mcuq.ir.codec import Json
from mcuq.ir.types import DType

# States by what they say of a tensor: quantized with this configuration; quantized with another one, whose
# parameters it names; not quantized.
_ACTIVE = ("ACTIVATED", "PASSIVE", "BAKED", "PASSIVE_BAKED")
_COVERED = ("OVERLAPPED",)
_OFF = ("FP32", "SOI", "INITIAL", "PASSIVE_INIT", "DEQUANTIZED", "DEACTIVED")
_POLICY = (
    "PER_TENSOR",
    "PER_CHANNEL",
    "LINEAR",
    "FLOATING",
    "SYMMETRICAL",
    "ASYMMETRICAL",
    "POWER_OF_2",
    "DYNAMIC",
)


def is_native(document: dict[str, Json]) -> bool:
    """Whether a document is PPQ's native JSON."""
    return {"configs", "values"} <= document.keys()


def read_native(file: File, document: dict[str, Json]) -> None:
    """Read all tensors; one whose only configurations are covered by others has the parameters of these."""
    values = as_dict(member(document, "values"), "values")
    active: dict[str, list[Entry]] = {}
    covered: dict[str, list[Entry]] = {}
    skipped: dict[str, str] = {}
    for operator, tensors in as_dict(member(document, "configs"), "configs").items():
        for name, data in as_dict(tensors, f"the configuration of {operator!r}").items():
            try:
                config = as_dict(data, "a configuration")
                why = _skips(config)
                if why is not None:
                    skipped.setdefault(name, why)
                    continue
                table = active if member(config, "state") in _ACTIVE else covered
                entry = _entry(name, config, values)
                table.setdefault(name, []).append(entry)
            except Bad as bad:
                file.refuse(bad, name)
    for name in (*active, *(each for each in covered if each not in active)):
        file.entries += active.get(name) or covered[name]
    for name, why in skipped.items():
        if name not in active and name not in covered:
            file.ignore(name, "activation", why)


def _skips(config: dict[str, Json]) -> str | None:
    """Why a configuration says nothing, None where it does."""
    state = as_text(member(config, "state"), "state")
    if state in _OFF:
        return "the file does not quantize it"
    if state not in (*_ACTIVE, *_COVERED):
        raise Bad(f"its state is {state}, expected one of {', '.join((*_ACTIVE, *_COVERED, *_OFF))}")
    if as_int(member(config, "bit_width"), "bit_width") > 16:
        return "the scale of a bias is that of input times weights"
    return None


def _entry(name: str, config: dict[str, Json], values: dict[str, Json]) -> Entry:
    policy = as_dict(config.get("policy", {}), "policy")
    for kind in ("FLOATING", "DYNAMIC"):
        if policy.get(kind, False):
            raise unsupported(f"its policy is {kind}", "quantize it linearly, with fixed scales")
    bits = as_int(member(config, "bit_width"), "bit_width")
    low, high = (as_int(member(config, key), key) for key in ("quant_min", "quant_max"))
    half = 1 << (bits - 1)
    # Codes of an unsigned type move down by half of it.
    move = 0 if low < 0 else half
    if not (low < high and -half <= low - move and high - move < half):
        raise Bad(f"codes from {low} to {high} are none of {bits} bits", "Q005")
    key = str(as_int(member(config, "dominator"), "dominator"))
    if key not in values:
        raise Bad(f"its dominator {key} has no values")
    found = as_dict(values[key], f"the values of {key}")
    scale = as_floats(member(found, "scale"), "scale")
    zero_point = [each - move for each in as_ints(member(found, "zero_point"), "zero_point")]
    if len(zero_point) == 1:
        zero_point *= len(scale)
    entry = make_entry(name, "any", scale, zero_point, bits=bits)
    return dataclasses.replace(entry, limits=(low - move, high - move))


class _Configs:
    """Configurations and values under construction: who computes a tensor owns its parameters."""

    def __init__(self, named: NamedProgram) -> None:
        """Start with nothing."""
        self.named = named
        self.values: dict[str, dict[str, object]] = {}
        self._owners: dict[str, int] = {}
        self._count = 0

    def step(self, step: NamedStep) -> dict[str, dict[str, object]]:
        """The configurations of an operator, by tensor."""
        found = {name: self._activation(name, is_read=True) for name in step.inputs}
        if step.weights is not None:
            key = self._value(list(step.weights.scale), [0] * len(step.weights.scale))
            found[step.weights.name] = _weight_config(key, step.weights)
        if step.output is not None:
            found[step.output] = self._activation(step.output, is_read=False)
        return found

    def _activation(self, name: str, *, is_read: bool) -> dict[str, object]:
        owner, quant = self._owners.get(name), self.named.activations[name]
        if owner is None:
            owner = self._owners[name] = self._value(quant.step, quant.zero_point)
            return _config(owner, owner, quant.dtype)
        # Quantized where it was computed, or by its first reader, already.
        self._count += is_read
        return _config(self._count if is_read else owner, owner, quant.dtype)

    def _value(self, scale: object, zero_point: object) -> int:
        self._count += 1
        self.values[str(self._count)] = {"scale": scale, "zero_point": zero_point}
        return self._count


def _config(key: int, dominator: int, dtype: DType) -> dict[str, object]:
    """The configuration of an activation."""
    return {
        "bit_width": 8 * dtype.size_bytes(1),
        "policy": _policy("PER_TENSOR", "ASYMMETRICAL"),
        "state": "ACTIVATED" if key == dominator else "OVERLAPPED",
        "quant_min": dtype.qmin,
        "quant_max": dtype.qmax,
        "hash": key,
        "dominator": dominator,
    }


def _weight_config(key: int, weights: NamedConstant) -> dict[str, object]:
    """The configuration of weights, which leave the smallest code out."""
    form = {"policy": _policy("PER_CHANNEL", "SYMMETRICAL"), "bit_width": weights.bits}
    return (
        _config(key, key, DType.INT8) | form | {"quant_min": -weights.largest, "quant_max": weights.largest}
    )


def _policy(*chosen: str) -> dict[str, bool]:
    return {name: name in (*chosen, "LINEAR") for name in _POLICY}


def native_text(named: NamedProgram) -> str:
    """A document of this format; hashes are numbers in order.

    Args:
        named: under the names of a file.
    """
    configs = _Configs(named)
    document = {
        "configs": {step.name: configs.step(step) for step in named.steps},
        "dispatchings": {step.name: "TRT_INT8" for step in named.steps},
        "values": configs.values,
    }
    return json.dumps(document, indent=1) + "\n"
