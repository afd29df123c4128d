"""Why nothing reads the operators of TensorFlow Lite that nothing reads, and the nearest way round."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mcuq.tflite.reader import UnreadKind

_CUT = "cut it off the model, and do on the host or in the application what it does"


def _group(names: str, why: str, fix: str = _CUT) -> dict[str, UnreadKind]:
    return dict.fromkeys(names.split(), UnreadKind(why, fix))


# By the schema's names.
TFLITE_UNREAD: Mapping[str, UnreadKind] = MappingProxyType(
    {
        **_group(
            "IF WHILE CALL",
            "it is a branch, a loop or a call of another graph",
            "convert one function without them; unroll loops",
        ),
        **_group(
            "EQUAL NOT_EQUAL GREATER GREATER_EQUAL LESS LESS_EQUAL LOGICAL_AND LOGICAL_OR LOGICAL_NOT SELECT "
            "SELECT_V2 WHERE REDUCE_ANY REDUCE_ALL BITWISE_XOR RIGHT_SHIFT FLOOR_DIV FLOOR_MOD BITCAST",
            "tensors hold no truth values and no plain integers",
            "use RELU, MAXIMUM, MINIMUM and MUL instead",
        ),
        **_group(
            "LSTM BIDIRECTIONAL_SEQUENCE_LSTM RNN UNIDIRECTIONAL_SEQUENCE_RNN BIDIRECTIONAL_SEQUENCE_RNN",
            "its integers and its state are TensorFlow Lite's own",
            "export the layer to ONNX (LSTM, GRU or RNN) as a float model; mcuq quantizes it itself",
        ),
        **_group(
            "EMBEDDING_LOOKUP EMBEDDING_LOOKUP_SPARSE HASHTABLE HASHTABLE_FIND HASHTABLE_IMPORT "
            "HASHTABLE_LOOKUP HASHTABLE_SIZE LSH_PROJECTION SKIP_GRAM CONCAT_EMBEDDINGS GATHER_ND ONE_HOT "
            "BUCKETIZE",
            "it looks up what the input names, and inputs are numbers",
            "look it up in the application and give the model what was found",
        ),
        **_group(
            "SPARSE_TO_DENSE DENSIFY SCATTER_ND DYNAMIC_UPDATE_SLICE REVERSE_SEQUENCE MATRIX_DIAG "
            "MATRIX_SET_DIAG UNIQUE SEGMENT_SUM UNSORTED_SEGMENT_MAX UNSORTED_SEGMENT_MIN "
            "UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_SUM",
            "places that depend on data have no step",
            "convert it dense and with constant indices",
        ),
        **_group(
            "NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 TOPK_V2", "how much it gives depends on data"
        ),
        **_group(
            "RANDOM_STANDARD_NORMAL RANDOM_UNIFORM MULTINOMIAL STABLEHLO_RNG_BIT_GENERATOR",
            "results are deterministic",
        ),
        **_group("RFFT2D REAL IMAG COMPLEX_ABS", "tensors hold no complex numbers"),
        **_group("CONV_3D CONV_3D_TRANSPOSE", "windows have two axes at most", "use two-dimensional layers"),
        **_group(
            "L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION",
            "no step computes it",
            "use AVERAGE_POOL_2D, or batch normalization",
        ),
        **_group("ADD_N", "it has any number of inputs", "write it as ADD of two at a time"),
        **_group("POW ATAN2", "it is a function of two values", "use MUL, EXP or a function of one value"),
        **_group(
            "CUMSUM REDUCE_PROD REDUCE_WINDOW DILATE", "no step computes it", "write it as SUM, MUL or a pool"
        ),
        **_group(
            "CAST FAKE_QUANT",
            "it says how numbers are stored",
            "convert without it: QUANTIZE and DEQUANTIZE say the same",
        ),
        **_group(
            "FILL RANGE RANK ZEROS_LIKE BROADCAST_ARGS",
            "it makes constants or shapes, which converters fold",
            "convert with static shapes",
        ),
        **_group("CUSTOM DELEGATE", "what it computes is not in the file", "convert with built-in operators"),
        **_group(
            "STABLEHLO",
            "it is of another set of operators",
            "convert with TensorFlow Lite's built-in operators",
        ),
    }
)
