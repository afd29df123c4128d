"""What goes and what stays, in small programs."""

import dataclasses

import numpy as np
import pytest

import mcuq.eliminate.eliminate as module
from mcuq.eliminate.eliminate import eliminate_channels
from mcuq.ir.integer import Requant, Rounding
from mcuq.ops.argmax import ArgMaxStep
from mcuq.ops.arithmetic import AddStep
from mcuq.ops.constant import ConstantStep, CopyStep
from mcuq.ops.conv import ConvStep
from mcuq.ops.move import ConcatStep, SliceStep, TransposeStep
from mcuq.ops.pad import PadStep
from mcuq.ops.pool import AveragePoolStep, MaxPoolStep, MeanStep
from mcuq.ops.table import TableStep
from mcuq.ops.unary import ClipStep
from mcuq.ops.window import Window
from tests.builders import ProgramBuilder
from tests.eliminate.networks import (
    channels,
    check_elimination,
    conv1x1,
    conv3x3,
    depthwise3x3,
    linear,
    reasons,
    weighted,
)

# Live, dead under a ReLU at code 0, dead at the same code, live.
SOURCE = conv1x1([[1], [1], [0], [2]], [0, -300, -5, 1], lo=0)
HALF = Requant((2**30,), (0,), Rounding.DOUBLE)
ADD = AddStep(0, 0, 0, HALF, HALF, Requant((2**30,), (-18,), Rounding.DOUBLE), False, -128, 127)


def start(source=SOURCE, size=4):
    """An image of one channel, and a convolution that makes four, some of them dead."""
    builder = ProgramBuilder()
    return builder, builder.step(source, builder.input((1, size, size, 1)))


def finish(builder, tensor):
    builder.output(tensor)
    return check_elimination(builder.program())


def dense3x3(count=4, seed=0):
    return np.random.default_rng(seed).integers(1, 6, (2, 3, 3, count))


def test_constants_are_folded_into_the_bias():
    builder, x = start(conv1x1([[1], [0], [0]], [0, 7, -9]))
    found = finish(builder, builder.step(conv1x1([[1, 2, 3], [1, 0, -1]], [10, 20], x_zero_point=5), x))
    assert channels(found) == [1, 2]
    # Codes 7 and -9 with z = 5 add 2 (7 - 5) + 3 (-9 - 5) and 0 - (-9 - 5).
    params = found.program.steps[1].op.params
    assert params.bias.tolist() == [10 + 4 - 42, 20 + 14]
    assert params.weights.ravel().tolist() == [1, 1]
    assert reasons(found, 0) == [("constant", -9, (2,)), ("constant", 7, (1,))]
    assert [(each.step, each.total, each.macs, each.weight_bytes) for each in found.dropped] == [
        (0, 3, 32, 2),
        (1, 2, 64, 4),
    ]


def test_the_zero_points_code_adds_nothing_at_the_border():
    builder, x = start()
    found = finish(builder, builder.step(conv3x3(dense3x3(), [0, 0], 1), x))
    assert channels(found) == [2, 2]
    assert found.program.steps[1].op.params.bias.tolist() == [0, 0]


def test_another_code_before_padding_stays():
    builder, x = start()
    found = finish(builder, builder.step(conv3x3(dense3x3(), [0, 0], 1, x_zero_point=-3), x))
    assert channels(found) == [4, 2]
    assert not found.dropped


def test_another_code_without_padding_goes():
    builder, x = start()
    found = finish(builder, builder.step(conv3x3(dense3x3(), [0, 0], 0, x_zero_point=-3), x))
    assert channels(found) == [2, 2]
    assert (
        found.program.steps[1].op.params.bias.tolist() == (3 * dense3x3()[..., 1:3].sum((1, 2, 3))).tolist()
    )


def test_another_code_goes_where_only_the_centre_has_weights():
    weights = dense3x3()
    weights[..., 1:3] = 0
    weights[:, 1, 1, 1:3] = 5
    builder, x = start()
    found = finish(builder, builder.step(conv3x3(weights, [0, 0], 1, x_zero_point=-3), x))
    assert channels(found) == [2, 2]
    assert found.program.steps[1].op.params.bias.tolist() == [30, 30]


def test_a_window_that_covers_the_image_has_no_border():
    builder, x = start(size=2)
    op = ConvStep(weighted(dense3x3(), [0, 0], x_zero_point=-3), Window((3, 3), pads=(1, 1, 0, 0)), 1)
    assert channels(finish(builder, builder.step(op, x))) == [2, 2]


