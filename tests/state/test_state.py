"""Tensors that live from run to run: lowered from ties, planned, generated, and verified as sequences."""

import dataclasses

import numpy as np
import pytest

from mcuq.errors import McuqError
from mcuq.ir.codec import DecodeError
from mcuq.ir.graph import Graph, Node, Port, Stage, StateTie, Tensor
from mcuq.ir.integer import Rounding
from mcuq.ir.plan import MemoryMap, MemoryRegion, Place
from mcuq.ir.program import Program
from mcuq.ir.store import check_program, program_from_npz, program_to_npz
from mcuq.ir.text import graph_from_text, graph_to_text
from mcuq.ir.types import DType, QuantParams, freeze
from mcuq.ir.verify import verify_graph
from mcuq.memory.check import check_memory
from mcuq.ops.arithmetic import Add, Mul
from mcuq.ops.move import Reshape
from mcuq.ops.onnx.write import write_qdq
from mcuq.ops.registry import GRAPH_OPS, STEP_OPS
from mcuq.pipeline.planning import plan_program
from mcuq.quantize.lower import lower_graph
from mcuq.simulator.simulate import (
    initial_state,
    simulate_program,
    simulate_sequence,
    trace_plan,
    trace_program,
)
from mcuq.verify.firmware import verify_firmware
from tests.builders import ORIGIN, ProgramBuilder, quant, write_firmware
from tests.e2e.selftest_image import run_selftest
from tests.ops.examples import examples
from tests.tools import require

SHAPE = (1, 2, 3)
MACHINES = [("host", "host"), *((core, "emulator") for core in ("cortex-m4", "cortex-m0plus", "rv32imc"))]


def port(name, tensor=None, shape=SHAPE, perm=(0, 1, 2), feeds=None):
    return Port(name, tensor or name, shape, perm, feeds)


def tie(name, initial=0.0, shape=SHAPE):
    return StateTie(name, freeze(np.broadcast_to(np.asarray(initial, np.float32), shape), "float32"))


def graph(nodes, params, inputs, outputs, constants=None):
    tensors = {name: Tensor(name, SHAPE, each.dtype, each) for name, each in params.items()}
    return Graph(Stage.QUANTIZED, tuple(nodes), tensors, constants or {}, tuple(inputs), tuple(outputs))


def wide(scale):
    return QuantParams((float(np.float32(scale)),), 0, DType.INT16)


def smoothing(*, returns_state=True, initial=1.0):
    """h' = 0.9 h + x, a running filter; y = h', or what comes before it."""
    params = {"x": quant(0.05), "h": quant(0.1), "a": quant(1 / 128), "ah": quant(0.1), "y": quant(0.1)}
    code = freeze(np.full(SHAPE, 115, np.int8))
    nodes = [Node("decay", Mul(), ("h", "a"), ("ah",)), Node("sum", Add(), ("ah", "x"), ("y",))]
    outputs = [port("out", "y" if returns_state else "ah"), port("h_next", "y", feeds=tie("h", initial))]
    return graph(nodes, params, [port("x"), port("h")], outputs, {"a": code})


def accumulator():
    """h' = h + x in int16; y = h' x."""
    params = {"x": wide(0.25), "h": wide(0.25), "half": wide(0.5), "y": wide(0.25)}
    nodes = [Node("sum", Add(), ("h", "x"), ("half",)), Node("product", Mul(), ("half", "x"), ("y",))]
    outputs = [port("y"), port("n", "half", feeds=tie("h", -9.0))]
    return graph(nodes, params, [port("x"), port("h")], outputs)


def delays(count):
    """A shift register: each state takes over what the one before it was; the output is the oldest and x."""
    params = {name: quant(0.5) for name in ("x", "y", *(f"h{i}" for i in range(count)))}
    node = Node("sum", Add(), (f"h{count - 1}", "x"), ("y",))
    outputs = [port("y"), port("n0", "x", feeds=tie("h0", 3.0))]
    outputs += [port(f"n{i}", f"h{i - 1}", feeds=tie(f"h{i}", -2.0 * i)) for i in range(1, count)]
    return graph([node], params, [port("x"), *(port(f"h{i}") for i in range(count))], outputs)


