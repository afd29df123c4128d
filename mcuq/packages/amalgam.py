"""All C of a firmware directory as one header and one source."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"[^\n]*\n', re.MULTILINE)
_PARTS = (("ARENA", "_arena.h"), ("QUANTIZE", "_quantize.h"))


def amalgamate(name: str, macro: str, files: Mapping[str, str]) -> dict[str, str]:
    """One header and one source.

    The arena and the helpers for floats are optional in a folder, and so they stay: the header brings them
    where `<NAME>_WITH_ARENA` and `<NAME>_WITH_QUANTIZE` are defined before it is included.

    Args:
        name: the model's.
        macro: prefix of its macros.
        files: texts by the names of their files, without folders.

    Returns:
        Texts by name; a header that is not among the files stays an include.
    """
    header = f"{name}.h"
    parts = [files[header]]
    for word, suffix in _PARTS:
        if name + suffix in files:
            text = "".join(_expand(files[name + suffix], files, {header}))
            parts.append(f"\n#if defined({macro}_WITH_{word})\n{text}#endif\n")
    seen = {header}
    code = [f'#include "{header}"\n']
    # The model's own source first: the parameters follow what reads them.
    for source in sorted(
        (each for each in files if each.endswith(".c")), key=lambda each: (each != f"{name}.c", each)
    ):
        code.append("".join(_expand(files[source], files, seen)))
    return {header: "".join(parts), f"{name}.c": "\n".join(code)}


def _expand(text: str, files: Mapping[str, str], seen: set[str]) -> Iterator[str]:
    """The text with its includes in their places, each the first time alone; `seen` grows by them."""
    pending = [(text, 0)]
    while pending:
        text, at = pending.pop()
        found = _INCLUDE.search(text, at)
        if found is None:
            yield text[at:]
            continue
        yield text[at : found.start()]
        pending.append((text, found.end()))
        if found[1] not in files:
            yield found[0]
        elif found[1] not in seen:
            seen.add(found[1])
            pending.append((files[found[1]], 0))