def test_unread_channels_go():
    builder, x = start(conv1x1([[1], [2], [3]], [0, 0, 0]))
    found = finish(builder, builder.step(conv3x3(dense3x3(3) * np.array([1, 0, 1]), [0, 0], 1), x))
    assert channels(found) == [2, 2]
    assert reasons(found, 0) == [("unread", None, (1,))]


def test_a_channel_that_one_of_two_consumers_reads_stays():
    builder, x = start(conv1x1([[1], [2], [3]], [0, 0, 0]))
    first = builder.step(conv1x1([[1, 0, 0]], [0]), x)
    builder.output(builder.step(conv1x1([[0, 1, 0]], [0]), x))
    found = finish(builder, first)
    assert channels(found) == [2, 1, 1]


def test_channels_that_only_dropped_channels_read_go():
    builder, x = start(conv1x1([[1], [2], [3]], [0, 0, 0]))
    # Its second filter alone reads channel 2, and nothing reads the second filter.
    y = builder.step(conv1x1([[1, 1, 0], [0, 1, 1]], [0, 0]), x)
    found = finish(builder, builder.step(conv1x1([[1, 0]], [0]), y))
    assert channels(found) == [2, 1, 1]


def test_depthwise_channels_go_with_their_inputs():
    builder, x = start()
    y = builder.step(depthwise3x3(np.ones((4, 3, 3)), [0, 9, 9, 0], 1), x)
    # Channel 3 is alive before, and dead behind the depthwise layer.
    z = builder.step(ClipStep(-128, 127), y)
    found = finish(builder, builder.step(conv1x1([[1, 1, 1, 0]], [0]), z))
    assert channels(found) == [1, 1, 1, 1]
    assert found.program.steps[3].op.params.bias.tolist() == [18]
    assert reasons(found, 0) == [("constant", 0, (1, 2)), ("unread", None, (3,))]
    assert reasons(found, 1) == [("constant", 9, (1, 2)), ("unread", None, (3,))]


def test_a_depthwise_layer_of_another_code_is_no_constant_at_its_border():
    builder, x = start()
    y = builder.step(depthwise3x3(np.ones((4, 3, 3)), [0] * 4, 1, x_zero_point=-3), x)
    assert channels(finish(builder, builder.step(conv1x1([[1] * 4], [0]), y))) == [4, 4, 1]


def test_codes_by_position_go_before_a_fully_connected_layer():
    builder, x = start()
    y = builder.step(depthwise3x3(np.ones((4, 3, 3)), [0] * 4, 1, x_zero_point=-3), x)
    flat = builder.tensor((1, 64), storage=y)
    found = finish(builder, builder.step(linear([np.arange(64) % 9, np.ones(64)], [0, 0]), flat))
    assert channels(found) == [2, 2, 2]
    assert found.program.tensors[flat].shape == (1, 32)
    assert reasons(found, 1) == [("constant by position", None, (1, 2))]


def test_a_multiplier_keeps_an_input_while_one_of_its_outputs_is_read():
    builder, x = start(conv1x1([[1], [2]], [0, 0]))
    y = builder.step(depthwise3x3(np.ones((4, 3, 3)), [0, -9999, -9999, -9999], 1, lo=0), x)
    assert channels(finish(builder, builder.step(conv1x1([[1] * 4], [0]), y))) == [1, 2, 1]


def test_groups_go_as_a_whole():
    builder, x = start(conv1x1([[1]] * 6, [0] * 6))
    weights = np.ones((6, 1, 1, 2))
    y = builder.step(ConvStep(weighted(weights, [0, 0, -999, 0, -999, -999], lo=0), Window((1, 1)), 3), x)
    found = finish(builder, builder.step(conv1x1([[1] * 6], [0]), y))
    assert channels(found) == [4, 4, 1]
    assert found.program.steps[1].op.groups == 2


@pytest.mark.parametrize(
    "op",
    [
        MaxPoolStep(Window((2, 2)), 0, 127),
        AveragePoolStep(Window((2, 2), pads=(1, 1, 0, 0)), False, 0, 0, 127),
        MeanStep(Window((4, 4)), 0, 0, HALF, -128, 127),
        TableStep(np.arange(-128, 128, dtype=np.int8)[::-1].copy()),
        ClipStep(0, 50),
        CopyStep(),
        PadStep(((0, 0), (1, 0), (0, 1), (0, 0)), 0, 0, 127),
        TransposeStep((0, 2, 1, 3), 0, 127),
        SliceStep((0, 1, 0, 0), (1, 3, 4, 4), (1, 1, 2, 1), 0, 127),
    ],
    ids=lambda op: op.kind,
)
def test_constants_pass_through(op):
    builder, x = start()
    found = finish(builder, builder.step(conv1x1([[1, 2, 3, 4]], [0]), builder.step(op, x)))
    assert channels(found) == [2, 2, 1]


