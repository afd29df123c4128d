"""C compilers: finding the one for a core, compiling and linking with it."""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict

from mcuq.cleanup import kill_children, run
from mcuq.errors import McuqError, Problem, fail
from mcuq.targets import Arch, Core

if TYPE_CHECKING:
    from typing_extensions import Unpack

Kind: TypeAlias = Literal["auto", "gcc", "zig"]

# What generated code has to pass, without one warning.
WARNINGS = (
    *("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wstrict-prototypes"),
    *("-Wundef", "-Wcast-qual", "-Werror"),
)


class CompileOptions(TypedDict, total=False):
    """How to compile, by keyword.

    Args:
        include_dirs: searched for headers, in this order.
        defines: preprocessor macros; an empty value defines the bare name.
        opt: the optimization option, by default "-O2".
        extra_flags: more options, after all others.
        warnings: whether every warning of `WARNINGS` is an error; else none is shown.
        sanitize: some of `Toolchain.sanitizers`; the first finding ends the program.
    """

    include_dirs: Sequence[Path]
    defines: Mapping[str, str]
    opt: str
    extra_flags: Sequence[str]
    warnings: bool
    sanitize: Sequence[str]


_ERROR_LINES = 12
_GCC_NAMES: Mapping[Arch, tuple[str, ...]] = {
    "arm": ("arm-none-eabi-gcc",),
    "riscv32": ("riscv64-unknown-elf-gcc",),
    "host": ("cc", "gcc", "clang"),
}
_GCC_PACKAGES: Mapping[Arch, str] = {
    "arm": "gcc-arm-none-eabi",
    "riscv32": "gcc-riscv64-unknown-elf",
    "host": "gcc",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Toolchain:
    """One compiler, set up for one core.

    Args:
        name: "arm-none-eabi-gcc", "riscv64-unknown-elf-gcc", "cc" or "zig".
        version: what it says about itself, one line.
        flavour: whose options it takes.
        command: the start of every call.
        core: what it compiles for.
    """

    name: str
    version: str
    flavour: Literal["gcc", "clang", "zig"]
    command: tuple[str, ...]
    core: Core

    def __str__(self) -> str:
        """Name and version, once where the version begins with the name."""
        is_named = self.version.split(" ")[0] == self.name
        return self.version if is_named else f"{self.name} ({self.version})"

    @property
    def core_flags(self) -> tuple[str, ...]:
        """The options that select the core."""
        return self.core.zig_flags if self.flavour == "zig" else self.core.gcc_flags

    @property
    def sanitizers(self) -> tuple[str, ...]:
        """What `sanitize` may name; zig links no AddressSanitizer, and says nothing about it."""
        if not self.core.is_host:
            return ()
        return ("undefined",) if self.flavour == "zig" else ("address", "undefined")

    def compile(
        self, sources: Sequence[Path], *, workdir: Path, **options: Unpack[CompileOptions]
    ) -> list[Path]:
        """Compile C (or assembly) files, one call per file, some at a time.

        Args:
            sources: the files; equal names in different folders are fine.
            workdir: an existing folder for the objects.
            **options: see `CompileOptions`.

        Returns:
            One object per source, in order.

        Raises:
            McuqError: T003 with one problem per refused file, T002 when a sanitizer is not available.
        """
        sanitize = options.get("sanitize", ())
        self._check_sanitizers(sanitize)
        flags = self._common_flags(options.get("opt", "-O2"), sanitize)
        flags += WARNINGS if options.get("warnings", False) else ("-w",)
        flags += [f"-I{folder}" for folder in options.get("include_dirs", ())]
        defines = options.get("defines", {})
        flags += [f"-D{name}={value}" if value else f"-D{name}" for name, value in defines.items()]
        flags += options.get("extra_flags", ())
        objects = [workdir / f"{index:03d}_{source.stem}.o" for index, source in enumerate(sources)]
        self._compile_all(sources, objects, flags)
        return objects

    def _compile_all(self, sources: Sequence[Path], objects: Sequence[Path], flags: Sequence[str]) -> None:
        pairs = zip(sources, objects, strict=True)
        calls = [["-c", *flags, str(source), "-o", str(path)] for source, path in pairs]
        with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
            try:
                results = list(pool.map(self._run, calls))
            except (KeyboardInterrupt, SystemExit):
                pool.shutdown(wait=False, cancel_futures=True)
                kill_children()
                raise
        problems = [
            self._refusal(f"cannot compile '{source.name}'", str(source), text)
            for source, (code, text) in zip(sources, results, strict=True)
            if code != 0
        ]
        if problems:
            raise McuqError(problems)

    def link(
        self,
        objects: Sequence[Path],
        output: Path,
        *,
        script: Path | None = None,
        extra_flags: Sequence[str] = (),
        sanitize: Sequence[str] = (),
    ) -> Path:
        """Link objects to an executable.

        Args:
            objects: from `compile`.
            output: the file to write.
            script: the linker script; needed for all cores but the host.
            extra_flags: more options.
            sanitize: as for `compile`.

        Returns:
            `output`.

        Raises:
            McuqError: T001 when the memories of the script are too small, T003 for all other refusals.
        """
        flags = [*self.core_flags, *_sanitizer_flags(sanitize)]
        if script is not None:
            flags += ["-static", "-T", str(script), "-Wl,--entry=mcuq_reset"]
            flags += ["-Wl,--gc-sections", "-Wl,--build-id=none"]
        # zig has no C library for these cores, and with -nostdlib would leave out its compiler-rt too.
        libraries = ["-nostdlib", "-lgcc"] if script is not None and self.flavour == "gcc" else []
        names = [str(path) for path in objects]
        code, text = self._run([*flags, *extra_flags, *names, *libraries, "-o", str(output)])
        if code != 0:
            overflow = re.findall(r"region [`']?(\w+)'?:? overflowed by (\d+) bytes", text)
            raise (
                _too_large(output, dict(overflow))
                if overflow
                else McuqError(self._refusal(f"cannot link '{output.name}'", str(output), text))
            )
        return output

    def _check_sanitizers(self, sanitize: Sequence[str]) -> None:
        missing = [name for name in sanitize if name not in self.sanitizers]
        if missing:
            raise fail(
                "T002",
                f"sanitizer '{missing[0]}' is not available",
                where=f"target '{self.core.name}'",
                why=f"{self} has: {', '.join(self.sanitizers) or 'none'}",
                fix="use the host with gcc or clang, or do without",
            )

    def _common_flags(self, opt: str, sanitize: Sequence[str]) -> list[str]:
        flags = [*self.core_flags, "-std=c99", opt, *_sanitizer_flags(sanitize)]
        if self.core.is_host:
            # Kernels for other cores compile here only where this is asked for.
            flags += ["-DMCUQ_C_FORMS", *(["-g"] if sanitize else [])]
        else:
            # zig would keep a frame pointer, which costs Thumb code one of its few registers.
            flags += ["-ffreestanding", "-ffunction-sections", "-fdata-sections", "-fomit-frame-pointer"]
        if self.flavour == "zig":
            flags += [] if sanitize else ["-g0", "-fno-sanitize=all"]
        return flags

    def _run(self, arguments: Sequence[str]) -> tuple[int, str]:
        # The last argument is what is written: assembler files and the like go beside it, and leave with it.
        environment = _environment(self.flavour, Path(arguments[-1]).parent)
        done = run([*self.command, *arguments], stderr=subprocess.STDOUT, env=environment)
        return done.returncode, done.stdout.decode("utf-8", "replace")

    def _refusal(self, title: str, where: str, text: str) -> Problem:
        lines = [line.rstrip() for line in text.splitlines() if line.strip()]
        first = next((i for i, line in enumerate(lines) if re.search(r"error|undefined", line)), 0)
        is_ours = re.search(r'error:? (#error )?"?mcuq: ', text) is not None
        return Problem(
            "T003",
            title,
            where,
            f"{self} says:\n    " + "\n    ".join(lines[first : first + _ERROR_LINES] or ["nothing"]),
            "do what the message says"
            if is_ours
            else "generated code has to compile: report this with the model, or try another compiler",
        )


def find_toolchain(core: Core, kind: Kind = "auto") -> Toolchain:
    """The compiler for a core.

    Args:
        core: what to compile for.
        kind: "gcc" (for the host: cc, gcc or clang), "zig", or "auto" for the first of them that is there.

    Raises:
        McuqError: T002 when there is none.
    """
    if kind in ("auto", "gcc"):
        for name in _GCC_NAMES[core.arch]:
            path = shutil.which(name)
            if path is not None:
                version = _version((path, "--version"))
                flavour: Literal["gcc", "clang"] = "clang" if "clang" in version else "gcc"
                return Toolchain(name, version, flavour, (path,), core)
    if kind in ("auto", "zig"):
        zig = _zig()
        if zig is not None:
            return Toolchain("zig", _version((zig, "version")), "zig", (zig, "cc"), core)
    names = {"gcc": _GCC_NAMES[core.arch], "zig": ("zig",)}.get(kind, (*_GCC_NAMES[core.arch], "zig"))
    package = _GCC_PACKAGES[core.arch]
    raise fail(
        "T002",
        f"no C compiler for '{core.name}'",
        where=f"target '{core.name}'",
        why="looked for " + ", ".join(names),
        fix='pip install "mcuq[verify]" brings zig'
        + ("" if kind == "zig" else f"; on Debian and Ubuntu: apt install {package}"),
    )


def _sanitizer_flags(sanitize: Sequence[str]) -> list[str]:
    return [f"-fsanitize={','.join(sanitize)}", "-fno-sanitize-recover=all"] if sanitize else []


def _too_large(output: Path, overflow: Mapping[str, str]) -> McuqError:
    amounts = ", ".join(f"{region} by {int(number):_} bytes" for region, number in sorted(overflow.items()))
    return fail(
        "T001",
        "the image does not fit its memories",
        where=str(output),
        why=f"too large: {amounts}",
        fix="choose a larger target, or a machine with more memory",
    )


@functools.lru_cache(maxsize=16)
def _version(command: tuple[str, ...]) -> str:
    done = run(command)
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    return lines[0].strip() if lines else "unknown version"


def _zig() -> str | None:
    spec = importlib.util.find_spec("ziglang")
    if spec is not None and spec.origin is not None:
        # `python -m ziglang` only starts this file.
        path = Path(spec.origin).parent / ("zig.exe" if sys.platform == "win32" else "zig")
        if path.is_file():
            return str(path)
    return shutil.which("zig")


def _environment(flavour: str, folder: Path) -> dict[str, str]:
    beside = dict.fromkeys(("TMPDIR", "TMP", "TEMP"), str(folder.resolve()))
    environment = {**os.environ, **beside, "LC_ALL": "C"}
    if flavour == "zig":
        # By default zig writes into the current folder, which need not be ours.
        cache = str(zig_cache_dir())
        environment.setdefault("ZIG_GLOBAL_CACHE_DIR", cache)
        environment.setdefault("ZIG_LOCAL_CACHE_DIR", cache)
    return environment


@functools.lru_cache(maxsize=1)
def zig_cache_dir() -> Path:
    """Where zig keeps what it built: the user's cache folder, or a private temporary one."""
    default = {"win32": Path.home() / "AppData" / "Local", "darwin": Path.home() / "Library" / "Caches"}
    base = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    user = Path(base) if base else default.get(sys.platform, Path.home() / ".cache")
    for folder in (user / "mcuq" / "zig", Path(tempfile.gettempdir()) / f"mcuq-zig-{_user_name()}"):
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except OSError:
            continue
    return Path(tempfile.mkdtemp(prefix="mcuq-zig-"))


def _user_name() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else "user"
