"""Recurrent layers in every form that ONNX has, against onnxruntime, all the way to integers."""

import numpy as np
import pytest
from onnx import numpy_helper
from small_models import Net, save

from mcuq.errors import McuqError
from mcuq.frontend import read

from .checked import check_built

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
OUTPUTS = {"LSTM": ("y", "y_h", "y_c"), "GRU": ("y", "y_h"), "RNN": ("y", "y_h")}
STEPS, SIZE, UNITS = 9, 5, 6


def recurrent(
    op_type, direction="forward", outputs=(0,), states=(), steps=STEPS, batch=1, bias=True, more=(), **attrs
):
    """A model of one node; states are inputs of the model, or constants where they are arrays."""
    count = 2 if direction == "bidirectional" else 1
    state_shape = (count, batch, UNITS)
    free = {name: state_shape for name in states if isinstance(name, str)}
    net = Net(17, x=(steps, batch, SIZE), **free)
    gates = GATES[op_type]
    w, r, b = (
        net.const(net.rng.normal(size=shape) * scale)
        for shape, scale in (
            ((count, gates * UNITS, SIZE), 0.5),
            ((count, gates * UNITS, UNITS), 0.4),
            ((count, 2 * gates * UNITS), 0.3),
        )
    )
    begins = [each if isinstance(each, str) else net.const(each) for each in states]
    inputs = ["x", w, r, b if bias else "", "", *begins]
    if more:
        inputs += [""] * (7 - len(inputs)) + [net.const(array) for array in more]
    names = [name if place in outputs else "" for place, name in enumerate(OUTPUTS[op_type])]
    while not names[-1]:
        names.pop()
    net.add(op_type, *inputs, outputs=names, direction=direction, hidden_size=UNITS, **attrs)
    return net.model(*(name for name in names if name))


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("op_type", sorted(GATES))
def test_directions_with_every_output(op_type, direction, tmp_path):
    outputs = range(len(OUTPUTS[op_type]))
    built = check_built(recurrent(op_type, direction, outputs), tmp_path, least_db=28.0)
    assert built.steps().count(op_type.lower()) == (2 if direction == "bidirectional" else 1)


@pytest.mark.parametrize("steps", [1, 8, 16, 40])
@pytest.mark.parametrize("op_type", sorted(GATES))
def test_sequences_of_any_length(op_type, steps, tmp_path):
    check_built(recurrent(op_type, steps=steps), tmp_path, least_db=28.0)


@pytest.mark.parametrize("op_type", sorted(GATES))
def test_last_state_alone_and_no_bias(op_type, tmp_path):
    check_built(recurrent(op_type, outputs=(1,), bias=False), tmp_path, least_db=28.0)


@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
@pytest.mark.parametrize("op_type", sorted(GATES))
def test_states_to_begin_with(op_type, direction, tmp_path):
    """As inputs of the model, and as constants that are far larger than the hidden states."""
    names = ("first_h", "first_c")[: len(OUTPUTS[op_type]) - 1]
    check_built(recurrent(op_type, direction, (0, 1), names), tmp_path, least_db=25.0)
    count = 2 if direction == "bidirectional" else 1
    arrays = [np.linspace(-3, 3, count * UNITS).reshape(count, 1, UNITS)] * len(names)
    check_built(recurrent(op_type, direction, (0, 1), arrays), tmp_path, least_db=25.0)


def test_lstm_with_one_state(tmp_path):
    states = (np.zeros((1, 1, UNITS)), np.ones((1, 1, UNITS)))
    check_built(recurrent("LSTM", states=states), tmp_path, least_db=28.0)


@pytest.mark.parametrize("op_type", sorted(GATES))
def test_clip(op_type, tmp_path):
    check_built(recurrent(op_type, clip=0.75), tmp_path, least_db=28.0)


def test_lstm_with_peepholes(tmp_path):
    peepholes = np.random.default_rng(3).normal(size=(2, 3 * UNITS))
    model = recurrent("LSTM", "bidirectional", more=[peepholes])
    check_built(model, tmp_path, least_db=28.0)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"batch": 17}, "a batch of 17 sequences"),
        (
            {"activations": ["Relu"] * 3},
            "its activations are Relu, Relu, Relu, built are Sig",
        ),
        ({"steps": 32769}, "its sequence has 32_769 elements, the limit is 32_768"),
        ({"input_forget": 1}, "it has input_forget=1"),
        ({"direction": "backwards"}, "attribute 'direction' is 'backwards'"),
        ({"clip": -1.0}, "attribute 'clip' is -1"),
        ({"states": [np.ones((1, 1, 4))]}, "its initial state has shape"),
        ({"more": [np.ones((1, 4))]}, "its peepholes have shape"),
    ],
)
def test_lstm_is_refused_by_name(change, why, tmp_path):
    with pytest.raises(McuqError, match=why):
        read(save(recurrent("LSTM", **change), tmp_path))


