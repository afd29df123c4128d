"""A disk that takes no more: a refusal with its exit code, and every file is as it was."""

import os
import resource
import subprocess
import sys

import pytest

from mcuq.errors import McuqError
from mcuq.files import replace_file, scratch_folder
from tests.cli.runner import Result, refused
from tests.tools import require

OLD = b"what the user has"
COMMANDS = {
    "build": (
        "build",
        "MODEL",
        "--target",
        "host",
        "--calibration",
        "CALIBRATION",
        "--output",
        "digits_mcuq",
    ),
    "unverified build": ("build", "MODEL", "--target", "host", "--verify", "none", "--output", "digits_mcuq"),
    "calibrate": ("calibrate", "MODEL", "--calibration", "CALIBRATION", "--output", "old"),
    "analyze": ("analyze", "MODEL", "--calibration", "CALIBRATION", "--html", "old"),
    "simulate": ("simulate", "digits_mcuq", "--inputs", "IMAGES", "--output", "old"),
    "export": ("export", "digits_mcuq", "--format", "qdq", "--output", "old"),
    "lock": ("lock", "digits_mcuq", "--output", "old"),
    "verify": ("verify", "digits_mcuq"),
    "profile": ("profile", "digits_mcuq"),
}


def _snapshot(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _limited(arguments, cwd, limit):
    """A command in a process that may write files of `limit` bytes."""
    done = subprocess.run(
        [sys.executable, "-m", "mcuq", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "limit"), [*((name, 0) for name in COMMANDS), ("build", 999), ("lock", 999)]
)
def test_disk_that_takes_no_more(place, digits, name, limit):
    require("cc")
    require("arm-none-eabi-gcc")
    (place / "old").write_bytes(OLD)
    files = {"MODEL": digits.model, "CALIBRATION": digits.calibration, "IMAGES": digits.images}
    before = _snapshot(place)
    done = _limited([files.get(word, word) for word in COMMANDS[name]], place, limit)
    # Progress and warnings stand before the refusal.
    text = done.err[done.err.index("error[") :]
    refused(Result(done.code, done.out, text), 2, "O012")
    assert before == _snapshot(place)


def test_replace_file_keeps_links_and_modes(tmp_path):
    (tmp_path / "file").write_bytes(OLD)
    (tmp_path / "file").chmod(0o640)
    (tmp_path / "link").symlink_to("file")
    replace_file(tmp_path / "link", b"new", "it")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"new"
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link"]


def test_replace_file_writes_to_devices(tmp_path):
    replace_file(tmp_path.__class__("/dev/null"), b"new", "it")
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    replace_file(tmp_path / "pipe", b"new", "it")
    assert os.read(reader, 9) == b"new"
    os.close(reader)


def test_replace_file_refuses_folders_and_circles(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    for path in (tmp_path, tmp_path / "a", tmp_path / "nobody" / "x"):
        with pytest.raises(McuqError, match="O012"):
            replace_file(path, b"new", "it")


def test_scratch_folder_refuses_what_the_disk_refuses():
    with pytest.raises(McuqError, match="O012"), scratch_folder("test") as folder:
        (folder / "nobody" / "x").write_bytes(b"")
    assert not folder.exists()
