"""`mcuq package`: a firmware directory as a library of an ecosystem."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

from mcuq.codegen.names import comment_text
from mcuq.errors import McuqError, Problem, fail
from mcuq.files import replace_file
from mcuq.packages.emit import PACKAGE_MANIFEST, PackageInfo, archive_bytes, package_files
from mcuq.packages.layouts import LAYOUTS, PackageFormat
from mcuq.pipeline.directory import find_manifest, publish
from mcuq.pipeline.firmware import Firmware, open_firmware
from mcuq.reading.files import read_file

DEFAULT_INFO = PackageInfo("1.0.0", "local", "https://example.com")
_PATTERNS = {
    "version": (r"(0|[1-9]\d{0,8})(\.(0|[1-9]\d{0,8})){2}", "three numbers, as 1.0.0"),
    "vendor": (r"[A-Za-z][A-Za-z0-9_-]{0,63}", "a letter, then letters, digits, - and _, at most 64"),
    "url": (
        r"https?://[A-Za-z0-9./_~%:@=?+-]{1,500}",
        "http:// or https://, then letters, digits and ./_~%:@=?+-",
    ),
    # The characters of SPDX's grammar; `LicenseRef-` begins a name of one's own.
    "license": (r"([A-Za-z(][A-Za-z0-9.+() -]{0,99})?", "an SPDX expression, as MIT or Apache-2.0 OR MIT"),
}
# What the C of a firmware directory is called; names go into build files of several languages.
_SOURCE = re.compile(r"(include/[A-Za-z0-9_]+\.h|src/[A-Za-z0-9_]+\.[ch])")
_MOST_SHOWN = 50
_MOST_LICENSE_BYTES = 1 << 20


@dataclasses.dataclass(frozen=True)
class PackageResult:
    """A package that was written.

    Args:
        path: the folder or the archive.
        package_format: its ecosystem.
        name: the C name of its model.
        files: paths and sizes in bytes.
    """

    path: Path
    package_format: PackageFormat
    name: str
    files: dict[str, int]

    def to_json(self) -> dict[str, object]:
        """The one object of `--json`."""
        return {
            "path": self.path.as_posix(),
            "format": self.package_format,
            "name": self.name,
            "files": self.files,
        }


def package_firmware(
    directory: Path,
    package_format: PackageFormat,
    output: Path | None = None,
    info: PackageInfo = DEFAULT_INFO,
    license_file: Path | None = None,
) -> PackageResult:
    """Write a firmware directory as a package; nothing of it is compiled or run.

    Args:
        directory: the firmware directory, as mcuq wrote it.
        package_format: the ecosystem.
        output: a folder, or an archive where it ends in the ending of one; default
            `<format>/<name>`.
        info: for the package's metadata.
        license_file: its text becomes `LICENSE`; by default that names the license of `info`.

    Raises:
        McuqError: as `open_firmware` for the directory, V004 where its C is not what mcuq wrote, O001 for a
            version, vendor, URL or license that cannot be, O010 and O012 for the output, O012, O014 and O015
            for the license's file, O001 where that is no text, O013 where no license is named and for a
            format that has no place for the core. What was there stays.
    """
    problems = list(_info_problems(info))
    firmware = None
    try:
        info = _with_text(info, license_file)
    except McuqError as error:
        problems += error.problems
    try:
        firmware = open_firmware(directory)
    except McuqError as error:
        problems += error.problems
    if firmware is not None:
        problems += _source_problems(firmware)
    if firmware is None or problems:
        raise McuqError(problems)
    path = output or Path(package_format) / firmware.name
    _check_place(directory, path)
    parts = (firmware.plan, firmware.name, firmware.sources.files, firmware.manifest)
    files = package_files(*parts, package_format, info)
    if path.suffix in {layout.archive for layout in LAYOUTS.values()}:
        _check_ending(path, package_format)
        replace_file(path, archive_bytes(files, firmware.name, package_format), "the package")
    else:
        publish(path, files)
    return PackageResult(
        path, package_format, firmware.name, {each: len(data) for each, data in files.items()}
    )


def _info_problems(info: PackageInfo) -> Iterator[Problem]:
    for field, (pattern, meaning) in _PATTERNS.items():
        value = str(getattr(info, field))
        if re.fullmatch(pattern, value, re.ASCII) is None:
            option = "--package-version" if field == "version" else f"--{field}"
            yield Problem(
                "O001",
                f"the {field} cannot stand in a package",
                option,
                f"found {comment_text(value)!r}, expected {meaning}",
                f"give {option} another value",
            )


def _with_text(info: PackageInfo, path: Path | None) -> PackageInfo:
    """With the text of a license's file.

    Raises:
        McuqError: as `package_firmware` says.
    """
    if path is None:
        return info
    if not info.license:
        raise fail(
            "O013",
            "two options contradict each other",
            where=f"--license-file {path}",
            why="no --license says which license that is",
            fix="give --license as well, as MIT, or LicenseRef-NAME for one of your own",
        )
    data = read_file(path, _MOST_LICENSE_BYTES)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if not text.strip() or "\0" in text:
        raise fail(
            "O001",
            "a license is no text",
            where=f"--license-file {path}",
            why=f"found {len(data):_} bytes that are empty or no UTF-8, expected text",
            fix="name the file with the license's text",
        )
    return dataclasses.replace(info, license_text=text)


def _source_problems(firmware: Firmware) -> Iterator[Problem]:
    """What of the C mcuq did not write, and what is called as nothing that it writes."""
    changes = firmware.sources.changes()
    strange = [
        f"{comment_text(path)!r} is no name of mcuq's"
        for path in firmware.sources.files
        if not _SOURCE.fullmatch(path)
    ]
    found = [*changes, *strange]
    if not any(path == f"include/{firmware.name}.h" for path in firmware.sources.files):
        found.append(f"'include/{firmware.name}.h' is missing")
    shown = found[:_MOST_SHOWN]
    if len(found) > len(shown):
        shown.append(f"{len(found) - len(shown)} more are not either")
    for text in shown:
        yield Problem(
            "V004",
            "the C is not what mcuq wrote",
            str(firmware.directory),
            f"by the manifest's checksums {text}",
            "build it again from its stored program (*.mcuq.npz)",
        )


def _check_place(directory: Path, output: Path) -> None:
    """Keep a package out of firmware directories: it would replace one, or be a foreign file in one.

    Raises:
        McuqError: O010.
    """
    here, place = directory.resolve(), output.resolve()
    manifest = find_manifest(place) if place.is_dir() else None
    if manifest is not None and not manifest.name.endswith(PACKAGE_MANIFEST):
        why = "it is a firmware directory"
    elif here in place.parents:
        why = f"it lies in the firmware directory {directory}"
    else:
        return
    raise fail(
        "O010",
        "the output path holds something that is not mcuq's",
        where=f"--output {output}",
        why=why,
        fix="choose another --output",
    )


def _check_ending(path: Path, package_format: PackageFormat) -> None:
    expected = LAYOUTS[package_format].archive
    if path.suffix != expected:
        raise fail(
            "O001",
            f"an archive of the format {package_format} is not called so",
            where=f"--output {path}",
            why=f"it ends in {path.suffix}, expected {expected}",
            fix=f"call it {path.with_suffix(expected).name}",
        )
