"""What is drawn of an operation depends on its part of the spec and the seed, and is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from contract_tests.properties.tools import drawing
from contract_tests.properties.tools.drawing import INVALID, VALID, Drawn

TELI = str(Path(__file__).parent.parent / "openapi" / "teli.yaml")
OPERATION = ("/v1/voice/phone-numbers/create", "post")


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder in which draws are kept; this process has kept none itself."""
    monkeypatch.setenv("RINGBACK_CACHE", str(tmp_path / "cache"))
    _forget()
    yield tmp_path / "cache" / "ringback" / "draws"
    _forget()


def _forget() -> None:
    drawing._kept.cache_clear()
    drawing._part.cache_clear()
    drawing._resolved.cache_clear()


def _drawn(file: str, mode: drawing.Mode = VALID, *, draws: int = 6, seed: int = 1) -> list[Drawn]:
    _forget()
    return drawing.drawn(file, *OPERATION, mode, draws=draws, seed=seed)


@pytest.mark.parametrize("mode", [VALID, INVALID])
def test_what_was_kept_is_what_was_drawn(kept: Path, monkeypatch: pytest.MonkeyPatch, mode: drawing.Mode) -> None:
    file = TELI
    first = _drawn(file, mode)
    assert len(first) == 6
    assert len(list(kept.iterdir())) == 1
    monkeypatch.setattr(drawing, "explored", None)  # whatever is drawn anew fails
    assert _drawn(file, mode) == first
    monkeypatch.undo()
    monkeypatch.setenv("RINGBACK_CACHE", "off")
    assert _drawn(file, mode) == first


@pytest.mark.long
def test_another_seed_draws_others_and_so_does_another_schema(kept: Path, tmp_path: Path) -> None:
    document = yaml.safe_load(Path(TELI).read_text(encoding="utf-8"))
    copy = tmp_path / "teli.yaml"

    def drawn_now(seed: int = 1) -> list[Drawn]:
        copy.write_text(yaml.safe_dump(document), encoding="utf-8")
        return _drawn(str(copy), seed=seed)

    first = drawn_now()
    assert drawn_now(seed=2) != first
    path, method = OPERATION
    document["paths"][path][method]["summary"] = "Not what is asked"
    assert drawn_now() == first
    assert len(list(kept.iterdir())) == 2
    body = document["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"]
    body["properties"]["one_more"] = {"type": "integer"}
    body["required"] = ["one_more"]
    assert all("one_more" in one.body for one in drawn_now())


def test_what_was_spoilt_is_drawn_again(kept: Path) -> None:
    file = TELI
    first = _drawn(file)
    (one,) = kept.iterdir()
    whole = one.read_bytes()
    one.write_bytes(whole[:-3])
    assert _drawn(file) == first
    assert one.read_bytes() == whole
