"""Damage of bytes, of JSON and TOML, of array headers and archives, and of what a path names."""

from __future__ import annotations

import io
import json
import os
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

Rng = np.random.Generator

# What a value of JSON or TOML becomes: as text, since Python writes some of these differently or not at all.
VALUES = ["true", "false", "null", "0", "-1", "1", "7", "0.5", "-0.0", "1e400", "-1e400", "1" + "0" * 400]
VALUES += [
    "1" + "0" * 5000,
    str(2**31),
    str(-(2**31)),
    str(2**63),
    str(2**64),
    str(-(2**200)),
    "1e308",
    "1e-320",
]
VALUES += ["NaN", "Infinity", "-Infinity", "nan", "inf", "0x" + "f" * 40, "1_000", "1979-05-27T07:32:00Z"]
VALUES += [
    "[]",
    "{}",
    "[[]]",
    "[1]",
    "[true]",
    '{"a": 1}',
    "[" * 200,
    "[" * 200 + "]" * 200,
    '{"a":' * 5000,
    "[" * 99999,
]
VALUES += [
    '""',
    '"x"',
    '"../../x"',
    '"/dev/zero"',
    '"\\u0000"',
    '"\\ud800"',
    '"inf"',
    '"nan"',
    '"0x1p+2000"',
    '"0x1p-1080"',
]
VALUES += [
    '"0x1p+127"',
    '"-0x1p+0"',
    '"1"',
    '"int8"',
    '"a0000"',
    '"' + "y" * 70000 + '"',
    "'",
    '"""',
    "a.b",
    "a" + ".a" * 5000,
]
SHAPES = [
    "()",
    "(0,)",
    "(3,)",
    "(True, 4)",
    "(2, True)",
    "(-1, 4)",
    "(2, 4)",
    "(4, 2)",
    "(2, 1, 4)",
    "(2.0, 4)",
    "None",
]
SHAPES += [
    f"({2**31}, 4)",
    f"({2**62}, 4)",
    f"({2**63}, 0)",
    f"(0, {10**30})",
    "(0x" + "f" * 6000 + ",)",
    "(" * 300,
]
SHAPES += [
    "(" + "1, " * 3000 + ")",
    "[2, 4]",
    "'24'",
    "(2, 4, 0)",
    "lambda: 0",
    "-" * 5000 + "1",
    "(" + "9" * 5000 + ",)",
]
DTYPES = [
    "'<f4'",
    "'>f4'",
    "'<f8'",
    "'<f2'",
    "'|i1'",
    "'|u1'",
    "'<i8'",
    "'>u8'",
    "'|b1'",
    "'|O'",
    "'<U9'",
    "'|S0'",
    "'<c8'",
]
DTYPES += [
    "'<M8[s]'",
    "'|V0'",
    "'V999999999'",
    "[('a', '<f4')]",
    "('<f4', (9, 9))",
    "'f4,' * 9",
    "3",
    "None",
    "'<g'",
    "True",
]


def pick(rng: Rng, values: list[str]) -> str:
    return values[int(rng.integers(len(values)))]


