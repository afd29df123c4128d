"""Publishes a firmware directory and is killed at a chosen operation on the file system.

Arguments: the directory, the content of its files, the number of the fatal operation (0: none). Prints how
many operations there were.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from mcuq.pipeline.directory import publish, recover

OPERATIONS = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.scandir", "shutil.rmtree"}


def files(content: str) -> dict[str, bytes]:
    data = content.encode()
    names = ["include/net.h", "src/net.c", "README.md"]
    if content == "new":
        names.append("src/more.c")
    listed = ", ".join(f'"{name}": "0"' for name in names)
    return {**dict.fromkeys(names, data), "net.mcuq.json": f'{{"files": {{{listed}}}}}'.encode()}


def main() -> None:
    directory, content, fatal = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    count = 0

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal count
        if event in OPERATIONS:
            count += 1
            if count == fatal:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    if content == "recover":
        recover(directory)
    else:
        publish(directory, files(content))
    sys.stdout.write(str(count))


if __name__ == "__main__":
    main()
