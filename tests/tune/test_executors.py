"""The same search here, in processes and on a cluster: the same bytes, also when a worker is killed."""

import contextlib
import json
import os
import subprocess
import sys
import time
from multiprocessing.context import SpawnProcess
from multiprocessing.process import BaseProcess

import pytest

from mcuq.errors import McuqError
from mcuq.pipeline.calibration import CalibrationData
from mcuq.pipeline.tune import SearchBudget, tune
from mcuq.tune.cluster import ClusterExecutor
from mcuq.tune.database import DATABASE
from mcuq.tune.executor import InlineExecutor, ProcessExecutor
from mcuq.tune.moves import Move
from tests.project.source import ROOT
from tests.tools import require
from tests.tune.networks import OPTIONS, calibration, name_moves, small_data, small_model

CANDIDATES = [(Move("method", f"m{number}", ("t",)),) for number in range(12)]


def _answers(executor):
    with executor:
        return dict(executor.run(CANDIDATES))


def _tune(folder, output, progress=None, **budget):
    model, data = small_model(folder), calibration(folder)
    tune(model, "cortex-m4", data, output, OPTIONS, budget=SearchBudget(20, **budget), progress=progress)
    return {path.name: path.read_bytes() for path in output.iterdir() if path.name != DATABASE}


class _Cluster:
    """A scheduler and workers, each a process."""

    def __init__(self, folder, workers):
        # Workers import the function that tests evaluate with.
        self._options = {"cwd": folder, "env": {**os.environ, "PYTHONPATH": str(ROOT)}}
        self._options |= {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._file = folder / "scheduler.json"
        self.scheduler = self._start("scheduler", "--port", "0", "--host", "127.0.0.1")
        while not self._file.exists():
            assert self.scheduler.poll() is None
            time.sleep(0.05)
        self.workers = [self._start("worker", "--no-nanny", "--nthreads", "1") for _ in range(workers)]
        self.address = json.loads(self._file.read_text("utf-8"))["address"]

    def _start(self, kind, *arguments):
        module = f"distributed.cli.dask_{kind}"
        words = ("--scheduler-file", str(self._file), "--no-dashboard", *arguments)
        return subprocess.Popen([sys.executable, "-m", module, *words], **self._options)

    def close(self):
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path):
    require("distributed")
    folder = tmp_path / "cluster"
    folder.mkdir()
    with contextlib.closing(_Cluster(folder, 3)) as running:
        yield running


def test_executors_give_each_candidate_its_answer(tmp_path):
    study = {"name": "s"}
    expected = {index: name_moves(study, each) for index, each in enumerate(CANDIDATES)}
    assert expected == _answers(InlineExecutor(name_moves, study))
    assert expected == _answers(ProcessExecutor(name_moves, study, 2))


def test_cluster_gives_each_candidate_its_answer(cluster):
    study = {"name": "s"}
    expected = {index: name_moves(study, each) for index, each in enumerate(CANDIDATES)}
    assert expected == _answers(ClusterExecutor(name_moves, study, cluster.address))


def test_cluster_that_cannot_evaluate_is_refused(tmp_path):
    require("distributed")
    with (
        pytest.raises(McuqError, match=r"O021(?s:.)*nowhere"),
        ClusterExecutor(name_moves, {}, "nowhere://1"),
    ):
        pass


def test_a_process_that_starts_late_finds_the_study(monkeypatch):
    """The first has taken everything that there is to take before the second one has read it."""
    study = {"name": "s"}
    started = []

    def start(process):
        started.append(process)
        if len(started) > 1:
            time.sleep(1.0)
        BaseProcess.start(process)

    monkeypatch.setattr(SpawnProcess, "start", start)
    with ProcessExecutor(name_moves, study, 2) as executor:
        found = dict(executor.run(CANDIDATES))
    assert len(started) == 2
    assert {index: name_moves(study, each) for index, each in enumerate(CANDIDATES)} == found


@pytest.mark.slow
def test_tune_is_the_same_in_processes(tmp_path):
    assert _tune(tmp_path, tmp_path / "inline") == _tune(tmp_path, tmp_path / "two", workers=2)


@pytest.mark.slow
def test_tune_is_the_same_on_a_cluster_that_loses_a_worker(cluster, tmp_path):
    told = []

    def kill_one(done, total):
        told.append(done)
        if len(told) == 4:
            cluster.workers[0].kill()

    on_cluster = _tune(tmp_path, tmp_path / "cluster_out", kill_one, scheduler=cluster.address)
    assert cluster.workers[0].wait() != 0
    assert _tune(tmp_path, tmp_path / "inline") == on_cluster


@pytest.mark.slow
def test_tune_that_is_killed_goes_on_to_the_same_bytes(tmp_path):
    model, data, output = small_model(tmp_path), small_data(tmp_path), tmp_path / "killed"
    words = ["tune", model, "--target", "cortex-m4", "--calibration", data, "--output", output]
    words += ["--evaluations", "20", "--workers", "2", "--samples", "24", "--calibration-method", "minmax"]
    words += ["--weight-rounding", "nearest", "--equalize", "off"]
    command = [sys.executable, "-m", "mcuq", *map(str, words)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    while not (output / DATABASE).exists():
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(2)
    process.kill()
    process.wait()
    assert not (output / "pareto.json").exists()
    assert subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL).returncode == 0
    found = {path.name: path.read_bytes() for path in output.iterdir() if path.name != DATABASE}
    whole = tmp_path / "whole"
    tune(model, "cortex-m4", CalibrationData(data), whole, OPTIONS, budget=SearchBudget(20))
    assert {path.name: path.read_bytes() for path in whole.iterdir() if path.name != DATABASE} == found
