"""What stands at the head of every generated file."""

from mcuq.pipeline.firmware import open_firmware


def test_banner_names_every_option_in_one_piece(digits):
    text = (digits.firmware / "src" / "digits.c").read_text("utf-8")
    banner = text[: text.index("*/")]
    assert max(map(len, banner.splitlines())) <= 80
    plan = open_firmware(digits.firmware).plan
    assert {f"{key}={value}" for key, value in plan.program.origin.options} <= set(banner.split())
