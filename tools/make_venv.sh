#!/bin/sh
# Make a virtual environment with the first interpreter that is Python 3.10 or later.
# Usage: make_venv.sh FOLDER INTERPRETER...
set -eu

folder=$1
shift
tried=
for candidate in "$@"; do
    if version=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null); then
        tried="$tried $candidate ($version)"
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
            echo "making $folder with $candidate ($version)"
            "$candidate" -m venv "$folder" || {
                rm -rf "$folder"
                echo "error: '$candidate -m venv' failed; on Debian and Ubuntu install python3-venv" >&2
                exit 1
            }
            exit 0
        fi
    else
        tried="$tried $candidate (not found)"
    fi
done
echo "error: mcuq needs Python 3.10 or later; tried$tried" >&2
echo "  fix: install one, or name it: make PYTHON=/path/to/python3 ..." >&2
exit 1
