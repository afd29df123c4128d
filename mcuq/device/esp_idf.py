"""The self-test as a project of ESP-IDF: the firmware as a component, and an application around it."""

from __future__ import annotations

from collections.abc import Mapping

from mcuq.codegen.model_view import model_view
from mcuq.codegen.render import render
from mcuq.device.image import selftest_files
from mcuq.ir.plan import Plan
from mcuq.resources import targets_dir

# Boards whose vendor's build system is ESP-IDF, with what that calls their chip.
CHIPS: Mapping[str, str] = {"esp32-c3-devkitm-1": "esp32c3"}
# What the console and the lines take beside the model; and a model whose stack is not known.
_CONSOLE_STACK_BYTES, _UNKNOWN_STACK_BYTES = 4096, 4096
_TEMPLATES = {
    "CMakeLists.txt": "CMakeLists.txt.j2",
    "components/{name}/CMakeLists.txt": "component.cmake.j2",
    "main/CMakeLists.txt": "main.cmake.j2",
    "sdkconfig.defaults": "sdkconfig.defaults.j2",
    "README.md": "README.md.j2",
}


def esp_idf_files(plan: Plan, name: str, sources: Mapping[str, bytes], board: str) -> dict[str, bytes]:
    """All files of a project of ESP-IDF, by relative path.

    Args:
        plan: what the firmware was built from.
        name: its C name.
        sources: its C, by path in the firmware directory.
        board: one of `CHIPS`.
    """
    device = targets_dir() / "device"
    files = {f"components/{name}/{path}": data for path, data in sources.items()}
    # ESP-IDF has a main of its own; there it is a function of this name.
    own = {"main.c": "selftest.c"}
    files |= {f"main/{own.get(path, path)}": data for path, data in selftest_files(plan, name).items()}
    files |= {f"main/{path}": (device / path).read_bytes() for path in ("mcuq_device.h", "mcuq_line.c")}
    files["main/app_main.c"] = (device / "esp-idf" / "app_main.c").read_bytes()
    model_stack = model_view(plan, name, ()).stack_bytes or _UNKNOWN_STACK_BYTES
    for path, template in _TEMPLATES.items():
        files[path.format(name=name)] = render(
            f"device/esp-idf/{template}",
            name=name,
            board=board,
            chip=CHIPS[board],
            stack_bytes=model_stack + _CONSOLE_STACK_BYTES,
        )
    return files
