"""The command: what it leaves can be built, it goes on where it was stopped, and it refuses what it must."""

import dataclasses
import hashlib
import json
import re
import sqlite3

import numpy as np
import pytest

from mcuq.calibrate.config import read_output_types, read_overrides
from mcuq.errors import McuqError, fail
from mcuq.ir.store import program_to_npz
from mcuq.options import QuantOptions
from mcuq.pipeline.build import build
from mcuq.pipeline.planning import plan_program
from mcuq.pipeline.tune import SearchBudget, find_useful_moves, prepare, tune, with_rates
from mcuq.pipeline.tune_measure import measure_found
from mcuq.pipeline.tune_study import compile_candidate
from mcuq.tune.database import DATABASE, Answer, Database
from mcuq.tune.figures import Figures
from mcuq.tune.limits import BuildLimits
from tests.cli.runner import run
from tests.tools import require
from tests.tune.networks import OPTIONS, calibration, small_data, small_model

FIGURES = Figures(1, 2, 3, 0.5, 0.125, "a")


def _files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != DATABASE}


def _tune(folder, output, evaluations=24, target="cortex-m4", **more):
    model = small_model(folder)
    return tune(model, target, calibration(folder), output, OPTIONS, budget=SearchBudget(evaluations), **more)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tuned")
    return folder, _tune(folder, folder / "out")


def test_tune_writes_the_builds_and_int8_among_them(tuned):
    folder, found = tuned
    document = json.loads((folder / "out/pareto.json").read_text("utf-8"))
    assert document == found.to_json()
    names = [point["name"] for point in document["points"]]
    assert names[0] == "int8" and len(names) > 1
    keys = ["name", "config", "flash_bytes", "ram_bytes", "cycles", "agreement", "sqnr_db"]
    for point in document["points"]:
        assert keys == list(point)
        assert (folder / "out" / point["config"]).is_file()
    int8, *others = document["points"]
    assert any(point["sqnr_db"] > int8["sqnr_db"] for point in others)
    assert (found.calibrated, found.held_out) == (24, 40)


def test_tune_configurations_build_the_programs_that_were_judged(tuned, tmp_path):
    folder, found = tuned
    for point in found.points[:3]:
        path = folder / "out" / point.config
        overrides = read_overrides(path)
        assert bool(overrides) == (point.name != "int8")
        options = dataclasses.replace(OPTIONS, overrides=overrides)
        made = build(
            small_model(tmp_path),
            "cortex-m4",
            calibration=calibration(tmp_path),
            output=tmp_path / point.name,
            name="net",
            verify="none",
            options=options,
        )
        digest = hashlib.sha256(made.files["net.mcuq.npz"]).hexdigest()
        assert digest == point.found.figures.program_sha256
        assert digest in path.read_text("utf-8")


@pytest.mark.parametrize("setting", ["weight_bits", "activation_bits"])
def test_candidates_are_equalized_as_their_builds_are(tmp_path, setting):
    """Scales go by the bits of weights and activations, so each candidate has its own."""
    model = small_model(tmp_path)
    options = QuantOptions(samples=48, equalize="auto")
    study, _ = prepare(model, "cortex-m4", calibration(tmp_path, 96), options)
    candidate = tuple(move for move in find_useful_moves(study) if move.setting == setting)
    assert candidate
    made = build(
        model,
        "cortex-m4",
        calibration=calibration(tmp_path, 96),
        output=tmp_path / "out",
        name="net",
        verify="none",
        options=study.options_of(candidate),
    )
    judged = program_to_npz(compile_candidate(study, candidate).program)
    assert judged == made.files["net.mcuq.npz"]


def test_outputs_of_int16_are_found_where_they_are_asked_for_and_build_as_judged(tmp_path):
    study, _ = prepare(small_model(tmp_path), "cortex-m4", calibration(tmp_path), OPTIONS)
    assert all(move.setting != "output_type" for move in find_useful_moves(study))
    found = _tune(tmp_path, tmp_path / "out", evaluations=10, target="host", wide_outputs=True)
    document = json.loads((tmp_path / "out/pareto.json").read_text("utf-8"))
    wide = [point for point in document["points"] if point.get("outputs") == {"y": "int16"}]
    assert wide and found.wide_outputs == {point["name"]: "'y'" for point in wide}
    # Logits are int16 as well, so that they are nearer to the float model.
    assert wide[0]["sqnr_db"] > document["points"][0]["sqnr_db"]
    path = tmp_path / "out" / wide[0]["config"]
    options = dataclasses.replace(
        OPTIONS, overrides=read_overrides(path), configured_types=read_output_types(path)
    )
    made = build(
        small_model(tmp_path),
        "host",
        calibration=calibration(tmp_path),
        output=tmp_path / "built",
        name="net",
        verify="none",
        options=options,
    )
    assert hashlib.sha256(made.files["net.mcuq.npz"]).hexdigest() in path.read_text("utf-8")
    assert b"int16_t" in made.files["include/net.h"]