def test_rnn_of_relu_is_refused_by_name(tmp_path):
    with pytest.raises(McuqError, match="its activations are Relu, built are Tanh"):
        read(save(recurrent("RNN", activations=["Relu"]), tmp_path))


def test_default_activations_may_be_written_out(tmp_path):
    names = ["sigmoid", "tanh", "Tanh"]
    assert read(save(recurrent("LSTM", activations=names), tmp_path)).graph.nodes


@pytest.mark.parametrize("size", [1.0, 40.0])
def test_gru_that_resets_sums(size, tmp_path):
    """ONNX's linear_before_reset, also where the sums that are reset are far beyond what gates can be."""
    model = recurrent("GRU", "bidirectional", (0, 1), linear_before_reset=1)
    recurrence, bias = (numpy_helper.to_array(each).copy() for each in model.graph.initializer[1:3])
    recurrence[:, 2 * UNITS :] *= size
    bias[:, 5 * UNITS :] *= size
    for each, array in zip(model.graph.initializer[1:3], (recurrence, bias), strict=True):
        each.CopyFrom(numpy_helper.from_array(array, each.name))
    check_built(model, tmp_path, least_db=28.0 if size == 1.0 else 15.0)


@pytest.mark.parametrize("op_type", sorted(GATES))
def test_batch_first(op_type, tmp_path):
    """Layout 1, which onnxruntime does not run: the same graph but for shapes."""
    shapes = []
    for layout in (0, 1):
        outputs = range(len(OUTPUTS[op_type]))
        model = recurrent(op_type, "bidirectional", outputs, layout=layout)
        if layout:
            dims = model.graph.input[0].type.tensor_type.shape.dim
            dims[0].dim_value, dims[1].dim_value = dims[1].dim_value, dims[0].dim_value
        graph = read(save(model, tmp_path)).graph
        shapes.append([graph.tensors[name].shape for name in OUTPUTS[op_type]])
    steps_first, batch_first = shapes
    assert batch_first[0] == (1, STEPS, 2, UNITS)
    assert all(shape == (1, 2, UNITS) for shape in batch_first[1:])
    assert steps_first[0] == (STEPS, 2, 1, UNITS)


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("op_type", sorted(GATES))
def test_several_sequences(op_type, direction, tmp_path):
    count = 2 if direction == "bidirectional" else 1
    states = ["h0", np.ones((count, 3, UNITS)) / 4][: 2 if op_type == "LSTM" else 1]
    outputs = range(len(OUTPUTS[op_type]))
    model = recurrent(op_type, direction, outputs, states, batch=3)
    assert check_built(model, tmp_path, least_db=25.0).steps().count(op_type.lower()) == 3 * count


@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
@pytest.mark.parametrize("op_type", sorted(GATES))
def test_sequences_of_different_lengths(op_type, direction, tmp_path):
    model = recurrent(op_type, direction, (0, 1), batch=3)
    lengths = np.array([STEPS, 4, 1], np.int32)
    model.graph.initializer.append(numpy_helper.from_array(lengths, "lengths"))
    model.graph.node[0].input[4] = "lengths"
    check_built(model, tmp_path, least_db=25.0)


@pytest.mark.parametrize("lengths", [[3, 0], [10, 1], [3], [-1, 2], [3, 2**30]])
def test_lengths_that_do_not_fit_are_refused(lengths, tmp_path):
    model = recurrent("GRU", batch=2)
    model.graph.initializer.append(numpy_helper.from_array(np.array(lengths, np.int32), "lengths"))
    model.graph.node[0].input[4] = "lengths"
    with pytest.raises(McuqError) as caught:
        read(save(model, tmp_path))
    assert {problem.code for problem in caught.value.problems} <= {"M004", "M006"}


def test_gru_whose_states_stay_small_keeps_its_candidates(tmp_path):
    """The update gate lets little of a candidate through: states are far from 1, candidates are not."""
    model = recurrent("GRU", steps=3)
    bias = numpy_helper.to_array(model.graph.initializer[2]).copy()
    bias[:, :UNITS] += 3.0
    bias[:, 2 * UNITS : 3 * UNITS] += 3.0
    model.graph.initializer[2].CopyFrom(numpy_helper.from_array(bias, model.graph.initializer[2].name))
    built = check_built(model, tmp_path, 0.0, 0.1, least_db=25.0)
    assert max(float(np.abs(each).max()) for each in built.expected.values()) < 0.4
