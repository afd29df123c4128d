"""Features of the keyword example: C against their definition, and that against data and a network."""

import ctypes
import importlib.util
import subprocess

import numpy as np
import onnx
import pytest

from mcuq.calibrate.data import Samples
from mcuq.calibrate.run import run_float
from tests.project.source import ROOT
from tests.shared_data import shared_file
from tests.tools import require

FOLDER = ROOT / "firmware_examples" / "keywords"
STRICT = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wpedantic", "-Werror"]
# Of a code of the networks' inputs, 0.58: float32 against float64, logarithms of small sums included.
NEAR = 0.02


@pytest.fixture(scope="module")
def definition():
    spec = importlib.util.spec_from_file_location("keyword_features", FOLDER / "features.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """Features of one second, computed by the C of the example."""
    require("cc")
    library = tmp_path_factory.mktemp("features") / "features.so"
    subprocess.run(["cc", *STRICT, "-shared", "-fPIC", FOLDER / "features.c", "-o", library], check=True)
    return host_features(library)


def host_features(library):
    """A function from int16 `[16000]` to float32 `[49, 10]`.

    Args:
        library: `features.c`, compiled for this computer.
    """
    found = ctypes.CDLL(str(library))
    found.features_largest.restype = ctypes.c_int16

    def compute(samples):
        samples = np.ascontiguousarray(samples, np.int16)
        out = np.full((49, 10), np.nan, np.float32)
        largest = ctypes.c_int16(found.features_largest(ctypes.c_void_p(samples.ctypes.data)))
        for frame in range(49):
            at = ctypes.c_void_p(samples[320 * frame :].ctypes.data)
            found.features_frame(at, largest, ctypes.c_void_p(out[frame:].ctypes.data))
        return out

    return compute


def sounds():
    """Seconds of sound, int16 `[n, 16000]`: what is common, and what is not."""
    rng, at = np.random.default_rng(7), np.arange(16_000) / 16_000
    found = [
        np.zeros(16_000),
        np.full(16_000, -32768),  # nothing above zero
        np.full(16_000, 32767),
        np.where(np.arange(16_000) == 9_000, 1, 0),
        32767 * np.sign(np.sin(2 * np.pi * 440 * at)),
        8_000 * np.sin(2 * np.pi * (100 + 3_900 * at) * at),
        20_000 * np.sin(2 * np.pi * 4_300 * at),  # above the highest band
        np.where(at < 0.31, 9_000 * np.sin(2 * np.pi * 300 * at), 0),
        *(rng.normal(0, level, 16_000) for level in (0.3, 1, 30, 3_000)),
        rng.integers(-32768, 32768, 16_000),
    ]
    return np.clip(np.array(found), -32768, 32767).astype(np.int16)


def test_tables_are_those_of_the_definition(definition):
    assert definition.tables() == (FOLDER / "features_tables.h").read_text("utf-8")


def test_shapes_are_those_of_the_networks(definition):
    assert (definition.FRAMES, definition.COEFFICIENTS) == (49, 10)
    assert definition.features(sounds()[:2]).shape == (2, 49, 10, 1)


@pytest.mark.parametrize("number", range(len(sounds())))
def test_features_in_c_are_those_of_the_definition(definition, compiled, number):
    sound = sounds()[number]
    expected = definition.features(sound[None])[0, :, :, 0]
    assert np.abs(expected - compiled(sound)).max() < NEAR


def test_features_differ_where_the_sound_does(compiled):
    """The comparison above would notice a frame that is read from elsewhere."""
    sound = sounds()[-2]
    assert np.abs(compiled(sound) - compiled(np.roll(sound, 1))).max() > NEAR
    assert np.abs(compiled(sound) - compiled(2 * (sound // 2))).max() > 0


def test_silence_is_the_most_common_frame_of_the_data(compiled):
    """Recordings shorter than a second have zeros behind them: 458 frames, with codes that were cut."""
    data = np.load(shared_file("mlperf_tiny/data/kws.npz"))
    frames = np.concatenate([data["cal_x"], data["eval_x"]]).reshape(-1, 10)
    patterns, counts = np.unique(frames, axis=0, return_counts=True)
    silence = patterns[counts.argmax()].astype(int)
    assert counts.max() == 458
    scale, zero_point = float(data["float_scale"]), int(data["float_zero_point"])
    codes = np.trunc(compiled(np.zeros(16_000)) / scale + zero_point).clip(-128, 127)
    assert (codes[:, 0] == silence[0]).all()
    # The sign of what rounds to nothing is of the arithmetic.
    assert set(silence[1:]) <= {zero_point - 1, zero_point}
    assert np.isin(codes[:, 1:], (zero_point - 1, zero_point)).all()


def test_a_trained_network_takes_noise_for_silence(compiled):
    """DS-CNN of MLPerf Tiny, on features of this C: its class Silence is the noise of a room."""
    names = list(np.load(shared_file("mlperf_tiny/data/kws.npz"))["class_names"])
    model = onnx.load(shared_file("mlperf_tiny/models/kws_dscnn.onnx"))
    (port,), (output,) = model.graph.input, model.graph.output
    rng = np.random.default_rng(3)
    for level in (1, 30, 300):
        sound = rng.normal(0, level, 16_000).round().astype(np.int16)
        samples = Samples.from_arrays({port.name: compiled(sound)[None, None, :, :, None].astype(np.float32)})
        (found,) = run_float(model.SerializeToString(), samples, [output.name]).values()
        assert names[int(found.argmax())] == "Silence"
        assert found.max() > 0.9


@pytest.mark.parametrize(
    "flags", [["-mcpu=cortex-m0plus"], ["-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"]]
)
def test_features_compile_for_boards_without_a_warning(tmp_path, flags):
    require("arm-none-eabi-gcc")
    command = ["arm-none-eabi-gcc", *STRICT, "-mthumb", *flags, f"-I{ROOT / 'targets/support/freestanding'}"]
    done = subprocess.run(
        [
            *command,
            "-ffreestanding",
            "-Wdouble-promotion",
            "-c",
            FOLDER / "features.c",
            "-o",
            tmp_path / "x.o",
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
