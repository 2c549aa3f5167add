"""What is kept of a parsed file is found by the hash of its text, and is never that of another text."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from mock_server.spec import SpecError
from mock_server.spec.reading.document import read_yaml
from mock_server.spec.reading.parsed import parsed

PADDING = "# a comment that makes the file long enough to be worth keeping\n" * 40


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RINGBACK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "ringback" / "specs"


def _written(folder: Path, text: str) -> Path:
    file = folder / "file.yaml"
    file.write_text(PADDING + text, encoding="utf-8")
    return file


def test_a_file_that_was_changed_is_read_anew(tmp_path: Path, cache: Path) -> None:
    assert read_yaml(_written(tmp_path, "status: 200")) == {"status": 200}
    assert read_yaml(_written(tmp_path, "status: 200")) == {"status": 200}
    assert len(list(cache.iterdir())) == 1
    assert read_yaml(_written(tmp_path, "status: 201")) == {"status": 201}
    assert len(list(cache.iterdir())) == 2


def test_what_was_kept_is_used_and_what_was_spoilt_is_not(tmp_path: Path, cache: Path) -> None:
    file = _written(tmp_path, "name: this")
    read_yaml(file)
    (kept,) = cache.iterdir()
    whole = kept.read_bytes()
    for spoilt in (b"", whole[:-1], whole.replace(b"this", b"that"), whole[:32] + b"{}"):
        kept.write_bytes(spoilt)
        assert read_yaml(file) == {"name": "this"}
        assert kept.read_bytes() == whole


def test_what_json_cannot_say_is_not_kept(tmp_path: Path, cache: Path) -> None:
    for text, value in (("200: yes", {200: True}), ("when: .inf", {"when": float("inf")})):
        assert [read_yaml(_written(tmp_path, text)) for _ in range(2)] == [value] * 2
    assert not cache.exists() or not list(cache.iterdir())


def test_a_folder_that_cannot_be_written_is_no_reason_not_to_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plain").write_text("no folder")
    for named in (str(tmp_path / "plain"), "off"):
        monkeypatch.setenv("RINGBACK_CACHE", named)
        assert read_yaml(_written(tmp_path, "a: 1")) == {"a": 1}


def test_a_broken_file_is_refused_every_time(tmp_path: Path, cache: Path) -> None:
    for _ in range(2):
        with pytest.raises(SpecError, match="is not YAML"):
            read_yaml(_written(tmp_path, "a: [1"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: &one {b: [1, 'x']}\nc: *one", {"a": {"b": [1, "x"]}, "c": {"b": [1, "x"]}}),
        ("a: &one {b: 1}\nc: {<<: *one, d: 2}", {"a": {"b": 1}, "c": {"b": 1, "d": 2}}),
        ("- 2025-11-20T17:41:24Z\n- 0x10\n- ~\n- 1.5", ["2025-11-20T17:41:24Z", 16, None, 1.5]),
        ("", None),
        ("plain text", "plain text"),
    ],
)
def test_yaml_is_read_as_its_library_reads_it_but_times_stay_texts(text: str, value: object) -> None:
    assert parsed(text) == value


def test_a_value_that_contains_itself_is_refused() -> None:
    with pytest.raises(yaml.YAMLError, match="contains itself"):
        parsed("a: &one [*one]")
