"""Jinja2 as the project uses it: templates lay out, they do not compute."""

from __future__ import annotations

import functools

import jinja2

from mcuq.resources import templates_dir


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates_dir()),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # C and Markdown; what comes from the model was made safe by `names`
    )


def render(template: str, **values: object) -> bytes:
    """A template's text with these values, ending in one newline.

    Args:
        template: path below `templates/`.
        values: what the template may name; an unknown name is an error.
    """
    text = _environment().get_template(template).render(**values)
    return (text.strip("\n") + "\n").encode()
