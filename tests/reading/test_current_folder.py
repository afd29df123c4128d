"""Commands in a folder that was deleted under them."""

import subprocess
import sys

import pytest

from tests.conftest import EXAMPLE


@pytest.mark.slow
@pytest.mark.parametrize("command", ["targets", "build", "verify", "--help"])
def test_a_deleted_current_folder_is_its_own_refusal(tmp_path, command):
    arguments = {
        "build": ["build", str(EXAMPLE / "locked" / "digits.mcuq.npz"), "--target", "host"],
        "verify": ["verify", "firmware"],
    }.get(command, [command])
    script = f"mkdir gone && cd gone && rmdir ../gone && exec '{sys.executable}' -m mcuq \"$@\""
    done = subprocess.run(
        ["sh", "-c", script, "sh", *arguments], cwd=tmp_path, capture_output=True, text=True
    )
    if command == "--help":
        assert done.returncode == 0
        return
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error[O016]: the current folder does not exist any more\n")
