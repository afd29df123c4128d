"""Why nothing reads the operators of ONNX that nothing reads, and the nearest way round."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mcuq.onnxio.importers.reader import Unread

_CUT = "cut it off the model, and do on the host or in the application what it does"


def _group(names: str, why: str, fix: str) -> dict[str, Unread]:
    return dict.fromkeys(names.split(), Unread(why, fix))


_SPELLED_OUT = "export with an opset in which the exporter spells it out, or write it as"

# By name.
UNREAD: Mapping[str, Unread] = MappingProxyType(
    {
        **_group(
            "LRN MeanVarianceNormalization",
            "its scale is computed from the values that it normalizes; no step does that",
            "train with BatchNormalization instead: it costs nothing on the device",
        ),
        **_group(
            "Scan CausalConvWithState LinearAttention",
            "no step has a loop over time",
            "unroll it over its steps before exporting, with MatMul, Sigmoid, Tanh, Mul and Add, or use Conv "
            "along time",
        ),
        **_group(
            "Attention RotaryEmbedding SwiGLU ai.onnx.preview.FlexAttention",
            "no step computes it",
            f"{_SPELLED_OUT} MatMul, Mul, Add and Softmax",
        ),
        **_group(
            "ReduceProd", "it is computed only where its input is constant", "write it as Slice and Mul"
        ),
        **_group(
            "IsInf IsNaN",
            "no code of int8 stands for infinity or NaN",
            "leave it out, and keep such values from the model's inputs",
        ),
        **_group(
            "BitwiseAnd BitwiseNot BitwiseOr BitwiseXor BitShift BitCast",
            "it works on integers; tensors hold real numbers",
            "do it in the application",
        ),
        **_group(
            "CumProd",
            "every element depends on all before it, and no step computes it",
            "write it as Slice and Mul",
        ),
        **_group(
            "TensorScatter",
            "it places values where an input says",
            "use Gather or Slice with constant indices, and Concat",
        ),
        **_group(
            "NonMaxSuppression NonZero Unique RoiAlign MaxRoiPool MaxUnpool",
            "the size or the place of its output depends on the values",
            "end the model before it, keep what it reads as outputs, and do it in the application",
        ),
        **_group(
            "Loop",
            "how often it runs is decided at run time",
            "unroll it: export with a constant number of rounds",
        ),
        **_group(
            "SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength "
            "SequenceMap SplitToSequence ConcatFromSequence Optional OptionalGetElement OptionalHasElement",
            "it works on a list of tensors, or on lengths decided at run time",
            "use tensors of fixed shape: Split, Slice and Concat",
        ),
        **_group(
            "GridSample AffineGrid DeformConv Col2Im",
            "it reads at places that it computes",
            "use Resize, Slice and Pad with constant parameters",
        ),
        **_group("LpPool GlobalLpPool", "no step computes it", "use AveragePool or MaxPool"),
        **_group("Det", "no step computes it", _CUT),
        **_group(
            "DFT STFT MelWeightMatrix BlackmanWindow HammingWindow HannWindow ImageDecoder",
            "it belongs before the network: it needs more precision than 8 bits, or a decoder",
            "compute spectra and images in the application, and feed the network with them",
        ),
        **_group(
            "Bernoulli Multinomial RandomNormal RandomNormalLike RandomUniform RandomUniformLike",
            "it is random: the same input has to give the same output",
            "export the model for inference (`model.eval()`)",
        ),
        **_group(
            "NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss ai.onnx.preview.training.Adagrad "
            "ai.onnx.preview.training.Adam ai.onnx.preview.training.Gradient "
            "ai.onnx.preview.training.Momentum",
            "it belongs to training",
            "export the model for inference, without its loss",
        ),
        **_group(
            "RegexFullMatch StringConcat StringNormalizer StringSplit TfIdfVectorizer",
            "it works on text",
            "turn text into numbers in the application",
        ),
        **_group(
            "ConvInteger MatMulInteger DynamicQuantizeLinear",
            "its scales are computed at run time",
            "quantize statically, or give mcuq the float model",
        ),
        **_group(
            "ai.onnx.ml.SVMClassifier",
            "no step lets pairs of classes vote",
            "use a linear model, or SVMRegressor for scores, or a small network trained on its answers",
        ),
        **_group(
            "ai.onnx.ml.LabelEncoder "
            "ai.onnx.ml.CategoryMapper ai.onnx.ml.CastMap ai.onnx.ml.DictVectorizer ai.onnx.ml.OneHotEncoder",
            "it works on labels and dictionaries",
            "export scores alone, skl2onnx with `options={'zipmap': False}`, and cut the labels off; "
            "features have to be numbers before the network",
        ),
    }
)
