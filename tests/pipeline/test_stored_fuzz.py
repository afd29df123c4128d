"""Random damage to stored programs: refused with M009, or a sound program that computes its definition."""

import copy
import functools
import io
from random import Random

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcuq.codegen.emit import emit_firmware
from mcuq.errors import McuqError
from mcuq.ir.integer import Rounding
from mcuq.ir.store import program_to_npz
from mcuq.ir.types import elem_count
from mcuq.pipeline.planning import plan_program
from mcuq.simulator.simulate import trace_program
from mcuq.verify.inputs import standard_inputs
from tests.builders import ProgramBuilder, type_params
from tests.ops.examples import GENERATORS, REFERENCES
from tests.pipeline.stored import load, npy, pack, unpack

VALUES = [
    *(0, -1, 1, 2, 127, 128, -128, -129, 255, 2**31 - 1, 2**31, -(2**31), 2**63, 10**30),
    *(None, True, "", "x", "a0000", [], {}, [1, 1], [0], [-1], 1.5),
    *("0x1p+0", "nan", "inf", "-0x1p+0", "0x1p-149", "0x1.fffffep+127", "double", "single", "int32"),
]
# A mutant that still loads is run: keep it small.
SMALL = 4096


@functools.cache
def every_step():
    """A stored program with a small step of every operator, and the paths of all its values."""
    builder = ProgramBuilder(Rounding.DOUBLE)
    for kind, make in GENERATORS.items():
        examples = (make(Random(f"{kind} {number}"), Rounding.DOUBLE) for number in range(200))
        example = next(e for e in examples if sum(map(elem_count, e.shapes)) < 60)
        pairs = zip(example.shapes, example.types, strict=True)
        sources = [builder.input(shape, type_params(dtype)) for shape, dtype in pairs]
        for output in builder.outputs_of(example.op, *sources):
            builder.output(output)
    document, members = unpack(program_to_npz(builder.program()))
    return document, members, list(paths(document, ()))


def paths(value, path):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from paths(item, (*path, key))


def mutate(document, path, change, value):
    holder = functools.reduce(lambda node, key: node[key], path[:-1], document)
    key = path[-1]
    if change == "set":
        holder[key] = value
    elif change == "step" and isinstance(holder[key], int):
        holder[key] += len(str(value)) - 3
    elif change == "drop":
        del holder[key]
    elif isinstance(holder, list):
        holder.append(copy.deepcopy(holder[key]))


@given(data=st.data())
@settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_damaged_documents(data):
    document, members, places = every_step()
    document = copy.deepcopy(document)
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from(places))
        change = data.draw(st.sampled_from(["set", "set", "step", "drop", "twice"]))
        try:
            mutate(document, path, change, data.draw(st.sampled_from(VALUES)))
        except (KeyError, IndexError, TypeError):
            continue
    check(pack(document, members))


@given(data=st.data())
@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_damaged_arrays(data):
    document, members, _ = every_step()
    members = dict(members)
    names = sorted(members)
    first, second = data.draw(st.sampled_from(names)), data.draw(st.sampled_from(names))
    change = data.draw(st.sampled_from(["swap", "type", "largest", "smallest", "empty", "drop", "garbage"]))
    array = np.load(io.BytesIO(members[first]))
    info = np.iinfo(array.dtype)
    if change == "swap":
        members[first], members[second] = members[second], members[first]
    elif change == "drop":
        del members[first]
    elif change == "garbage":
        members[first] = data.draw(st.binary(max_size=200))
    else:
        members[first] = npy(
            {
                "type": array.astype(np.int64),
                "largest": np.full_like(array, info.max),
                "smallest": np.full_like(array, info.min),
                "empty": array[:0],
            }[change]
        )
    check(pack(document, members))


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_random_bytes(data):
    check(data)
    check(b"PK\x03\x04" + data)


def check(data):
    """Refused with M009, or everything behind it works and no intermediate value leaves its type."""
    try:
        program = load(data)
    except McuqError as error:
        assert {problem.code for problem in error.problems} == {"M009"}
        return
    if sum(elem_count(tensor.shape) for tensor in program.tensors) > SMALL:
        return
    plan = plan_program(program, "host")
    emit_firmware(plan, "net", ("portable",))
    inputs = standard_inputs(program, None, 1)
    values = {program.storage(p.tensor): x for p, x in zip(program.inputs, inputs, strict=True)}
    for _, step, found in trace_program(program, inputs):
        xs = [values[program.storage(t)].reshape(-1, *program.tensors[t].shape) for t in step.inputs]
        values.update(zip(map(program.storage, step.outputs), found, strict=True))
        for sample in range(len(found[0])):
            arrays = [x[sample] for x in xs]
            operands = np.broadcast_arrays(*arrays) if step.op.kind in ("add", "mul") else arrays
            expected = REFERENCES[step.op.kind](step.op, *(x.tolist() for x in operands))
            several = expected if isinstance(expected, tuple) else (expected,)
            for one, y in zip(several, found, strict=True):
                np.testing.assert_array_equal(one, y[sample])
