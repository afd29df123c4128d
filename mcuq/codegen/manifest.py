"""The manifest, `<name>.mcuq.json`: everything about a build that a tool or an auditor may ask."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

import mcuq
from mcuq.codegen.dropped import dropped_document
from mcuq.codegen.library import library_document
from mcuq.codegen.view import ModelView
from mcuq.ir.plan import KernelCosts, Place, Plan, constant_bytes
from mcuq.ir.program import ProgramPort, RangeSource, Step
from mcuq.ir.types import QuantParams
from mcuq.memory.regions import placement_document
from mcuq.strips.totals import strip_totals

_FORMAT = 1


def sha256(data: bytes) -> str:
    """Hexadecimal SHA-256."""
    return hashlib.sha256(data).hexdigest()


def weights_bytes(plan: Plan) -> int:
    """Bytes of all constant arrays of the plan's kernels."""
    return constant_bytes(plan.calls)


def sizes(plan: Plan) -> dict[str, int]:
    """Bytes of a plan's buffers and constants, and its multiply-accumulates."""
    program = plan.program
    return {
        "macs": sum(step.op.macs(program.tensors[step.output].shape) for step in program.steps),
        "weights_bytes": weights_bytes(plan),
        "arena_bytes": plan.memory.arena_bytes,
        "input_bytes": sum(
            program.tensors[port.tensor].size_bytes for port in program.inputs if not program.consumes_inputs
        ),
        "output_bytes": sum(program.tensors[port.tensor].size_bytes for port in program.outputs),
        **_state_bytes(plan),
    }


def _state_bytes(plan: Plan) -> dict[str, int]:
    """Bytes of what lives from run to run, only where there is any."""
    tensors = plan.program.tensors
    state = plan.program.state
    return {"state_bytes": sum(tensors[each.before].size_bytes for each in state)} if state else {}


def manifest_text(plan: Plan, model: ModelView, files: Mapping[str, bytes]) -> bytes:
    """The manifest as indented JSON.

    Args:
        plan: what was built.
        model: names as they stand in the C.
        files: all other files of the firmware directory, for their checksums.
    """
    program = plan.program
    document = {
        "format": _FORMAT,
        "mcuq": mcuq.__version__,
        "name": model.name,
        "target": plan.target,
        **target_document(plan),
        "model_sha256": program.origin.model_sha256,
        "rounding": program.rounding.value,
        "ranges": program.origin.ranges.value,
        "accuracy_known": program.origin.ranges not in (RangeSource.DATA_FREE, RangeSource.SYNTHETIC),
        "options": dict(program.origin.options),
        "inputs": [
            _port(plan, port, view.member) | ({} if view.offset is None else {"arena_offset": view.offset})
            for port, view in zip(program.inputs, model.inputs, strict=True)
        ],
        "outputs": [
            _port(plan, port, v.member) for port, v in zip(program.outputs, model.outputs, strict=True)
        ],
        **_states(plan, model),
        "tensors": _tensors(plan),
        "steps": _steps(plan, model),
        "kernels": kernels_document(plan),
        **({"strips": strips} if (strips := strips_document(plan)) is not None else {}),
        **({"placed": placed} if (placed := placement_document(plan)) is not None else {}),
        **({"library": library} if (library := library_document(plan)) is not None else {}),
        "eliminated": dropped_document(plan),
        "memory": {
            "arena_bytes": model.arena_bytes,
            "arena_alignment": model.arena_alignment,
            "stack_bytes": model.stack_bytes,
            "input_bytes": sum(port.size_bytes for port in model.inputs if port.offset is None),
            "output_bytes": sum(port.size_bytes for port in model.outputs),
            **_state_bytes(plan),
            "weights_bytes": weights_bytes(plan),
        },
        "files": {path: sha256(data) for path, data in sorted(files.items())},
    }
    return _text(document)


def with_budget(manifest: bytes, limits: Sequence[Mapping[str, object]]) -> bytes:
    """A manifest that says which limits its build keeps to, and in what unit.

    Args:
        manifest: of `manifest_text`.
        limits: resource, limit and unit of each; without any the manifest stays.
    """
    if not limits:
        return manifest
    document = json.loads(manifest)
    files = document.pop("files")
    return _text({**document, "budget": list(limits), "files": files})


def _text(document: Mapping[str, object]) -> bytes:
    return (json.dumps(document, indent=1, ensure_ascii=True) + "\n").encode()