def test_a_pad_with_another_code_makes_a_frame_that_stays():
    builder, x = start()
    y = builder.step(PadStep(((0, 0), (1, 1), (1, 1), (0, 0)), 7, 0, 127), x)
    assert channels(finish(builder, builder.step(conv1x1([[1, 2, 3, 4]], [0]), y))) == [4, 4, 1]


def test_an_addition_drops_what_both_sides_can():
    builder, x = start()
    y = builder.step(conv1x1(np.eye(4, dtype=int)[[0, 1, 3, 2]], [0, 0, 0, 0]), x)
    z = builder.step(ADD, x, y)
    # Channel 1 is constant on both sides, channel 2 on one.
    found = finish(builder, builder.step(conv1x1([[1] * 4], [0]), z))
    assert channels(found) == [3, 3, 3, 1]
    assert reasons(found, 2) == [("constant", 0, (1,))]


def test_a_broadcast_operand_stays_whole():
    builder, x = start()
    one = builder.step(ConstantStep(np.array([[[[5]]]], np.int8)))
    four = builder.step(ConstantStep(np.array([1, 2, 3, 4], np.int8)))
    y = builder.step(ADD, builder.step(ADD, x, one), four)
    found = finish(builder, builder.step(conv1x1([[1] * 4], [0]), y))
    assert channels(found) == [2, 1, 2, 2, 2, 1]
    assert found.program.steps[2].op.codes.tolist() == [1, 4]
    assert found.program.steps[5].op.params.bias.tolist() == [5 + 2 + 5 + 3]


def test_a_skip_connection_around_a_layer_that_alone_reads_a_channel():
    builder, x = start(conv1x1([[1], [2], [3]], [0, 0, 0]))
    # Filter 2 reads channel 2, and both only reach channel 2 of the sum, which nothing reads.
    y = builder.step(conv1x1([[1, 1, 0], [0, 1, 0], [1, 1, 1]], [0, 0, 0]), x)
    found = finish(builder, builder.step(conv1x1([[1, 1, 0]], [0]), builder.step(ADD, x, y)))
    assert channels(found) == [2, 2, 2, 1]


def test_concat_and_slice_move_channels():
    builder, x = start()
    other = builder.step(conv1x1([[1], [0]], [3, 4]), builder.inputs[0].tensor)
    y = builder.step(ConcatStep(3, -128, 127), x, other)
    part = builder.step(SliceStep((0, 0, 0, 2), (1, 4, 4, 6), (1, 1, 1, 1), -128, 127), y)
    found = finish(builder, builder.step(conv1x1([[1, 1, 1, 1]], [0]), part))
    # Of channels 0 to 3 and 4 to 5, the slice leaves 2 to 5; 2 and 5 are constant, 0 and 1 unread.
    assert channels(found) == [1, 1, 2, 2, 1]
    assert found.program.steps[3].op.starts == (0, 0, 0, 0)
    assert reasons(found, 2) == [("constant", 0, (1, 2)), ("constant", 4, (5,)), ("unread", None, (0,))]


@pytest.mark.parametrize(
    "op",
    [
        TransposeStep((0, 3, 1, 2), 0, 127),
        PadStep(((0, 0), (0, 0), (0, 0), (0, 1)), 0, 0, 127),
        SliceStep((0, 0, 0, 0), (1, 4, 4, 4), (1, 1, 1, 2), 0, 127),
        ArgMaxStep(),
    ],
    ids=lambda op: op.kind,
)
def test_what_takes_channels_apart_keeps_them(op):
    builder, x = start()
    assert channels(finish(builder, builder.step(op, x)))[0] == 4


def test_inputs_and_outputs_keep_their_channels():
    builder = ProgramBuilder()
    x = builder.input((1, 4, 4, 3))
    y = builder.step(conv1x1([[1, 0, 0], [0, 0, 0]], [0, 5]), x)
    found = finish(builder, y)
    assert channels(found) == [2]
    assert found.program is builder.program() or not found.dropped