def swap():
    """Two states that change places."""
    params = {name: quant(0.5) for name in ("x", "y", "a", "b")}
    nodes = [Node("sum", Add(), ("a", "x"), ("y",))]
    outputs = [port("y"), port("an", "b", feeds=tie("a", 4.0)), port("bn", "a", feeds=tie("b", -7.0))]
    return graph(nodes, params, [port("x"), port("a"), port("b")], outputs)


def converted():
    """The new value has other parameters and another order of axes than the old one."""
    params = {"x": quant(0.05), "h": quant(0.25, 3), "y": quant(0.1, -5)}
    turned = (1, 3, 2)
    initial = tie("h", np.arange(6.0).reshape(turned), turned)
    outputs = [port("y"), port("n", "y", turned, (0, 2, 1), initial)]
    inputs = [port("x"), port("h", shape=(1, 3, 2), perm=(0, 1, 2))]
    tensors = {"x": SHAPE, "y": SHAPE, "h": (1, 3, 2)}
    params["flat"] = params["h"]
    found = graph([Node("sum", Add(), ("flat", "x"), ("y",))], params, inputs, outputs)
    described = {n: dataclasses.replace(t, shape=tensors.get(n, SHAPE)) for n, t in found.tensors.items()}
    view = Node("view", Reshape(SHAPE), ("h",), ("flat",))
    return dataclasses.replace(found, nodes=(view, *found.nodes), tensors=described)


GRAPHS = {
    "filter": smoothing,
    "filter in place": lambda: smoothing(returns_state=False),
    "int16 sum": accumulator,
    "initial values differ": lambda: smoothing(initial=np.arange(6).reshape(SHAPE)),
    "delays": lambda: delays(3),
    "swap": swap,
    "converted": converted,
}


def lower(name) -> Program:
    found = GRAPHS[name]()
    verify_graph(found)
    program = lower_graph(found, Rounding.DOUBLE, ORIGIN)
    check_program(program)
    return program


def inputs_of(program, samples=11):
    (x,) = program.inputs
    tensor = program.tensors[x.tensor]
    limits = tensor.quant.dtype.qmin, tensor.quant.dtype.qmax + 1
    rng = np.random.default_rng(0)
    return [rng.integers(*limits, (samples, *tensor.shape)).astype(tensor.quant.dtype.numpy)]


@pytest.mark.parametrize(("target", "on"), MACHINES)
@pytest.mark.parametrize("name", GRAPHS)
def test_state_is_bit_exact_over_sequences(tmp_path, name, target, on):
    """Two sequences: the second one begins with initial values again."""
    require("cc" if on == "host" else "unicorn")
    program = lower(name)
    stored = program_to_npz(program)
    plan = plan_program(program_from_npz(stored, "stored", STEP_OPS), target)
    assert stored == program_to_npz(plan.stored)
    write_firmware(tmp_path / "net", plan)
    sanitize = ("address", "undefined") if on == "host" else ()
    inputs = inputs_of(program)
    report = verify_firmware(tmp_path / "net", plan, "net", inputs, on, sanitize=sanitize)
    assert report.first_difference is None
    assert report.samples == 11
    assert run_selftest(tmp_path / "net", tmp_path / "test", "net", target).failed == 0


@pytest.mark.parametrize("name", GRAPHS)
def test_planned_memory_gives_the_same_values(name):
    program = lower(name)
    plan = plan_program(program, "host")
    inputs = inputs_of(plan.program)
    expected = {index: ys for index, _, ys in trace_program(plan.program, inputs)}
    for index, _, ys in trace_plan(plan, inputs):
        np.testing.assert_array_equal(expected[index][0].ravel(), ys[0].ravel())


