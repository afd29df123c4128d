"""Logs of self-tests: as devices print them, as terminals spoil them, and as nobody should send them."""

import random
import time
from pathlib import Path

import pytest

from mcuq.device.compare import Expected, compare_log
from mcuq.device.log import MAX_LOG_BYTES, parse_log, read_log
from mcuq.errors import Exit, McuqError

BUILD = "0123456789abcdef"
EXPECTED = Expected(BUILD, (("00000001", "00000002"), ("00000003", "00000004")), ("conv", "fc"))
LINES = (
    f"mcuq-begin net {BUILD} 2 2",
    "mcuq-layer 0 0 found 00000001 expected 00000001 conv",
    "mcuq-layer 0 1 found 00000002 expected 00000002 fc",
    "mcuq-layer 1 0 found 00000003 expected 00000003 conv",
    "mcuq-layer 1 1 found 00000004 expected 00000004 fc",
    "mcuq-timer dwt",
    "mcuq-cycles 0 1200 conv",
    "mcuq-cycles 1 345 fc",
    "mcuq-end 0",
)
DIFFERENT = "mcuq-layer 1 0 found 0000beef expected 00000003 conv"


def _log(*lines):
    return parse_log("\n".join(lines).encode() + b"\n", Path("log.txt"))


def _with(at, *lines):
    return (*LINES[:at], *lines, *LINES[at + 1 :])


def _refusal(*lines, expected=EXPECTED):
    with pytest.raises(McuqError) as error:
        compare_log(_log(*lines), expected)
    (problem,) = error.value.problems
    assert (problem.code, error.value.exit_code) == ("O022", Exit.USAGE)
    return problem.why


