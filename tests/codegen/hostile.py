"""Names that want to be code, and a model that is made of them."""

from __future__ import annotations

import onnx
from onnx import helper

from tests.small_models import FLOAT

CODE = (
    "*/ int injected(void); /*",
    "// */ #error",
    'quote"); injected(); ("',
    "line\nbreak\r#error injected",
    "back\\slash\\",
    "trailing backslash \\\n#error",
    "trigraph ??/\n#error ??= ??'",
    "percent %s %n",
    "jinja {{ 7 * 7 }} {% raw %}",
    "cmake ${HOME} $ENV{HOME} @HOME@",
    "markdown `x` | y | <script>alert(1)</script>",
    "bell \x07 escape \x1b[31m",
    "übergrößе 層 😀 \u202e",
    "'; drop",
    "x" * 10_000,
    "*" * 10_000,
)
WORDS = (
    *("while", "int", "class", "bool", "main", "io", "arena", "work", "status", "model", "default", "_"),
    *("NULL", "INT8_MAX", "SIZE_MAX", "UINT32_MAX", "EOF", "BUFSIZ", "int8_t", "size_t", "int32_t", "I"),
    *("errno", "stdin", "defined", "asm", "linux", "unix", "near", "assert", "INT8_C", "offsetof", "memcpy"),
    *("result", "checksums", "vector", "layers", "trace", "run", "infer", "selftest", "checksum", "step"),
    *(
        "9lives",
        "__reserved",
        "_Bool",
        "_Static_assert",
        "a:0",
        "A:0",
        "a/0",
        "a_0",
        "A_0",
        "a_0_2",
        "é",
        "ü",
    ),
    *("ports", "samples", "round", "hash", "guards", "intact", "buffer", "arena_buffer", "prepare"),
    *("error", "place", "at", "place_guarded"),
)
NAMES = (*CODE, *WORDS)


def unsafe(name: str) -> bool:
    """Whether a name must not stand in generated text as it is."""
    return name in CODE


def hostile_model(names: tuple[str, ...] = NAMES) -> onnx.ModelProto:
    """One input, node and output per name: inputs have the first half's names, outputs the second's."""
    half = len(names) // 2
    nodes, inputs, outputs = [], [], []
    for number, (source, result) in enumerate(zip(names[:half], names[half : 2 * half], strict=True)):
        nodes.append(helper.make_node("Relu", [source], [f"mid {number} {source}"], name=source))
        nodes.append(
            helper.make_node(
                "MaxPool", [f"mid {number} {source}"], [result], name=result, kernel_shape=[2, 2]
            )
        )
        inputs.append(helper.make_tensor_value_info(source, FLOAT, [1, 1, 3, 3]))
        outputs.append(helper.make_tensor_value_info(result, FLOAT, [1, 1, 2, 2]))
    graph = helper.make_graph(nodes, "*/ graph", inputs, outputs, doc_string="*/ doc")
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
