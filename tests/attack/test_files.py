"""Files of any bytes: a recording, or a file of values, is used or told in one sentence, and never crashes."""

from __future__ import annotations

import copy
import json
import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contract_tests.options import WrongUsage, variables_in
from contract_tests.recordings import har
from contract_tests.recordings.recheck import judged
from mock_server.spec import Spec
from tests.attack.times import SEED, seconds_for
from tests.conftest import RINGBACK, ROOT

KEPT = sorted((Path(__file__).parent / "recordings").glob("*.har"))
NASTY: list[Any] = [
    *(
        None,
        True,
        0,
        -1,
        10**400,
        1e308,
        float("inf"),
        float("nan"),
        "",
        "\ud800",
        "\x00\x1b[31m",
        "[" * 3000,
        "a" * 5000,
    ),
    *(
        [],
        {},
        [None],
        [[[]]],
        {"": ""},
        {"name": 1},
        {"text": []},
        "http://[",
        "http://x:99999999/",
        "%",
        "GET\r\nX: y",
    ),
    *(
        "/api/phone_numbers",
        "https://api.vogent.ai/api/agents",
        "null",
        "[]",
        '{"data": 7}',
        '{"data": [null, [], {}]}',
    ),
    *("***", "base64", "application/json; charset=\ud800"),
]


def _nodes(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a document: its container, and its key there."""
    for key, child in list(node.items() if isinstance(node, dict) else enumerate(node)):
        yield node, key
        if isinstance(child, dict | list):
            yield from _nodes(child)


def _changed(document: Any, chance: random.Random) -> Any:
    """The document with some values in it replaced, moved or taken out, bodies of JSON among them."""
    document = copy.deepcopy(document)
    for _ in range(chance.randint(1, 4)):
        places = list(_nodes(document))
        if not places:
            break
        container, key = chance.choice(places)
        what = chance.random()
        value = container[key]
        if what < 0.3 and isinstance(value, str) and value[:1] in "[{":
            try:
                inner = json.loads(value)
            except (ValueError, RecursionError):
                continue
            container[key] = json.dumps(_changed(inner, chance)) if inner else "[]"
        elif what < 0.75:
            container[key] = copy.deepcopy(chance.choice(NASTY))
        elif what < 0.9:
            other, at = chance.choice(places)
            container[key] = copy.deepcopy(other.get(at) if isinstance(other, dict) else other[at % len(other)])
        elif isinstance(container, dict):
            del container[key]
    return document


def _bytes(text: bytes, chance: random.Random) -> bytes:
    """The bytes with some of them changed, cut or said twice."""
    data = bytearray(text)
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(data) or 1)
        what = chance.random()
        if what < 0.5 and data:
            data[at] = chance.randrange(256)
        elif what < 0.75:
            del data[at : at + chance.randint(1, 50)]
        else:
            data[at:at] = data[max(0, at - chance.randint(1, 50)) : at]
    return bytes(data)


def _used(file: Path, specs: dict[str, Spec]) -> None:
    """Reads a recording and judges it; what is said of it must be one line with the file, and no accident of ours."""
    told = None
    try:
        recording = har.read(file, specs)
        for provider in recording.providers:
            judged(recording, specs[provider], specs)
    except har.BadRecording as bad:
        told = bad
    if told is not None:
        assert str(file) in str(told)
        assert "\n" not in str(told)
        assert "cannot be used" not in str(told), told.__cause__


@pytest.mark.long
@pytest.mark.parametrize("file", KEPT, ids=[file.stem for file in KEPT])
def test_a_kept_recording_is_used_or_told(file: Path, specs: dict[str, Spec]) -> None:
    _used(file, specs)
    for command in (("check", "--from", file), ("diff", file)) if file.stem != "plain" else ():
        done = subprocess.run(
            [*RINGBACK, *map(str, command)], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode in (0, 1, 2, 5), done.stderr
        assert "Traceback" not in done.stderr
        assert done.returncode != 2 or done.stderr.count("\n") == 1


def test_recordings_of_any_kind_are_used_or_told(tmp_path: Path, specs: dict[str, Spec]) -> None:
    chance, file, tried = random.Random(20 * SEED), tmp_path / "x.har", 0
    texts = [one.read_bytes() for one in KEPT]
    until = time.monotonic() + seconds_for("recordings")
    while time.monotonic() < until:
        text = chance.choice(texts)
        if chance.random() < 0.7:
            made = json.dumps(_changed(json.loads(text), chance)).encode()
        else:
            made = _bytes(text, chance)
        file.write_bytes(made)
        try:
            _used(file, specs)
        except Exception:
            kept = Path(__file__).parent / "recordings" / f"found-{tried}.har"
            kept.write_bytes(made)  # So that it stays a test.
            raise
        tried += 1
    assert tried >= 10
    print(f"\n{tried} recordings")


def test_files_of_values_of_any_kind_are_used_or_told(tmp_path: Path) -> None:
    chance, file, tried = random.Random(21 * SEED), tmp_path / "values.yaml", 0
    texts = [
        b"area_code: '800'\nuser_id: 17\n",
        b'{"area_code": "800"}',
        b"a: &x [1]\nb: *x\n",
        b"? [a]\n: b\n",
        b"!!python/object/apply:os.system [true]\n",
        b"a: " + b"[" * 3_000,
        b"<<: {a: 1}\na: 2\n",
    ]
    until = time.monotonic() + seconds_for("values")
    while time.monotonic() < until or tried < 4 * len(texts):
        text = texts[tried] if tried < len(texts) else _bytes(chance.choice(texts[:-2]), chance)
        file.write_bytes(text)
        told = None
        try:
            values = variables_in(str(file))
            assert all(isinstance(name, str) and isinstance(value, str) for name, value in values.items())
        except WrongUsage as wrong:
            told = str(wrong)
        assert told is None or (told.startswith(f"--var-file {file}") and "\n" not in told)
        tried += 1
    assert tried > 20
    print(f"\n{tried} files of values")
