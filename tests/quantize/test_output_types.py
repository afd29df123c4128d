"""Types of outputs: what a model gives in int8, int16, or int16 of a power of two."""

import numpy as np
import pytest

from mcuq.api import build, evaluate
from mcuq.calibrate.config import read_output_types
from mcuq.cli.parse import parse_output_types
from mcuq.errors import McuqError
from mcuq.ir.store import program_from_npz
from mcuq.ir.types import DType
from mcuq.ops.registry import STEP_OPS
from mcuq.options import QuantOptions
from mcuq.settings import Override
from mcuq.simulator.ports import quantize_inputs
from mcuq.simulator.simulate import simulate_program
from tests.small_models import Net, save
from tests.tools import require

DATA = {"x": np.random.default_rng(0).normal(size=(24, 1, 8)).astype(np.float32)}
WIDE, NARROW, INDEX = DType.INT16, DType.INT8, DType.INT32


def net():
    """Every way in which an output comes about."""
    net = Net(x=[1, 8])
    hidden = net.add("Relu", net.add("MatMul", "x", net.random(8, 6)), outputs=["hidden"])
    logits = net.add("MatMul", hidden, net.random(6, 5), outputs=["logits"])
    net.add("Softmax", logits, axis=-1, outputs=["odds"])
    net.add("Sigmoid", net.add("MatMul", hidden, net.random(6, 3)), outputs=["gates"])
    net.add("Reshape", hidden, net.const(np.array([2, 3])), outputs=["moved"])
    net.add("Transpose", "x", perm=[1, 0], outputs=["same"])
    net.add("Concat", logits, net.add("MatMul", hidden, net.random(6, 2)), axis=1, outputs=["joined"])
    return net


