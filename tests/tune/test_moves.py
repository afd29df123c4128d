"""Moves become configurations that read back as they are."""

import dataclasses

import numpy as np
import pytest
from onnx import TensorProto

from mcuq.calibrate.config import read_output_types, read_overrides, read_state_pairs, read_ties
from mcuq.frontend import read
from mcuq.options import QuantOptions
from mcuq.passes.canonicalize import canonicalize
from mcuq.pipeline.calibration import tie_model
from mcuq.settings import Override, StatePair
from mcuq.tune.moves import (
    Move,
    combine,
    config_text,
    find_moves,
    moving_groups,
    output_moves,
    to_overrides,
    with_moves,
)
from tests.small_models import Net, save
from tests.tune.networks import small_model

NAMES = ["plain", "a/b:0", 'quote"\\', "newline\nhere", "délta \x7f", "glob[1]*?", "#[[override]]"]


def _net(folder):
    net = Net(h=(1, 4), x=(1, 4))
    both = net.add("Add", net.add("Tanh", "x"), "h")
    net.add("Relu", both, outputs=["h_out"])
    return canonicalize(read(save(net.model("h_out", shape=(1, 4)), folder)).graph)


def test_config_text_reads_back(tmp_path):
    overrides = tuple(Override("tensor", name, method="kl") for name in NAMES)
    overrides += (
        Override("op", "linear", method="percentile", percentile=99.5),
        Override("node", "n", range=(-1e-30, 6.0), scheme="symmetric"),
    )
    options = QuantOptions(
        overrides=overrides,
        ties=(("h", 'h"out'),),
        state_pairs=(StatePair("a", "b"), StatePair("c", "d", (0.1, -3e20))),
        configured_types={**dict.fromkeys(NAMES, "int16"), "": "real"},
    )
    path = tmp_path / "c.toml"
    path.write_text(config_text(options, ["a line", "one\nthat\x00 is not"]), "utf-8")
    assert overrides == read_overrides(path)
    assert options.ties == read_ties(path)
    assert options.state_pairs == read_state_pairs(path)
    assert options.configured_types == read_output_types(path)


def test_overrides_mean_one_tensor_alone():
    (each,) = to_overrides((Move("method", "kl", ("glob[1]*?",)),))
    assert each == Override("tensor", "glob[[]1][*][?]", method="kl")


def test_overrides_of_a_tensor_are_one_table():
    moves = (Move("weight_bits", 4, ("t",)), Move("activation_bits", 16, ("t", "u")))
    first, second = Override("tensor", "t", weight_bits=4, activation_bits=16), Override("tensor", "u")
    assert to_overrides(moves) == (first, dataclasses.replace(second, activation_bits=16))


def test_combine_keeps_the_order_and_the_last_of_a_variable():
    a, b, c = Move("method", "kl", ("t",)), Move("method", "minmax", ("t",)), Move("method", "kl", ("u",))
    assert combine((a, b, c), (c, a, b)) == (b, c)


def test_moves_leave_inputs_and_what_holds_already_alone(tmp_path):
    graph = canonicalize(read(small_model(tmp_path)).graph)
    moves = find_moves(graph, QuantOptions(method="kl"))
    layers = [move.tensors for move in moves if move.setting == "weight_bits"]
    assert len(layers) == 3 and all(len(names) == 1 for names in layers)
    methods = {move.value for move in moves if move.setting == "method"}
    assert methods == {"mse", "minmax", "percentile"}
    assert all("x" not in move.tensors for move in moves)


@pytest.mark.parametrize("tied", [False, True])
def test_tensors_that_are_tied_move_together(tmp_path, tied):
    graph = _net(tmp_path)
    alone = moving_groups(graph, QuantOptions())
    assert len(alone) > 0 and all(len(group) == 1 for group in alone)
    options = QuantOptions(ties=(("h", "h_out"),)) if tied else QuantOptions()
    groups = moving_groups(graph, options)
    # With an input, whose codes are the caller's, nothing moves.
    assert any("h_out" in group for group in groups) is not tied
    assert len(groups) == len(alone) - tied


def test_two_outputs_that_are_tied_move_together(tmp_path):
    net = Net(x=(1, 4))
    first = net.add("Relu", net.add("Mul", "x", net.const([[2.0] * 4])), outputs=["a"])
    net.add("Mul", first, net.const([[3.0] * 4]), outputs=["b"])
    graph = canonicalize(read(save(net.model("a", "b", shape=(1, 4)), tmp_path)).graph)
    groups = moving_groups(graph, QuantOptions(ties=(("a", "b"),)))
    assert any(set(group) == {"a", "b"} for group in groups)
    (move,) = [each for each in find_moves(graph, QuantOptions(ties=(("a", "b"),))) if each.value == "kl"]
    assert {"a", "b"} == {each.pattern for each in to_overrides((move,))}
    assert dataclasses.replace(move, value="minmax").variable == move.variable


def test_moves_of_outputs_are_those_whose_type_is_open(tmp_path):
    net = Net(x=(2, 4), h=(2, 4))
    net.add("Relu", net.add("Add", "x", "h"), outputs=["y"])
    net.add("TopK", "y", net.const(np.array([2], np.int64)), outputs=["values", "places"])
    model = net.model("y", "values", "places")
    model.graph.output[2].type.tensor_type.elem_type = TensorProto.INT64
    options = QuantOptions(state=("h:y",))
    graph = canonicalize(tie_model(read(save(model, tmp_path)), options).graph)
    # State is nobody's to read, and indices are int32.
    values = Move("output_type", "int16", ("values",))
    assert output_moves(graph, options) == (values,)
    for name in ("", "values"):
        assert output_moves(graph, dataclasses.replace(options, output_types={name: "int8"})) == ()
        assert output_moves(graph, dataclasses.replace(options, configured_types={name: "real"})) == ()
    asked = dataclasses.replace(options, output_types={"y": "int8"})
    moved = with_moves(asked, (values, Move("activation_bits", 16, ("y",))))
    assert moved.asked_types == {"y": "int8", "values": "int16"}
    assert moved.overrides == (Override("tensor", "y", activation_bits=16),)
