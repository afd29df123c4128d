"""Firmware directories change whole or not at all, and nothing else is touched."""

import contextlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mcuq.errors import Exit, McuqError, Problem
from mcuq.files import owned
from mcuq.pipeline.directory import (
    check_replaceable,
    find_manifest,
    publish,
    read_whole,
    recover,
    write_files,
)
from tests.pipeline import publisher
from tests.pipeline.publisher import files
from tests.project.source import ROOT


def read(directory):
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def start(directory, content, fatal):
    """Run the publisher; returns how many operations it made, None when it was killed."""
    done = subprocess.run(
        [sys.executable, publisher.__file__, str(directory), content, str(fatal)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode in (0, -9), done.stderr
    return int(done.stdout) if done.returncode == 0 else None


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_publish_writes_exactly_the_files(tmp_path):
    publish(tmp_path / "deep" / "out", files("old"))
    assert files("old") == read(tmp_path / "deep" / "out")
    assert names(tmp_path / "deep") == ["out"]


def test_publish_replaces_its_own_files_and_drops_those_that_are_no_more(tmp_path):
    publish(tmp_path / "out", files("new"))
    publish(tmp_path / "out", files("old"))
    assert files("old") == read(tmp_path / "out")
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("before", ["", "old"])
def test_build_killed_at_any_operation_leaves_old_or_new(tmp_path, before):
    if before:
        publish(tmp_path / "counted" / "out", files(before))
    operations = start(tmp_path / "counted" / "out", "new", 0)
    assert operations > 15
    places = {fatal: tmp_path / str(fatal) / "out" for fatal in range(1, operations + 1)}
    for directory in places.values() if before else ():
        publish(directory, files(before))
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda item: start(item[1], "new", item[0]), places.items())) == {None}
    outcomes = set()
    for fatal, directory in places.items():
        if before:
            # A reader sees either, and mends nothing.
            left = names(directory.parent)
            assert read_whole(directory, read) in (files(before), files("new")), fatal
            assert names(directory.parent) == left
        recover(directory)
        found = read(directory) if directory.exists() else {}
        assert found in (files(before) if before else {}, files("new")), fatal
        outcomes.add(found == files("new"))
        if directory.parent.exists():
            assert names(directory.parent) in ([], ["out"]), fatal
        # And the next build works.
        publish(directory, files("new"))
        assert files("new") == read(directory)
        assert names(directory.parent) == ["out"]
    # Behind the rename that makes the new ones appear there is the lock to remove.
    assert outcomes == {False, True}


def test_recovery_killed_at_any_operation_is_finished_by_the_next(tmp_path):
    def leave_behind(directory):
        """As a build killed between its two renames does."""
        write_files(directory.with_name(".out.mcuq-old"), files("old"))
        write_files(directory.with_name(".out.mcuq-new"), files("new"))

    leave_behind(tmp_path / "counted" / "out")
    operations = start(tmp_path / "counted" / "out", "recover", 0)
    assert files("old") == read(tmp_path / "counted" / "out")
    assert operations > 5
    for fatal in range(1, operations + 1):
        directory = tmp_path / str(fatal) / "out"
        leave_behind(directory)
        assert start(directory, "recover", fatal) is None
        recover(directory)
        assert files("old") == read(directory)
        assert names(directory.parent) == ["out"]


@pytest.mark.parametrize("fails", ["os.rename", "os.mkdir", "open"])
def test_publish_that_the_disk_refuses_leaves_the_old_files(tmp_path, monkeypatch, fails):
    publish(tmp_path / "out", files("old"))

    def refuse(*_, **__):
        raise OSError(28, "No space left on device")

    target = {
        "os.rename": "pathlib.Path.rename",
        "os.mkdir": "pathlib.Path.mkdir",
        "open": "pathlib.Path.write_bytes",
    }
    with monkeypatch.context() as patch:
        patch.setattr(target[fails], refuse)
        with pytest.raises(McuqError) as error:
            publish(tmp_path / "out", files("new"))
    (problem,) = error.value.problems
    assert (problem.code, problem.why) == ("O012", "No space left on device")
    recover(tmp_path / "out")
    assert files("old") == read(tmp_path / "out")
    assert names(tmp_path) == ["out"]


def foreign(directory):
    with pytest.raises(McuqError) as error:
        check_replaceable(directory)
    (problem,) = error.value.problems
    assert problem.code == "O010"
    return problem.why


