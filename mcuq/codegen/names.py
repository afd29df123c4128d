"""Names from the model are data: what of them may stand in C, and how."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from mcuq.errors import fail

# C99, C11 and C++ keywords, and the macros of <stdint.h> style that a member must not be called.
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


def unique_identifiers(texts: Iterable[str]) -> tuple[str, ...]:
    """`identifier` of each, made unique by a number, also when only case tells them apart.

    >>> unique_identifiers(["a:0", "a/0", "A_0"])
    ('a_0', 'a_0_2', 'A_0_3')
    """
    taken: set[str] = set()
    names = []
    for text in texts:
        base = name = identifier(text)
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
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,39}", name) is None or name.lower() in _RESERVED:
        raise fail(
            "O003",
            "the name is not a C identifier",
            where="--name",
            why=f"found {comment_text(name)!r}; it prefixes C symbols and file names",
            fix=f"use letters, digits and _, at most 40, for instance {identifier(name)!r}",
        )
    return name


def default_name(model: Path) -> str:
    """The name a model gets from its file.

    >>> default_name(Path("a/kws-1.onnx")), default_name(Path("kws.mcuq.npz"))
    ('kws_1', 'kws')
    """
    return identifier(model.name.removesuffix(".npz").removesuffix(".mcuq").removesuffix(".onnx"))
