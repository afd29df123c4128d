"""From a firmware directory to the files of a package."""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
import zlib
from collections.abc import Mapping

import numpy as np

import mcuq
from mcuq.codegen.manifest import sha256
from mcuq.codegen.model_view import model_view
from mcuq.codegen.render import render
from mcuq.codegen.selftest import selftest_inputs
from mcuq.codegen.view import ModelView, format_array
from mcuq.ir.plan import Plan
from mcuq.packages.amalgam import amalgamate
from mcuq.packages.cmsis import accepted_cores, has_library_calls
from mcuq.packages.layouts import LAYOUTS, PackageFormat, PackageLayout
from mcuq.simulator.simulate import simulate_program

LICENSE = "LICENSE"
PACKAGE_MANIFEST = ".package.mcuq.json"
_FORMAT = 1
# What a main thread takes beside the model; and a model whose stack is not known.
_THREAD_STACK_BYTES, _UNKNOWN_STACK_BYTES = 1536, 4096
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest date that an archive can hold


@dataclasses.dataclass(frozen=True, slots=True)
class PackageInfo:
    """What ecosystems want to know of a library beside its code.

    Args:
        version: three numbers with dots between them.
        vendor: who makes it: letters, digits, `-` and `_`.
        url: where it is at home.
        license: as SPDX writes it; empty where nothing is said, and no file names one then.
        license_text: what `LICENSE` holds; where it is empty, that names the license and where texts stand.
    """

    version: str
    vendor: str
    url: str
    license: str = ""
    license_text: str = ""


def package_files(
    plan: Plan,
    name: str,
    sources: Mapping[str, bytes],
    firmware_manifest: bytes,
    package_format: PackageFormat,
    info: PackageInfo,
) -> dict[str, bytes]:
    """All files of a package, by relative path, sorted.

    Args:
        plan: of the firmware.
        name: its C name.
        sources: its C below `include/` and `src/`, by relative path.
        firmware_manifest: the firmware's, for its checksum.
        package_format: the ecosystem.
        info: for its metadata.

    Raises:
        McuqError: O013 for a format that the firmware's core has no place in.
    """
    layout = LAYOUTS[package_format]
    model = model_view(plan, name, ())
    files = _one_pair(model, sources, info.license) if layout.is_one_pair else _moved(name, sources, layout)
    values = {
        "model": model,
        "format": package_format,
        "is_one_pair": layout.is_one_pair,
        "version": info.version,
        "vendor": info.vendor,
        "url": info.url,
        "license": info.license,
        "description": f"{model.types} inference of the network {name}, bit-exact with its simulator.",
        "manifest": name + PACKAGE_MANIFEST,
        "stack_bytes": (model.stack_bytes or _UNKNOWN_STACK_BYTES) + _THREAD_STACK_BYTES,
        "sources": sorted(path for path in files if path.endswith(".c")),
        "headers": sorted(path for path in files if path.rpartition("/")[0] == layout.public),
        **(_conditions(plan) if package_format == "cmsis-pack" else {}),
        **_example(plan),
    }
    templates = {
        "README.md": "README.md.j2",
        f"{layout.example}/{{name}}_example.h": "example.h.j2",
        **layout.files,
        **({LICENSE: "LICENSE.j2"} if info.license and not info.license_text else {}),
    }
    for path, template in templates.items():
        files[path.format(name=name, vendor=info.vendor)] = render(f"package/{template}", **values)
    if info.license_text:
        files[LICENSE] = info.license_text.encode()
    files[name + PACKAGE_MANIFEST] = _manifest(plan, package_format, info, firmware_manifest, files)
    return dict(sorted(files.items()))


def archive_bytes(files: Mapping[str, bytes], name: str, package_format: PackageFormat) -> bytes:
    """The files as one archive, the same bytes on every machine: without dates, not compressed."""
    folder = f"{name}/" if LAYOUTS[package_format].is_in_folder else ""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for path, data in sorted(files.items()):
            entry = zipfile.ZipInfo(folder + path, _EPOCH)
            entry.create_system = 3  # the number of Unix, on every system
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, data)
    return out.getvalue()


def _moved(name: str, sources: Mapping[str, bytes], layout: PackageLayout) -> dict[str, bytes]:
    folders = {"include": layout.public, "src": layout.private.format(name=name)}
    found = {}
    for path, data in sources.items():
        folder, _, file = path.partition("/")
        found[f"{folders[folder]}/{file}"] = data
    return found


def _one_pair(model: ModelView, sources: Mapping[str, bytes], spdx: str) -> dict[str, bytes]:
    texts = {path.rpartition("/")[2]: data.decode("ascii", "replace") for path, data in sources.items()}
    found = amalgamate(model.name, model.macro, texts)
    # Files that are copied one by one keep it.
    head = f"/* SPDX-License-Identifier: {spdx} */\n" if spdx else ""
    return {path: (head + text).encode("ascii", "replace") for path, text in found.items()}


def _conditions(plan: Plan) -> dict[str, object]:
    return {"accepted": accepted_cores(plan), "calls_library": has_library_calls(plan)}


def _example(plan: Plan) -> dict[str, object]:
    """The input of the example by port, and the checksums of the outputs that the simulator finds for it."""
    # Of the self-test's, the one near each input's zero, where layers saturate less.
    given = selftest_inputs(plan.program, 1)
    found = simulate_program(plan.program, [codes[None] for codes in given])
    return {
        "given": [format_array(codes) for codes in given],
        "checksums": [f"{zlib.crc32(np.ascontiguousarray(codes).tobytes()):08x}" for codes in found],
    }


def _manifest(
    plan: Plan,
    package_format: PackageFormat,
    info: PackageInfo,
    firmware_manifest: bytes,
    files: Mapping[str, bytes],
) -> bytes:
    document = {
        "format": _FORMAT,
        "mcuq": mcuq.__version__,
        "package": package_format,
        **{key: value for key, value in dataclasses.asdict(info).items() if key != "license_text"},
        "target": plan.target,
        "model_sha256": plan.program.origin.model_sha256,
        "firmware_manifest_sha256": sha256(firmware_manifest),
        "files": {path: sha256(data) for path, data in sorted(files.items())},
    }
    return (json.dumps(document, indent=1, ensure_ascii=True) + "\n").encode()