def test_filter_is_what_its_formula_says():
    program = lower("filter")
    (out,) = simulate_program(program, [np.full((40, *SHAPE), 20, np.int8)])  # x = 1, h = 1 at first
    steps = np.arange(1, 41).reshape(-1, 1, 1, 1)
    a = 115 / 128
    expected = a**steps + (1 - a**steps) / (1 - a)
    np.testing.assert_allclose(out * 0.1, np.broadcast_to(expected, out.shape), atol=0.6)


def test_delays_give_the_input_of_three_runs_ago():
    program = lower("delays")
    x = np.arange(10, dtype=np.int8).reshape(-1, 1, 1, 1) * np.ones((10, *SHAPE), np.int8)
    (y,) = simulate_program(program, [x])
    # Scale 0.5: y = h2 + x; h2 begins as -4, h1 as -2, h0 as 3.
    wanted = np.array([-8, -4, 6, *range(7)]) + np.arange(10)
    np.testing.assert_array_equal(np.clip(wanted, -128, 127), y[:, 0, 0, 0])


def test_swapped_states_alternate():
    (y,) = simulate_program(lower("swap"), [np.zeros((4, *SHAPE), np.int8)])
    np.testing.assert_array_equal([8, -14, 8, -14], y[:, 0, 0, 0])


def test_state_goes_on_where_a_sequence_is_cut():
    program = lower("int16 sum")
    (x,) = inputs_of(program)
    whole, end = simulate_sequence(program, [x], initial_state(program))
    first, state = simulate_sequence(program, [x[:4]], initial_state(program))
    second, last = simulate_sequence(program, [x[4:]], state)
    np.testing.assert_array_equal(whole[0], np.concatenate([first[0], second[0]]))
    np.testing.assert_array_equal(end[0], last[0])
    assert end[0].dtype == np.int16
    np.testing.assert_array_equal(whole[0], simulate_program(program, [x])[0])


def test_new_value_is_written_in_place_where_nothing_reads_the_old_one():
    kinds = {name: [step.op.kind for step in lower(name).steps] for name in GRAPHS}
    assert kinds["filter in place"] == ["constant", "mul", "add"]
    # Returned as an output, the value lies in the caller's buffer: one copy.
    assert kinds["filter"] == ["constant", "mul", "add", "copy"]
    # The oldest first; no value has to be brought to safety.
    assert kinds["delays"] == ["add", "copy", "copy", "copy"]
    assert kinds["swap"] == ["add", "copy", "copy", "copy"]
    assert kinds["converted"] == ["add", "transpose", "table"]


def test_state_stands_in_header_and_manifest(tmp_path):
    plan = plan_program(lower("initial values differ"), "host")
    write_firmware(tmp_path, plan)
    header = (tmp_path / "include/net.h").read_text()
    assert "int8_t h[6]; /* h: int8 [1, 2, 3]" in header
    assert "int net_reset(net_state *state);" in header
    assert "int net_run(const net_io *io, net_state *state, void *arena);" in header
    assert "net_state_h[6] = {" in (tmp_path / "src/net_weights.c").read_text()
    manifest = (tmp_path / "net.mcuq.json").read_text()
    assert '"state_bytes": 6' in manifest
    assert "lives from run to run" in (tmp_path / "README.md").read_text()


def test_graph_with_ties_is_written_and_read_as_text():
    found = smoothing()
    again = graph_from_text(graph_to_text(found), found.constants, GRAPH_OPS)
    assert again.outputs[1].feeds.input == "h"
    np.testing.assert_array_equal(found.outputs[1].feeds.initial, again.outputs[1].feeds.initial)


def test_ties_of_other_shapes_are_no_graph():
    found = smoothing()
    wrong = dataclasses.replace(found.outputs[1], feeds=tie("h", shape=(1, 3, 2)))
    with pytest.raises(McuqError, match="I001"):
        verify_graph(dataclasses.replace(found, outputs=(found.outputs[0], wrong)))
    nobody = dataclasses.replace(found.outputs[1], feeds=tie("g"))
    with pytest.raises(McuqError, match="no shape, or another output feeds it"):
        verify_graph(dataclasses.replace(found, outputs=(found.outputs[0], nobody)))