def test_foreign_files_are_never_replaced(tmp_path):
    publish(tmp_path / "out", files("old"))
    (tmp_path / "out" / "src" / "mine.c").write_text("precious")
    assert "'src/mine.c'" in foreign(tmp_path / "out")
    with pytest.raises(McuqError):
        publish(tmp_path / "out", files("new"))
    assert {**files("old"), "src/mine.c": b"precious"} == read(tmp_path / "out")


@pytest.mark.parametrize(
    "manifest", ["", "{", "[]", "null", "{}", '{"files": 3}', '{"files": [["a"]]}', "[" * 100_000, "\xff"]
)
def test_files_beside_a_broken_manifest_are_foreign(tmp_path, manifest):
    (tmp_path / "net.mcuq.json").write_bytes(manifest.encode("latin-1"))
    (tmp_path / "mine.c").write_text("precious")
    assert "mine.c" in foreign(tmp_path)


def test_two_manifests_make_everything_foreign(tmp_path):
    write_files(tmp_path, {"a.mcuq.json": b'{"files": {}}', "b.mcuq.json": b'{"files": {}}'})
    assert find_manifest(tmp_path) is None
    assert "2 files" in foreign(tmp_path)


def test_symbolic_links_are_foreign(tmp_path):
    publish(tmp_path / "real", files("old"))
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert foreign(tmp_path / "link") == "it is not a folder"
    (tmp_path / "precious").mkdir()
    (tmp_path / "real" / "inside").symlink_to(tmp_path / "precious")
    assert "'inside'" in foreign(tmp_path / "real")


@pytest.mark.parametrize("name", ["/", "/proc/x", "/dev/null", "/dev/null/x", "x" * 300, "a/" + "x" * 250])
def test_impossible_paths_are_refused(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / name
    with pytest.raises(McuqError) as error:
        publish(path, files("new"))
    assert error.value.problems[0].code in ("O010", "O012")
    assert names(tmp_path) in ([], ["a"])


def test_links_in_a_circle_are_refused(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(McuqError):
        publish(tmp_path / "a", files("new"))
    assert names(tmp_path) == ["a", "b"]


@pytest.mark.parametrize("name", [".", "..", "../..", "", "../inner"])
def test_the_current_folder_is_not_replaced(tmp_path, monkeypatch, name):
    inner = tmp_path / "outer" / "inner"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert "current folder" in foreign(Path(name))
    assert inner.is_dir()


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "out" / "empty").mkdir(parents=True)
    publish(tmp_path / "out", files("new"))
    assert files("new") == read(tmp_path / "out")


def test_second_owner_waits_for_the_first(tmp_path):
    """And gets the path when the first is killed, whatever that leaves behind."""
    holder = (
        "import sys, time; from pathlib import Path; from mcuq.files import owned\n"
        "with owned(Path(sys.argv[1])): print('owned', flush=True); time.sleep(600)"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", holder, str(tmp_path / "out")]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "owned\n"
        with ThreadPoolExecutor(1) as pool:
            second = pool.submit(publish, tmp_path / "out", files("new"))
            assert names(tmp_path) == [".out.mcuq-lock"]
            assert not second.done()
            process.kill()
            second.result(30)
    assert files("new") == read(tmp_path / "out")
    assert names(tmp_path) == ["out"]


def test_second_owner_is_told_when_the_first_does_not_finish(tmp_path, monkeypatch):
    publish(tmp_path / "out", files("old"))
    monkeypatch.setattr("mcuq.files._PATIENCE_S", 0.1)
    with owned(tmp_path / "out"), ThreadPoolExecutor(1) as pool:
        monkeypatch.setattr("mcuq.files.undisturbed", contextlib.nullcontext)  # a thread stands for a process
        with pytest.raises(McuqError) as error:
            pool.submit(publish, tmp_path / "out", files("new")).result(30)
    assert error.value.problems[0].code == "O018"
    assert error.value.exit_code is Exit.USAGE
    assert files("old") == read(tmp_path / "out")
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize(
    "error", [FileNotFoundError(2, "gone"), McuqError(Problem("O011", "a", "b", "c", "d"))]
)
def test_reader_whose_folder_is_replaced_reads_the_new_one(tmp_path, error):
    publish(tmp_path / "out", files("old"))
    errors = [error]

    def disturbed(place):
        """What a reader meets when another process publishes meanwhile."""
        if errors:
            publish(tmp_path / "out", files("new"))
            raise errors.pop()
        return read(place)

    assert files("new") == read_whole(tmp_path / "out", disturbed)


def test_folder_that_cannot_be_read_is_refused(tmp_path):
    def refuse(place):
        raise PermissionError(13, "Permission denied")

    for place in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(McuqError) as error:
            read_whole(place, refuse)
        assert error.value.problems[0].code == "O012"
