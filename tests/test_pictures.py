"""The pictures of the README: they are there, need nothing from elsewhere, and show what is typed."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "docs"))

from pictures import FOLDER, SHOWN, TOUR, drawn


def _text(svg: str) -> list[str]:
    return [node.text or "" for node in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_the_recording_is_of_the_commands_that_make_it() -> None:
    shown = _text((FOLDER / "tour.svg").read_text(encoding="utf-8"))
    typed = [line for command in TOUR for line in command.splitlines()]
    assert [line for line in typed if line not in {text.removeprefix("$ ") for text in shown}] == []
    assert any(re.fullmatch(r"\d+ passed, 0 failed, .*", text) for text in shown)
    assert '{"error":"Agent not found or invalid agent ID","success":false,"powered_by":"Teli"}' in shown


def test_a_drawing_holds_any_text_and_needs_nothing_from_elsewhere() -> None:
    svg = drawn([("# <b>&", ""), ("echo 'a&b <c>' \\\n  more", "<script>\nx" + "y" * 200)])
    assert "<script>" in _text(svg)
    assert "".join(_text(svg)).count("y") == 200
    for text in (svg, (FOLDER / "tour.svg").read_text(encoding="utf-8")):
        assert set(re.findall(r"https?://[\w.:/]*", text.replace(SHOWN, ""))) == {"http://www.w3.org/2000/svg"}
        assert not re.search(r"@import|url\(|<image|<script|href", text)


@pytest.mark.parametrize("name", ["console.png", "report.png"])
def test_the_photographs_are_there_and_small(name: str) -> None:
    picture: Path = FOLDER / name
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size < 400_000
    assert any(
        name in page.read_text(encoding="utf-8") for page in [ROOT / "README.md", *ROOT.glob("docs/guides/*.md")]
    )