def change_bytes(data: bytes, rng: Rng) -> bytes:
    """Other bytes, a part less, or a part twice."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 6))):
        if not out:
            break
        at, kind = int(rng.integers(len(out))), rng.integers(6)
        if kind < 3:
            out[at] = int(rng.integers(256))
        elif kind == 3:
            out[at : at + int(rng.integers(1, 64))] = b""
        elif kind == 4:
            out[at:at] = out[at : at + int(rng.integers(1, 64))]
        else:
            del out[at:]
    return bytes(out)


def change_json(document: object, rng: Rng) -> bytes:
    """A document with some of its values, members or keys changed."""
    if rng.random() < 0.1:
        return change_bytes(json.dumps(document).encode(), rng)
    copy = json.loads(json.dumps(document))
    raw: list[str] = []
    for _ in range(int(rng.integers(1, 4))):
        copy = _change_value(copy, rng, raw)
    text = json.dumps(copy)
    for number, value in enumerate(raw):
        text = text.replace(f'"@{number}@"', value)
    return text.encode()


def _change_value(document: object, rng: Rng, raw: list[str]) -> object:
    places = list(_places(document))
    holder, key = places[int(rng.integers(len(places)))]
    kind = rng.integers(8)
    if kind == 0 and isinstance(holder, dict | list) and key is not None:
        del holder[key]
    elif kind == 1 and isinstance(holder, list) and key is not None:
        holder.extend([holder[key]] * int(rng.integers(1, 50)))
    elif kind == 2 and isinstance(holder, dict) and key is not None:
        holder[str(pick(rng, [*map(str, holder), "x", "", "y" * 999]))] = holder.pop(key)
    elif kind == 3 and isinstance(holder, dict | list) and key is not None:
        other, at = places[int(rng.integers(len(places)))]
        holder[key] = json.loads(json.dumps(other[at] if at is not None else 0))
    else:
        raw.append(pick(rng, VALUES))
        if key is None:
            return f"@{len(raw) - 1}@"
        holder[key] = f"@{len(raw) - 1}@"
    return document


def _places(value: object, holder: object = None, key: object = None):
    """Every value inside a document, with what holds it."""
    yield holder, key
    if isinstance(value, dict | list):
        for name, each in list(value.items() if isinstance(value, dict) else enumerate(value)):
            yield from _places(each, value, name)


def change_toml(text: str, rng: Rng) -> bytes:
    """A file with some values, keys or lines changed."""
    if rng.random() < 0.15:
        return change_bytes(text.encode(), rng)
    lines = text.splitlines()
    for _ in range(int(rng.integers(1, 4))):
        at, kind = int(rng.integers(len(lines))), rng.integers(6)
        key, _, _ = lines[at].partition("=")
        if kind < 3:
            lines[at] = f"{key}= {pick(rng, VALUES)}"
        elif kind == 3:
            lines.insert(at, lines[int(rng.integers(len(lines)))])
        elif kind == 4:
            lines[at] = pick(
                rng, ["[a" + ".a" * 5000 + "]", "a" + ".a" * 5000 + " = 1", "[[x]]", "a = [" * 999, '"" = 1']
            )
        else:
            lines[at] = lines[at].replace("]", "").replace('"', "")
    return "\n".join(lines).encode()


def npy(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array, allow_pickle=True)
    return out.getvalue()


def change_npy(array: np.ndarray, rng: Rng) -> bytes:
    """An array file with another header, other values or other bytes."""
    kind = rng.integers(6)
    if kind == 0:
        return change_bytes(npy(array), rng)
    if kind == 1:
        flat = array.astype(np.float32).copy()
        flat.reshape(-1)[int(rng.integers(flat.size))] = [np.nan, np.inf, 1e38, -0.0][int(rng.integers(4))]
        return npy(flat)
    if kind == 2:
        dtype = [np.float16, np.float64, ">f4", np.int8, np.uint64, np.complex64, bool, "U3", object][
            int(rng.integers(9))
        ]
        shape = [
            array.shape,
            array.shape[:1],
            array.shape[::-1],
            (0, *array.shape[1:]),
            (*array.shape, 1),
            (),
        ][int(rng.integers(6))]
        return npy(np.resize(array, shape).astype(dtype))
    shape = pick(rng, [*SHAPES, str(array.shape)])
    descr = pick(rng, DTYPES) if rng.random() < 0.5 else repr(array.dtype.str)
    order = pick(rng, ["True", "False", "False", "1", "None"])
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}".encode()
    if rng.random() < 0.1:
        text = change_bytes(text, rng)
    version = (1, 0) if rng.random() < 0.7 else (int(rng.integers(5)), int(rng.integers(2)))
    length = len(text) if rng.random() < 0.8 else int(rng.integers(1 << 16 if version == (1, 0) else 1 << 32))
    field = struct.pack("<H", length & 0xFFFF) if version == (1, 0) else struct.pack("<I", length)
    values = array.tobytes()
    return (
        b"\x93NUMPY"
        + bytes(version)
        + field
        + text
        + values[: int(rng.integers(len(values) + 1))] * int(rng.integers(1, 3))
    )


def change_zip(
    members: dict[str, bytes], rng: Rng, change: Callable[[str, bytes], bytes] | None = None
) -> bytes:
    """An archive with damaged members, other names, twins, bombs, lying sizes or other bytes."""
    out = io.BytesIO()
    names = list(members)
    victim, kind = pick(rng, names), rng.integers(10)
    method = zipfile.ZIP_DEFLATED if rng.random() < 0.5 else zipfile.ZIP_STORED
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", method) as archive:
        warnings.simplefilter("ignore")  # of names that occur twice
        for name in names:
            data = members[name]
            if name == victim and kind < 4:
                data = (
                    change(name, data)
                    if change is not None and rng.random() < 0.7
                    else change_bytes(data, rng)
                )
            if name == victim and kind == 4:
                continue
            archive.writestr(_info(name, victim, kind, method), data)
        if kind == 6:
            archive.writestr(f"{pick(rng, ['y', 'z', '../w'])}.npy", bytes(16 << 20), zipfile.ZIP_DEFLATED)
        if kind == 7:
            archive.writestr(victim, members[victim] + bytes(16 << 20), zipfile.ZIP_DEFLATED)
    data = out.getvalue()
    if kind == 7:
        size = len(members[victim]) + (16 << 20)
        claimed = [len(members[victim]), 1 << 31, 0][int(rng.integers(3))]
        data = data.replace(struct.pack("<I", size), struct.pack("<I", claimed))
    if kind >= 8:
        data = _change_directory(data, rng)
    return data


def _info(name: str, victim: str, kind: int, method: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name.upper() if name == victim and kind == 5 else name)
    info.compress_type = method
    return info


def _change_directory(data: bytes, rng: Rng) -> bytes:
    """Other numbers in the headers of members, in the directory or at the end."""
    out = bytearray(data)
    starts = [at for mark in (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06") for at in _find(data, mark)]
    for _ in range(int(rng.integers(1, 4))):
        at = starts[int(rng.integers(len(starts)))] + int(rng.integers(4, 46))
        value = [0, 1, 0xFF, 0x7F, 0x80, int(rng.integers(256))][int(rng.integers(6))]
        if at + 4 < len(out):
            out[at : at + int(rng.integers(1, 5))] = bytes([value]) * int(rng.integers(1, 5))
    return bytes(out)


def _find(data: bytes, mark: bytes) -> list[int]:
    found, at = [], data.find(mark)
    while at >= 0:
        found.append(at)
        at = data.find(mark, at + 1)
    return found


def change_image(data: bytes, rng: Rng) -> bytes:
    """An image with other bytes, most of them in its head; the checksums of a PNG are made to fit again."""
    if rng.random() < 0.3:
        return change_bytes(data, rng)
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 8))):
        at = int(rng.integers(min(len(out), 80))) if rng.random() < 0.7 else int(rng.integers(len(out)))
        out[at] = [0, 1, 2, 16, 0x7F, 0xFF, int(rng.integers(256))][int(rng.integers(7))]
    return _mend_png(bytes(out)) if data[:4] == b"\x89PNG" else bytes(out)


def _mend_png(data: bytes) -> bytes:
    out, at = bytearray(data), 8
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if end + 4 > len(data):
            break
        out[end : end + 4] = struct.pack(">I", zlib.crc32(data[at + 4 : end]))
        at = end + 4
    return bytes(out)


def place(path: Path, data: bytes, rng: Rng) -> None:
    """Write a file; one time in fifty the path names something that is no file, or a huge one."""
    kind = int(rng.integers(250))
    if kind == 0:
        os.mkfifo(path)
    elif kind == 1:
        path.symlink_to(["/dev/zero", "/dev/full", "/dev/tty", "nowhere", path.name][int(rng.integers(5))])
    elif kind == 2:
        path.mkdir()
    elif kind == 3:
        with path.open("wb") as stream:
            stream.write(data)
            stream.truncate(1 << int(rng.integers(20, 40)))
    elif kind == 4:
        path.write_bytes(b"")
    else:
        path.write_bytes(data)
