"""A spec that has passed all checks is not looked through again, until its text or the code that looked is another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mock_server.spec import SpecError, load, specs_folder
from mock_server.spec.reading import passed
from mock_server.spec.reading.document import Checker
from tests.conftest import ROOT

VENDORS = sorted(file.stem for file in specs_folder().glob("*.yaml"))
LOADED = (
    "import sys; from mock_server.catalogue import open_services; open_services(None); print('yaml' in sys.modules)"
)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RINGBACK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "ringback" / "passed"


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The places of the schemas that were looked at."""
    places: list[str] = []
    original = Checker.schema

    def schema(self: Checker, node: object, place: str) -> None:
        places.append(place)
        original(self, node, place)

    monkeypatch.setattr(Checker, "schema", schema)
    return places


def _copy(folder: Path, vendor: str = "vogent") -> Path:
    file = folder / f"{vendor}.yaml"
    file.write_text((specs_folder() / file.name).read_text(encoding="utf-8"), encoding="utf-8")
    return file


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_spec_is_the_same_whether_it_is_checked_or_has_passed(vendor: str, cache: Path, looked: list[str]) -> None:
    file = specs_folder() / f"{vendor}.yaml"
    checked, looks = load(file), len(looked)
    assert looks > 100
    assert load(file) == checked
    assert len(looked) == looks


def test_a_spec_that_was_edited_is_checked_anew(tmp_path: Path, cache: Path) -> None:
    file = _copy(tmp_path)
    for _ in range(2):
        load(file)
    lines = file.read_text(encoding="utf-8").splitlines()
    at = next(number for number, line in enumerate(lines) if line.strip().startswith("operationId:"))
    lines.insert(at, lines[at].partition("operationId")[0] + "x-nonsense: 1")
    file.write_text("\n".join(lines), encoding="utf-8")
    for _ in range(2):
        with pytest.raises(SpecError, match=rf"vogent\.yaml:{at + 1}: .*x-nonsense"):
            load(file)


def test_what_has_passed_other_code_or_under_another_name_is_checked_anew(
    tmp_path: Path, cache: Path, looked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _copy(tmp_path)
    load(file)
    monkeypatch.setattr(passed, "_code", lambda: "other code")
    del looked[:]
    load(file)
    assert looked
    del looked[:]
    load(file.rename(tmp_path / "other.yaml"))
    assert looked


@pytest.mark.parametrize("spoilt", [b"", b"passed", bytes(32) + b"passed"])
def test_a_mark_that_was_spoilt_is_none(spoilt: bytes, tmp_path: Path, cache: Path, looked: list[str]) -> None:
    file = _copy(tmp_path)
    load(file)
    (mark,) = cache.iterdir()
    whole = mark.read_bytes()
    mark.write_bytes(spoilt)
    del looked[:]
    load(file)
    assert looked
    assert mark.read_bytes() == whole


@pytest.mark.parametrize("named", ["off", "a file"])
def test_where_nothing_can_be_kept_everything_is_checked(
    named: str, tmp_path: Path, looked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plain").write_text("no folder")
    monkeypatch.setenv("RINGBACK_CACHE", named if named == "off" else str(tmp_path / "plain"))
    file = _copy(tmp_path)
    for _ in range(2):
        del looked[:]
        load(file)
        assert looked


def test_two_that_start_at_once_agree_and_the_next_needs_no_parser(cache: Path) -> None:
    both = [subprocess.Popen([sys.executable, "-c", LOADED], cwd=ROOT, stdout=subprocess.PIPE) for _ in range(2)]
    assert [(one.communicate(timeout=60)[0], one.returncode) for one in both] == [(b"True\n", 0)] * 2
    assert len(list(cache.iterdir())) == len(VENDORS)
    last = subprocess.run([sys.executable, "-c", LOADED], cwd=ROOT, capture_output=True, timeout=60, check=True)
    assert last.stdout == b"False\n"
