"""`mcuq package`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mcuq.cli.console import out, print_json
from mcuq.packages.emit import PackageInfo
from mcuq.packages.layouts import PackageFormat
from mcuq.pipeline.package import DEFAULT_INFO, package_firmware


def package_command(
    directory: Annotated[Path, typer.Argument(help="A firmware folder of `mcuq build`.")],
    format: Annotated[PackageFormat, typer.Option("--format", help="The ecosystem.")],
    output: Annotated[
        Path | None,
        typer.Option(help="Folder, or archive (.zip, of a CMSIS-Pack .pack); default ./FORMAT/NAME."),
    ] = None,
    package_version: Annotated[
        str, typer.Option(help="Version of the package: three numbers.")
    ] = DEFAULT_INFO.version,
    vendor: Annotated[
        str, typer.Option(help="Who makes it: Arduino's author, a CMSIS pack's vendor.")
    ] = DEFAULT_INFO.vendor,
    url: Annotated[str, typer.Option(help="Where it is at home.")] = DEFAULT_INFO.url,
    license: Annotated[
        str, typer.Option(help="Its license as SPDX writes it, as MIT; not named where nothing is given.")
    ] = DEFAULT_INFO.license,
    license_file: Annotated[
        Path | None, typer.Option(help="Its text; default: LICENSE names the license and where texts stand.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write firmware as a library: CMake, Arduino, PlatformIO, Zephyr, ESP-IDF, CMSIS-Pack or two files.

    Nothing of the folder is compiled or run; C that differs from the manifest's checksums is refused.
    """
    info = PackageInfo(package_version, vendor, url, license)
    done = package_firmware(directory, format, output, info, license_file)
    if json:
        print_json(done.to_json())
    else:
        size = sum(done.files.values())
        text = f"{done.name} for {format}: {len(done.files)} files, {size:,} B, written to {done.path}"
        out.print(text, markup=False, soft_wrap=True)