def test_log_that_is_whole():
    comparison = compare_log(_log(*LINES), EXPECTED)
    assert (comparison.compared, comparison.differing, comparison.missing, comparison.first) == (
        4,
        0,
        0,
        None,
    )
    assert (comparison.log.name, comparison.log.timer, comparison.log.cycles) == (
        "net",
        "dwt",
        {0: 1200, 1: 345},
    )


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r", b"\n\r\n", b"\x1b[0m\n"])
@pytest.mark.parametrize("prefix", ["", "[12:00:01.250] ", "uart0: \x1b[32m", "\u20ac \0"])
def test_log_with_ends_and_prefixes_of_terminals(end, prefix):
    data = end.join((prefix + line).encode() for line in (*LINES, "other lines"))
    assert compare_log(parse_log(data, Path("log")), EXPECTED).compared == 4


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_log_in_the_encodings_of_shells(encoding):
    data = "\r\n".join(LINES).encode(encoding)
    assert compare_log(parse_log(data, Path("log")), EXPECTED).compared == 4


def test_log_names_the_first_difference_in_the_order_of_execution():
    swapped = ("mcuq-layer 1 1 found 0000dead expected 00000004 fc", DIFFERENT)
    comparison = compare_log(_log(*LINES[:3], *swapped, *LINES[5:8], "mcuq-end 2"), EXPECTED)
    assert (comparison.first.vector, comparison.first.layer, comparison.first.name) == (1, 0, "conv")
    assert (comparison.first.expected, comparison.first.found, comparison.differing) == (
        "00000003",
        "0000beef",
        2,
    )
    problem = comparison.problem()
    assert problem.code == "V005"
    assert "'conv'" in problem.title
    assert problem.why == "expected checksum 00000003, found 0000beef; 2 of 4 differ"


def test_log_is_held_to_the_firmware_and_not_to_what_it_says_itself():
    lying = "mcuq-layer 1 0 found 0000beef expected 0000beef conv"
    assert compare_log(_log(*_with(3, lying))).first is None
    assert compare_log(_log(*_with(3, lying)), EXPECTED).first.found == "0000beef"


def test_log_without_firmware_is_held_to_what_it_says_itself():
    assert compare_log(_log(*LINES)).compared == 4
    first = compare_log(_log(*_with(3, DIFFERENT))).first
    assert (first.name, first.expected, first.found) == ("conv", "00000003", "0000beef")


def test_log_of_several_runs_counts_the_last_whole_one():
    broken = _with(3, DIFFERENT)
    assert compare_log(_log(*broken, *LINES), EXPECTED).first is None
    assert compare_log(_log(*LINES, *broken), EXPECTED).first.found == "0000beef"
    assert compare_log(_log(*broken, *LINES[:3]), EXPECTED).first.found == "0000beef"


@pytest.mark.parametrize("lines", range(1, len(LINES)))
def test_log_that_ends_early_is_refused_and_says_where(lines):
    why = _refusal(*LINES[:lines])
    assert "the line 'mcuq-end' is missing" in why
    assert f"{min(lines - 1, 4)} of 4 lines of layers are in it" in why


def test_log_cut_inside_of_a_line_is_refused():
    text = "\n".join(LINES[:4])
    for cut in range(len("\n".join(LINES[:3])) + 1, len(text) - len(" conv")):
        with pytest.raises(McuqError) as error:
            compare_log(parse_log(text[:cut].encode(), Path("log")), EXPECTED)
        assert error.value.problems[0].code == "O022"


def test_log_that_ends_early_still_names_a_difference():
    problem = compare_log(_log(*LINES[:3], DIFFERENT), EXPECTED).problem()
    assert "1 of 3 differ, 1 are missing from the log" in problem.why


@pytest.mark.parametrize(
    "line",
    [
        "mcuq-layer 1 0 found 0000003 expected 00000003 conv",
        "mcuq-layer 1 0 found 0000000g expected 00000003 conv",
        "mcuq-layer 2 0 found 00000003 expected 00000003 conv",
        "mcuq-layer 1 2 found 00000003 expected 00000003 conv",
        "mcuq-layer 1 -1 found 00000003 expected 00000003 conv",
        "mcuq-layer 9999999999999999999999 0 found 00000003 expected 00000003 conv",
        "mcuq-layer",
        "mcuq-layer 0 0 found 00000009 expected 00000001 conv",
    ],
)
def test_log_with_a_damaged_line_is_refused(line):
    assert "1 lines are damaged" in _refusal(*_with(3, line))


@pytest.mark.parametrize("text", ["", "hello", "mcuq-", "mcuq-begin", "mcuq-begin net 0 2 2", "mcuq-end 0\n"])
def test_log_without_a_run_is_refused(text, tmp_path):
    path = tmp_path / "log.txt"
    path.write_text(text)
    with pytest.raises(McuqError, match="mcuq-begin NAME BUILD") as error:
        read_log(path)
    assert error.value.problems[0].code == "O022"


@pytest.mark.parametrize("begin", ["net fedcba9876543210 2 2", f"net {BUILD} 3 2", f"net {BUILD} 2 1"])
def test_log_of_another_build_is_refused(begin):
    why = _refusal(f"mcuq-begin {begin}", *LINES[1:])
    assert BUILD in why
    assert "another build" in why


def test_log_of_no_layers_is_refused():
    assert "0 of 0 lines" in _refusal(f"mcuq-begin net {BUILD} 0 0", "mcuq-end 0", expected=None)


def test_log_that_is_absurdly_large_is_refused(tmp_path):
    path = tmp_path / "log.txt"
    with path.open("wb") as stream:
        stream.truncate(MAX_LOG_BYTES + 1)
    with pytest.raises(McuqError) as error:
        read_log(path)
    assert error.value.problems[0].code == "O015"


@pytest.mark.parametrize(
    "line", ["mcuq-layer 0 0 found", "mcuq-" + "begin " * 100, "mcuq" * 99, "\n", "mcuq-end"]
)
def test_log_of_hostile_lines_is_read_in_time(line):
    data = (line + "\n").encode() * (4_000_000 // (len(line) + 1))
    start = time.perf_counter()
    with pytest.raises(McuqError):
        compare_log(parse_log("\n".join(LINES[:2]).encode() + b"\n" + data, Path("log")))
    assert time.perf_counter() - start < 5


def test_log_of_random_damage_is_read_or_refused():
    """Whatever is changed: the right answer, a difference, or a refusal; no other exception."""
    rng = random.Random(0)
    whole = "\n".join(LINES).encode()
    outcomes = set()
    for _ in range(3000):
        data = bytearray(whole)
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(data))
            kind = rng.randrange(3)
            if kind == 0:
                data[at] = rng.randrange(256)
            elif kind == 1:
                del data[at : at + rng.randrange(1, 40)]
            else:
                data[at:at] = data[at : at + rng.randrange(1, 60)]
        try:
            first = compare_log(parse_log(bytes(data), Path("log")), EXPECTED).first
            outcomes.add("same" if first is None else "different")
        except McuqError as error:
            outcomes.add(error.problems[0].code)
    assert outcomes == {"same", "different", "O022"}