def damaged(program, **fields):
    (state,) = program.state
    return dataclasses.replace(program, state=(dataclasses.replace(state, **fields),))


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"before": 99}, "refers to no tensor"),
        ({"after": 1}, "two ports share a tensor"),
        ({"before": 0}, "reads what is not computed yet"),
        ({"initial": np.zeros(SHAPE, np.int16)}, "begins with values of another type or shape"),
        ({"initial": np.zeros((1, 3, 2), np.int8)}, "begins with values of another type or shape"),
    ],
)
def test_damaged_state_is_refused(fields, why):
    with pytest.raises(DecodeError, match=why):
        check_program(damaged(lower("filter in place"), **fields))


def test_state_that_is_read_after_it_changed_is_refused():
    program = lower("filter in place")
    first, decay, total = program.steps
    late = dataclasses.replace(total, inputs=(program.state[0].before, total.inputs[1]))
    check_program(dataclasses.replace(program, steps=(first, decay, late)))  # in place, by the writer
    extra = dataclasses.replace(program.tensors[decay.output], storage=len(program.tensors))
    reader = dataclasses.replace(decay, outputs=(len(program.tensors),))
    bad = dataclasses.replace(program, tensors=(*program.tensors, extra), steps=(first, decay, total, reader))
    with pytest.raises(DecodeError, match="is read after it has changed"):
        check_program(bad)


def test_memory_check_finds_an_order_that_loses_the_old_value():
    program = lower("delays")
    plan = plan_program(program, "host")
    scratch = [call.scratch_bytes for call in plan.calls]
    check_memory(program, scratch, plan.memory)
    backwards = dataclasses.replace(plan.memory, order=tuple(reversed(plan.memory.order)))
    with pytest.raises(McuqError, match="bytes are lost"):
        check_memory(program, scratch, backwards)


def test_memory_check_finds_state_that_is_not_written_back():
    program = lower("filter in place")
    plan = plan_program(program, "host")
    places = list(plan.memory.places)
    places[program.state[0].after] = Place(MemoryRegion.ARENA, 0, 8)
    elsewhere = MemoryMap(plan.memory.order, tuple(places), plan.memory.scratch_offsets, 16)
    with pytest.raises(McuqError, match="state 'h'"):
        check_memory(program, [0, 0, 0], elsewhere)


def test_state_is_not_exported_as_a_quantized_model():
    with pytest.raises(McuqError) as caught:
        write_qdq(lower("filter"), {})
    assert [problem.code for problem in caught.value.problems] == ["Q011"]
    assert "state 'h'" in caught.value.problems[0].where


def test_channels_of_state_stay():
    program = lower("filter")
    plan = plan_program(program, "host")
    for state in plan.program.state:
        assert plan.program.tensors[state.before].shape == SHAPE
        assert plan.program.tensors[state.after].shape == SHAPE


def test_programs_without_state_take_none(tmp_path):
    (example,) = examples("add", 1, Rounding.DOUBLE)
    builder = ProgramBuilder()
    builder.output(builder.step(example.op, *map(builder.input, example.shapes)))
    write_firmware(tmp_path, plan_program(builder.program(), "host"))
    assert "int net_run(const net_io *io, void *arena);" in (tmp_path / "include/net.h").read_text()


@pytest.mark.parametrize(
    "initial", [np.zeros((0,), np.int8), np.full(SHAPE, np.nan), np.zeros((7,), np.int8)]
)
def test_stored_state_without_sound_values_is_refused(initial):
    """What a state can hold is asked before anything else of it."""
    program = lower("filter")
    state = dataclasses.replace(program.state[0], initial=freeze(initial))
    with pytest.raises(DecodeError, match="begins with"):
        check_program(dataclasses.replace(program, state=(state,)))
