"""What the pages bring along: nothing from outside, nothing inline, licences beside what is not ours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

WEB = Path(__file__).parents[3] / "catalog" / "web"
TEMPLATES = sorted(WEB.glob("templates/*.html"))
OWN = [*TEMPLATES, *sorted(WEB.glob("static/*"))]
NAMESPACES = ("http://www.w3.org/2000/svg",)


@pytest.mark.parametrize("path", [path for path in OWN if path.is_file()], ids=lambda path: path.name)
def test_no_address_of_another_host(path: Path) -> None:
    text = path.read_text("utf-8")
    for name in NAMESPACES:
        text = text.replace(name, "")
    assert not re.search(r"""(?:https?:)?//[\w-]+\.[\w.-]+""", text)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_inline_script_style_or_handler(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert "<style" not in text
    assert not re.search(r"\sstyle=", text)
    assert not re.search(r"\son[a-z]+=", text)
    assert "javascript:" not in text


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_turns_escaping_off(path: Path) -> None:
    text = path.read_text("utf-8")
    assert "|safe" not in text.replace(" ", "")
    assert "autoescape" not in text


def test_vendored_files_name_their_version_and_keep_their_licence() -> None:
    files = {path.name for path in (WEB / "static" / "vendor").iterdir()}
    scripts = {name for name in files if name.endswith(".js")}
    assert scripts == {"htmx-2.0.11.min.js", "echarts-6.1.0.simple.min.js"}
    assert {"htmx.LICENSE", "echarts.LICENSE"} <= files
