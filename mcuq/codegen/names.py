"""Names from the model are data: what of them may stand in C, and how."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from mcuq.errors import fail

# C99, C11 and C++ keywords, and lower-case macros that a member must not be called.
_RESERVED = frozenset(
    """alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t
    class compl concept const consteval constexpr constinit const_cast continue co_await co_return co_yield
    decltype default delete do double dynamic_cast else enum explicit export extern false float for friend
    goto if inline int long mutable namespace new noexcept not not_eq nullptr operator or or_eq private
    protected public register reinterpret_cast requires restrict return short signed sizeof static
    static_assert static_cast struct switch template this thread_local throw true try typedef typeid
    typename union unsigned using virtual void volatile wchar_t while xor xor_eq main arena io linux unix
    errno stdin stdout stderr assert""".split()
)
# Headers that `<name>.h` on the include path would hide: of C, of POSIX, and of C libraries' own.
_HEADERS = frozenset(
    """assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg
    stdatomic stdbit stdbool stdckdint stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar
    wchar wctype alloca endian features malloc memory newlib pthread reent sched strings unistd""".split()
)
_MAX_IDENTIFIER = 40
_MAX_COMMENT = 72


def identifier(text: str) -> str:
    """A C identifier made of a name: other characters become `_`; never empty, a keyword or reserved.

    >>> [identifier(t) for t in ("conv2d/Relu:0", "1x", "while", "π", "__x")]
    ['conv2d_Relu_0', 'n1x', 'while_', 'n', 'x']
    """
    name = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")[:_MAX_IDENTIFIER].strip("_")
    if not name or not name[0].isalpha():
        name = f"n{name}"
    return f"{name}_" if name.lower() in _RESERVED else name


def member_identifier(text: str) -> str:
    """`identifier` for a struct member: not a type of <stdint.h>, all capitals as macros are, nor `error`.

    >>> [member_identifier(t) for t in ("X", "NULL", "ADC1", "int8_t", "Input", "error")]
    ['X', 'NULL_', 'ADC1_', 'int8_t_', 'Input', 'error_']
    """
    name = identifier(text)
    is_type = re.fullmatch(r"u?int\w*_t|size_t|ptrdiff_t|max_align_t", name) is not None
    # The one capital that is a macro: <complex.h>.
    is_macro = name == "I" or (name.isupper() and len(name) > 1)
    # The macros of the buffer `error` would begin as those of the return codes do.
    return f"{name}_" if is_type or is_macro or name.lower() == "error" else name


def unique_identifiers(texts: Iterable[str]) -> tuple[str, ...]:
    """`member_identifier` of each, made unique by a number, also when only case tells them apart.

    >>> unique_identifiers(["a:0", "a/0", "A:0b", "a/0B"])
    ('a_0', 'a_0_2', 'A_0b', 'a_0B_2')
    """
    taken: set[str] = set()
    names = []
    for text in texts:
        name = member_identifier(text)
        base = name.rstrip("_")
        number = 1
        while name.lower() in taken:
            number += 1
            name = f"{base}_{number}"
        taken.add(name.lower())
        names.append(name)
    return tuple(names)


def comment_text(text: str) -> str:
    """A name as it may stand in a C comment or string: plain ASCII without quotes, `*`, `?` or backslash.

    >>> comment_text('a*/b' + chr(10) + 'c??/')
    'a_/b_c__/'
    """
    safe = re.sub(r"[^A-Za-z0-9_.:;,=/()\[\] +-]", "_", text)
    return safe if len(safe) <= _MAX_COMMENT else safe[: _MAX_COMMENT - 3] + "..."


def check_name(name: str) -> str:
    """The model's name for C, as the user gave it.

    Raises:
        McuqError: O003 where it is not an identifier that can prefix symbols and files.
    """
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,39}", name) is None or _is_taken(name):
        raise fail(
            "O003",
            "the name is not a C identifier",
            where="--name",
            why=f"found {comment_text(name)!r}; it prefixes C symbols and file names, and no word or header "
            "of C may be called so, nor one of mcuq",
            fix=f"use letters, digits and _, at most 40, for instance {_free_name(name)!r}",
        )
    return name


def _is_taken(name: str) -> bool:
    """Whether a word of C or a header is called so, ours (`mcuq_...`) included."""
    return name.lower() in _RESERVED | _HEADERS or name.lower().startswith("mcuq_")


def _free_name(text: str) -> str:
    name = identifier(text)
    name = f"model_{name}" if _is_taken(name.rstrip("_")) else name
    return name[:_MAX_IDENTIFIER].rstrip("_")


def default_name(model: Path) -> str:
    """The name a model gets from its file.

    >>> [default_name(Path(p)) for p in ("a/kws-1.onnx", "kws.mcuq.npz", "string.tflite")]
    ['kws_1', 'kws', 'model_string']
    """
    name = model.name.removesuffix(".npz").removesuffix(".mcuq")
    return _free_name(name.removesuffix(".onnx").removesuffix(".tflite"))