def test_the_search_sees_cycles_of_int16_as_they_are_measured(tmp_path):
    require("arm-none-eabi-gcc")
    study, _ = prepare(small_model(tmp_path), "cortex-m4", calibration(tmp_path), OPTIONS)
    moves = find_useful_moves(study)
    wide = tuple(move for move in moves if move.setting == "activation_bits")
    rated = with_rates(study, "net", moves)
    assert rated.rates
    for candidate in ((), wide, wide[::2], wide[1::2]):
        found = measure_found((rated, "net"), candidate)
        assert found.modelled.cycles == pytest.approx(found.figures.cycles, rel=0.2)
    # What was judged by other cycles is not remembered for these.
    assert rated.key() != study.key()


def test_tune_goes_on_where_it_was_stopped(tuned, tmp_path):
    folder, _ = tuned
    _tune(tmp_path, tmp_path / "out", evaluations=10)
    connection = sqlite3.connect(tmp_path / "out" / DATABASE)
    (before,) = connection.execute("SELECT count(*) FROM answers").fetchone()
    # Single moves take half of all evaluations, and there is the build without any.
    assert before >= 6
    _tune(tmp_path, tmp_path / "out")
    (after,) = connection.execute("SELECT count(*) FROM answers").fetchone()
    connection.close()
    assert after > before
    assert _files(folder / "out") == _files(tmp_path / "out")


def test_tune_remembers_evaluations(tuned, monkeypatch):
    folder, found = tuned

    def never(*_):
        raise AssertionError("everything is known")

    monkeypatch.setattr("mcuq.pipeline.tune.evaluate_candidate", never)
    before = _files(folder / "out")
    assert found.points == _tune(folder, folder / "out").points
    assert before == _files(folder / "out")


def test_tune_stops_in_time_and_reports_what_it_has(tmp_path):
    model, data = small_model(tmp_path), calibration(tmp_path)
    found = tune(model, "cortex-m4", data, tmp_path / "out", OPTIONS, budget=SearchBudget(seconds=0.001))
    assert [point.name for point in found.points] == ["int8"]


def test_tune_refuses_limits_that_nothing_keeps_and_names_the_nearest(tuned):
    folder, _ = tuned
    before = _files(folder / "out")
    with pytest.raises(McuqError) as error:
        _tune(folder, folder / "out", limits=BuildLimits(flash_bytes=100))
    (problem,) = error.value.problems
    assert (problem.code, error.value.exit_code) == ("T006", 3)
    assert "flash at most 100 B" in problem.where
    assert re.search(r"the nearest takes [\d,]+ B flash, [\d,]+ B RAM, [\d,]+ cycles", problem.why)
    assert before == _files(folder / "out")


def test_tune_with_limits_reports_what_keeps_to_them_and_the_best(tuned, tmp_path):
    _, free = tuned
    best = max(free.points, key=lambda point: point.found.figures.sqnr_db)
    limits = BuildLimits(cycles=best.found.figures.cycles, agreement=best.found.figures.agreement)
    found = _tune(tmp_path, tmp_path / "out", limits=limits)
    assert found.chosen is not None
    for point in found.points[1:]:
        assert limits.excess(point.found.figures) == 0
    assert found.to_json()["chosen"] == found.chosen


def test_tune_says_what_was_not_measured(tmp_path):
    found = _tune(tmp_path, tmp_path / "out", evaluations=2, target="host")
    assert "cycles" in found.notes and "flash_bytes" in found.notes