OUTPUTS = ["odds", "gates", "moved", "joined", "logits"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save(net().model(*OUTPUTS), tmp_path_factory.mktemp("net"))


def built(folder, model, *overrides, target="host", data=DATA, **options):
    require("cc")
    options = QuantOptions(overrides=overrides, equalize="off", weight_rounding="nearest", **options)
    verify = "host" if target == "host" else "emulator"
    return build(
        model, target, calibration=data, output=folder / "net", name="net", options=options, verify=verify
    )


def types(result):
    program = result.plan.program
    return {port.name: program.tensors[port.tensor].quant.dtype for port in program.outputs}


@pytest.mark.parametrize("kind", ["int8", "int16", "real"])
@pytest.mark.parametrize("bits", [8, 16])
def test_every_output_has_the_type_that_is_asked_for(tmp_path, model, kind, bits):
    result = built(tmp_path, model, output_types={"": kind}, activation_bits=bits)
    assert dict.fromkeys(OUTPUTS, NARROW if kind == "int8" else WIDE) == types(result)
    assert result.report.first_difference is None
    assert ("output-type", kind) in result.plan.program.origin.options


@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m0plus", "rv32imc"])
def test_cores_give_outputs_of_int16(tmp_path, model, target):
    require("unicorn")
    assert built(tmp_path, model, target=target, output_types={"": "int16"}).report.first_difference is None


def test_a_name_goes_before_all_and_others_stay(tmp_path, model):
    found = types(built(tmp_path / "one", model, output_types={"gates": "int16"}))
    assert [name for name in OUTPUTS if found[name] is WIDE] == ["gates"]
    # What is joined moves together.
    found = types(built(tmp_path / "joined", model, output_types={"logits": "int16"}))
    assert [name for name in OUTPUTS if found[name] is WIDE] == ["joined", "logits"]
    found = types(built(tmp_path / "all", model, output_types={"": "int16", "gates": "int8"}))
    assert [name for name in OUTPUTS if found[name] is NARROW] == ["gates"]


def test_a_build_without_the_option_is_as_before(tmp_path, model):
    plain = built(tmp_path / "plain", model)
    assert dict.fromkeys(OUTPUTS, NARROW) == types(plain)
    asked = built(tmp_path / "asked", model, output_types={"": "int8"})
    assert asked.plan.program.tensors == plain.plan.program.tensors
    for file in ("src/net.c", "src/net_weights.c"):
        assert asked.files[file].split(b"*/", 1)[1] == plain.files[file].split(b"*/", 1)[1]


def test_reals_are_numbers_of_a_power_of_two(tmp_path, model):
    result = built(tmp_path, model, output_types={"": "real"})
    program = result.plan.program
    header = result.files["include/net.h"].decode()
    for port in program.outputs:
        quant = program.tensors[port.tensor].quant
        mantissa, exponent = np.frexp(quant.step)
        assert (quant.zero_point, mantissa) == (0, 0.5)
        assert f"#define NET_{port.name.upper()}_FRACTION_BITS ({1 - exponent})" in header
    ranged = built(tmp_path / "ranged", model, output_types={"logits": "int16"}).plan.program
    least, binary = (
        next(each.quant.step for each in found.tensors if each.name == "logits")
        for found in (ranged, program)
    )
    assert least <= binary < 2.0001 * least


def test_values_are_those_of_int8_or_nearer_to_the_float_model(tmp_path, model):
    noise = {}
    for kind in ("int8", "int16", "real"):
        directory = built(tmp_path / kind, model, output_types={"": kind}).directory
        noise[kind] = {name: each.sqnr_db for name, each in evaluate(directory, model, DATA).outputs.items()}
    for kind in ("int16", "real"):
        assert all(noise[kind][name] > noise["int8"][name] - 0.5 for name in OUTPUTS)
        assert noise[kind]["odds"] > noise["int8"]["odds"] + 1


def test_int16_tells_logits_apart_that_are_one_code_of_int8(tmp_path):
    small = Net(x=[1, 8])
    weights = np.zeros((8, 3), np.float32)
    weights[0], weights[1] = (1.0, 1.001, -40.0), (0.5, 0.4, 0.0)
    y = small.add("Softmax", small.add("MatMul", "x", small.const(weights)), axis=-1)
    path = save(small.model(y), tmp_path)
    ties = []
    for kind in ("int8", "int16"):
        program = built(tmp_path / kind, path, output_types={"": kind}).plan.program
        (found,) = simulate_program(program, quantize_inputs(program, DATA))
        largest = np.sort(found.reshape(len(found), -1), axis=1)[:, -2:]
        ties.append(int((largest[:, 0] == largest[:, 1]).sum()))
    assert ties[0] > ties[1]


def test_a_tensor_that_others_read_keeps_its_width(tmp_path, model):
    wide = Override("tensor", "logits", activation_bits=16)
    result = built(tmp_path, model, wide, output_types={"logits": "int8"})
    assert types(result)["logits"] is NARROW
    (found,) = (each.quant.dtype for each in result.plan.program.tensors if each.name == "logits")
    assert found is WIDE
    assert result.report.first_difference is None


def test_an_output_that_is_an_input_is_converted(tmp_path):
    path = save(net().model("same", "logits"), tmp_path)
    result = built(tmp_path, path, output_types={"": "int16"})
    assert types(result) == {"same": WIDE, "logits": WIDE}
    assert result.report.first_difference is None


def test_indices_have_no_other_type(tmp_path):
    found = net()
    found.add("ArgMax", "logits", axis=1, outputs=["best"])
    model = found.model("logits", "best")
    model.graph.output[1].type.tensor_type.elem_type = 7
    path = save(model, tmp_path)
    assert types(built(tmp_path, path, output_types={"": "int16"})) == {"logits": WIDE, "best": INDEX}
    with pytest.raises(McuqError, match="indices") as caught:
        built(tmp_path, path, output_types={"best": "int16"})
    assert [problem.code for problem in caught.value.problems] == ["O001"]


def test_outputs_that_there_are_not_are_refused(tmp_path, model):
    with pytest.raises(McuqError, match="'odds', 'gates'") as caught:
        built(tmp_path, model, output_types={"nothing": "int16", "odds": "int16", "naught": "real"})
    found = [(problem.code, problem.title) for problem in caught.value.problems]
    assert found == [("O001", f"the model has no output {name!r}") for name in ("nothing", "naught")]
    assert not (tmp_path / "net").exists()


def test_stored_programs_have_their_types(tmp_path, model):
    result = built(tmp_path, model, output_types={"": "int16"})
    stored = tmp_path / "net" / "net.mcuq.npz"
    again = program_from_npz(stored.read_bytes(), "net", STEP_OPS)
    assert again.outputs == result.plan.program.outputs
    with pytest.raises(McuqError) as caught:
        built(tmp_path / "again", stored, data=None, output_types={"": "int8"})
    assert [problem.code for problem in caught.value.problems] == ["O013"]


@pytest.mark.parametrize("text", ["float", "y=int32", "=int8", ""])
def test_parse_output_types_refuses_others(text):
    with pytest.raises(McuqError) as caught:
        parse_output_types([text])
    assert [problem.code for problem in caught.value.problems] == ["O001"]


def test_parse_output_types_refuses_two_for_one_output():
    assert parse_output_types(["a=b=int8", "int16"]) == {"a=b": "int8", "": "int16"}
    with pytest.raises(McuqError, match="another type already"):
        parse_output_types(["y=int8", "y=int16"])


def test_types_of_a_configuration_are_those_of_the_option(tmp_path, model):
    config = tmp_path / "types.toml"
    config.write_text('[[output]]\nname = "odds"\ntype = "real"\n\n[[output]]\ntype = "int16"\n')
    found = read_output_types(config)
    assert found == {"odds": "real", "": "int16"}
    asked, written = (
        built(tmp_path / key, model, **{key: found}) for key in ("output_types", "configured_types")
    )
    assert asked.files == written.files
    before = QuantOptions(configured_types=found, output_types={"odds": "int8", "gates": "int8"})
    assert before.asked_types == {"odds": "int8", "": "int16", "gates": "int8"}


def test_everything_wrong_with_types_of_a_configuration_is_told_at_once(tmp_path):
    tables = [
        'type = "float"',
        'name = 3\ntype = "int8"',
        'name = ""\ntype = "int8"',
        'name = "y"',
        "kind = 1",
    ]
    tables += ['name = "y"\ntype = "int8"', 'name = "y"\ntype = "int16"', "type = 8"]
    config = tmp_path / "types.toml"
    config.write_text("".join(f"[[output]]\n{table}\n" for table in tables))
    with pytest.raises(McuqError) as caught:
        read_output_types(config)
    wrongs = [(problem.code, problem.where) for problem in caught.value.problems]
    assert wrongs == [("O001", f"{config}, output {number}") for number in (1, 2, 3, 4, 5, 7, 8)]
    assert "output 'y' has a table already" in str(caught.value)