def target_document(plan: Plan) -> dict[str, object]:
    """The mode of the board's flash, only where it has any, a board of the user's, and where what lies."""
    found: dict[str, object] = {} if plan.flash is None else {"flash": plan.flash}
    if plan.place is not None:
        found["place"] = plan.place
    if plan.own_board is not None:
        found["board"] = json.loads(plan.own_board)
    return found


def kernels_document(plan: Plan) -> dict[str, object] | None:
    """What kernels were chosen for and what they cost by the model; None where nobody chose them."""
    costs = plan.costs
    if costs is None:
        return None
    balanced = None if costs.balanced is None else _costs(costs.balanced)
    return {"optimize": costs.optimize.value, **_costs(costs), "balanced": balanced}


def strips_document(plan: Plan) -> dict[str, object] | None:
    """How many layers are in strips and how much is computed again; None without strips."""
    found = strip_totals(plan.program)
    if found is None:
        return None
    return {"layers": found.layers, "steps": found.steps, "recompute": round(found.recompute, 4)}


def _costs(costs: KernelCosts) -> dict[str, object]:
    return {
        "modelled_cycles": costs.run_cycles,
        "modelled_instructions": costs.instructions,
        "constant_bytes": costs.constant_bytes,
        "code_bytes": costs.code_bytes,
    }


def refusals_document(plan: Plan) -> list[dict[str, object]]:
    """Per step in the order of execution its kernel, and why it is none of the others."""
    return [
        {
            "name": plan.program.steps[index].name,
            "kernel": plan.calls[index].kernel,
            "refused": {refusal.kernel: refusal.reason for refusal in plan.calls[index].refused},
        }
        for index in plan.memory.order
    ]


def _quant(quant: QuantParams) -> dict[str, object]:
    scale: float | list[float] = quant.step if quant.axis is None else list(quant.scale)
    return {"dtype": quant.dtype.value, "scale": scale, "zero_point": quant.zero_point}


def _port(plan: Plan, port: ProgramPort, member: str) -> dict[str, object]:
    tensor = plan.program.tensors[port.tensor]
    return {
        "name": port.name,
        "member": member,
        "shape": list(tensor.shape),
        "model_shape": list(port.model_shape),
        "axes_order": list(port.perm),
        **_quant(tensor.quant),
    }


def _states(plan: Plan, model: ModelView) -> dict[str, list[dict[str, object]]]:
    """What lives from run to run, only where there is any."""
    found = [
        {
            "name": state.name,
            "member": view.member,
            "shape": list(plan.program.tensors[state.before].shape),
            "before": state.before,
            "after": state.after,
            **_quant(plan.program.tensors[state.before].quant),
        }
        for state, view in zip(plan.program.state, model.state, strict=True)
    ]
    return {"state": found} if found else {}


def _place(place: Place | None) -> dict[str, object] | None:
    if place is None:
        return None
    return {"region": place.region.value, "index": place.index, "offset": place.offset}


def _tensors(plan: Plan) -> list[dict[str, object]]:
    return [
        {
            "name": tensor.name,
            "shape": list(tensor.shape),
            "storage": tensor.storage,
            "size_bytes": tensor.size_bytes,
            "place": _place(plan.memory.places[tensor.storage]),
            **_quant(tensor.quant),
        }
        for tensor in plan.program.tensors
    ]


def _outputs(step: Step) -> dict[str, object]:
    return {"output": step.output} if len(step.outputs) == 1 else {"outputs": list(step.outputs)}


def _staged(plan: Plan, index: int) -> dict[str, object]:
    """The constants that wait in the arena, only where there are any."""
    staged = [
        {"field": each.field, "offset": each.offset, "size_bytes": each.size_bytes}
        for each in plan.memory.staged_of(index)
    ]
    return {"staged": staged} if staged else {}


def _steps(plan: Plan, model: ModelView) -> list[dict[str, object]]:
    steps = []
    for view, index in zip(model.steps, plan.memory.order, strict=True):
        step, call = plan.program.steps[index], plan.calls[index]
        steps.append(
            {
                "name": step.name,
                "op": step.op.kind,
                "inputs": list(step.inputs),
                **_outputs(step),
                "macs": step.op.macs(plan.program.tensors[step.output].shape),
                "kernel": call.kernel,
                "refused": {refusal.kernel: refusal.reason for refusal in call.refused},
                "parameters": view.params,
                "weights_bytes": sum(array.values.nbytes for array in call.arrays),
                "scratch_bytes": call.scratch_bytes,
                **_staged(plan, index),
            }
        )
    return steps