def test_tune_for_a_board_without_room_says_so(tmp_path, monkeypatch):
    def without_room(program, target, flash=None):
        if target == "nucleo-l4r5zi":
            raise fail("T001", "the model does not fit", where=target, why="too large", fix="none")
        return plan_program(program, target, flash)

    monkeypatch.setattr("mcuq.pipeline.tune_study.plan_program", without_room)
    with pytest.raises(McuqError, match=r"T006(?s:.)*the board's memory(?s:.)*the nearest takes"):
        _tune(tmp_path, tmp_path / "out", evaluations=3, target="nucleo-l4r5zi")


def test_tune_leaves_other_folders_alone(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.tex").write_text("mine")
    with pytest.raises(McuqError, match="O010"):
        _tune(tmp_path, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.tex"]
    with pytest.raises(McuqError, match="O010"):
        _tune(tmp_path, tmp_path / "out/thesis.tex")


def test_tune_refuses_what_leaves_nothing_to_choose(tmp_path):
    model = small_model(tmp_path)
    with pytest.raises(McuqError, match=r"O013.*(?s:.)*found 9 samples"):
        tune(model, "cortex-m4", calibration(tmp_path, 9), tmp_path / "out")
    with pytest.raises(McuqError, match=r"O013.*(?s:.)*equalize"):
        tune(model, "cortex-m4", calibration(tmp_path), tmp_path / "out", QuantOptions(equalize="on"))
    assert not (tmp_path / "out").exists()


def test_tune_limits_on_what_is_not_known_are_refused(tmp_path):
    with pytest.raises(McuqError, match=r"O013.*(?s:.)*--max-cycles"):
        _tune(tmp_path, tmp_path / "out", target="host", limits=BuildLimits(cycles=5))


def test_tune_command_prints_one_object(tmp_path):
    model, data, output = small_model(tmp_path), small_data(tmp_path), tmp_path / "out"
    words = ("tune", model, "--target", "cortex-m4", "--calibration", data, "--output", output)
    words += ("--evaluations", 3, "--workers", 1, "--samples", 24, "--equalize", "off")
    found = run(*words, "--json")
    assert (found.code, found.err) == (0, "")
    assert found.json == json.loads((output / "pareto.json").read_text("utf-8"))
    shown = run(*words)
    assert shown.code == 0 and "judged by 40 samples" in shown.out
    refused = run(*words, "--max-ram", 7)
    assert (refused.code, refused.out) == (3, "") and "error[T006]" in refused.err


def test_database_keeps_what_it_was_given(tmp_path):
    with Database(tmp_path) as database:
        database.put("study", "a", Answer(FIGURES))
        database.put("study", "b", Answer(None, "T004: no kernel"))
    with Database(tmp_path) as database:
        assert database.get("study", "a") == Answer(FIGURES)
        assert database.get("study", "b") == Answer(None, "T004: no kernel")
        assert database.get("other", "a") is None


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"{}"])
def test_database_refuses_what_it_did_not_write(tmp_path, content):
    (tmp_path / DATABASE).write_bytes(content)
    with pytest.raises(McuqError, match="O004"):
        Database(tmp_path)
    assert content == (tmp_path / DATABASE).read_bytes()


@pytest.mark.parametrize(
    "answer",
    [
        "[1]",
        7,
        "[" * 100_000,
        '{"figures": null, "refusal": 1}',
        '{"figures": [], "refusal": ""}',
        json.dumps({"figures": {**FIGURES.to_json(), "noise": "0.1"}, "refusal": ""}),
        json.dumps({"figures": {**FIGURES.to_json(), "ram_bytes": True}, "refusal": ""}),
        json.dumps({"figures": {**FIGURES.to_json(), "more": 1}, "refusal": ""}),
        json.dumps({"figures": {"ram_bytes": 1}, "refusal": ""}),
    ],
)
def test_database_refuses_other_answers(tmp_path, answer):
    with Database(tmp_path) as database:
        database.put("study", "a", Answer(FIGURES))
    connection = sqlite3.connect(tmp_path / DATABASE)
    connection.execute("UPDATE answers SET answer = ?", (answer,))
    connection.commit()
    connection.close()
    with Database(tmp_path) as database, pytest.raises(McuqError, match="O004"):
        database.get("study", "a")


def test_figures_survive_json():
    exact = Figures(None, 1, None, None, float(np.nextafter(0.1, 1)), "x", False)
    assert Figures.from_json(json.loads(json.dumps(exact.to_json()))) == exact
