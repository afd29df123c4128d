"""Nothing in the repository depends on the machine or the network it was written on."""

import re

from tests.project.source import ROOT, tracked_files

# Written in pieces, so that this file does not find itself.
MACHINE = re.compile("|".join((r"(?<![\w.])/" + name + r"(?:/|\b)") for name in ("work", "root")))
HOSTS = re.compile("|".join(("py" + r"pi\.", "python" + "hosted", "files" + r"\.python", "artifact" + "ory")))
TEXT = {".c", ".h", ".j2", ".json", ".lock", ".md", ".py", ".sh", ".toml", ".txt", ".cfg", ".ini", ".S", ""}


def _mentions(pattern):
    found = []
    for path in tracked_files():
        if path.suffix in TEXT:
            for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
                if pattern.search(line):
                    found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    return found


def test_names_of_folders_of_one_machine_do_not_occur():
    assert _mentions(MACHINE) == []


def test_names_of_package_servers_do_not_occur():
    assert _mentions(HOSTS) == []


def test_names_of_tracked_files_are_portable():
    for path in tracked_files():
        name = path.relative_to(ROOT).as_posix()
        assert re.fullmatch(r"[A-Za-z0-9_./+-]+", name), name


def test_test_files_of_one_name_can_be_collected_together():
    """Outside packages, pytest imports test files by their name alone."""
    loose = [
        path.name
        for path in (ROOT / "tests").rglob("test_*.py")
        if not (path.parent / "__init__.py").is_file()
    ]
    assert sorted(set(loose)) == sorted(loose)