def test_one_channel_stays_where_all_could_go():
    builder, x = start(conv1x1([[0], [0]], [3, 4]))
    found = finish(builder, builder.step(conv1x1([[1, 1]], [0]), x))
    assert channels(found) == [1, 1]
    assert reasons(found, 0) == [("constant", 4, (1,))]


def test_views_of_other_channel_counts_share_what_divides_both():
    builder, x = start()
    wide = builder.tensor((1, 2, 2, 16), storage=x)
    weights = np.tile([1, 0, 2, 0], (1, 4))
    found = finish(builder, builder.step(conv1x1(weights, [0]), wide))
    assert channels(found) == [1, 1]
    assert found.program.tensors[wide].shape == (1, 2, 2, 4)
    odd, y = start()
    view = odd.tensor((1, 64 // 8, 8 // 2, 2), storage=y)
    assert channels(finish(odd, odd.step(conv1x1([[1, 1]], [0]), view))) == [4, 1]


def test_large_programs_are_left_alone(monkeypatch):
    builder, x = start()
    builder.output(builder.step(conv1x1([[1] * 4], [0]), x))
    program = builder.program()
    assert eliminate_channels(program).dropped
    monkeypatch.setattr(module, "LARGEST_TENSOR", 15)
    assert eliminate_channels(program).program is program


def test_nothing_is_lost_of_names_ports_and_parameters():
    builder, x = start()
    builder.output(builder.step(conv1x1([[1] * 4], [0]), x))
    program = builder.program()
    smaller = eliminate_channels(program).program
    for before, after in zip(program.tensors, smaller.tensors, strict=True):
        assert after == dataclasses.replace(before, shape=after.shape)
    assert [(s.name, s.inputs, s.output, s.op.kind) for s in program.steps] == [
        (s.name, s.inputs, s.output, s.op.kind) for s in smaller.steps
    ]
    assert (program.inputs, program.outputs, program.origin) == (
        smaller.inputs,
        smaller.outputs,
        smaller.origin,
    )


def separable(dead, count=12):
    """A depthwise layer between two dense ones; the first has filters that are dead."""
    bias = np.where(np.isin(np.arange(count), dead), -9999, 0)
    builder, x = start(conv1x1(np.ones((count, 1), int), bias, lo=0))
    y = builder.step(depthwise3x3(np.ones((count, 3, 3)), [0] * count, 1), x)
    builder.output(builder.step(conv1x1([[1] * count], [0]), y))
    return builder.program()


@pytest.mark.parametrize(
    ("dead", "expected"),
    [
        ([0, 1, 2, 3, 4, 5, 6], 8),  # 5 are alive
        ([0, 1, 2, 3], 8),
        ([0, 1, 2], 12),  # three go, and three come back
        (range(12), 4),
    ],
)
def test_kernels_get_the_multiples_that_they_want(dead, expected):
    found = check_elimination(separable(dead), multiple=4)
    assert channels(found) == [expected, expected, 1]
    assert {int(each) for each in np.nonzero(~found.kept[1])[0]} <= set(dead)


def test_no_channel_comes_back_where_a_multiple_is_out_of_reach():
    found = check_elimination(separable([0], count=6), multiple=4)
    assert channels(found) == [5, 5, 1]


def test_channels_that_need_least_come_back_first():
    builder, x = start(conv1x1([[1], [2]], [0, 0]))
    # Nothing reads filters 0 and 1 of four; filter 0 alone needs a second channel.
    y = builder.step(conv1x1([[1, 1], [1, 0], [2, 0], [3, 0]], [0] * 4), x)
    z = builder.step(depthwise3x3(np.ones((4, 3, 3)), [0] * 4, 1), y)
    builder.output(builder.step(conv1x1([[0, 0, 1, 0]], [0]), z))
    found = check_elimination(builder.program(), multiple=2)
    assert channels(found) == [1, 2, 2, 1]
    assert found.kept[2].tolist() == [False, True, True, False]


def test_the_taps_of_pools_count_as_operations(monkeypatch):
    """Nothing is long but the pool: 64 outputs of 1,600 taps."""
    builder, x = start()
    y = builder.step(MaxPoolStep(Window((40, 40), pads=(20, 20, 19, 19)), -128, 127), x)
    builder.output(builder.step(conv1x1([[1] * 4], [0]), y))
    monkeypatch.setattr(module, "MAX_OPERATIONS", 64 * 1600 + 1000)
    assert eliminate_channels(builder.program()).dropped
    monkeypatch.setattr(module, "MAX_OPERATIONS", 64 * 1600)
    assert not eliminate_channels(builder.program()).dropped
