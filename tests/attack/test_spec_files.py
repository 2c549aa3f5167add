"""Specs and fixtures of any bytes give one sentence that names the file, never a traceback, never a crash."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from mock_server.fixtures import fixtures_folder, load_fixtures
from mock_server.spec import Spec, SpecError, load, specs_folder
from tests.conftest import RINGBACK, ROOT

DEEP = {
    "brackets": "numbers: " + "[" * 60_000,
    "braces": "numbers: " + "{a: " * 60_000,
    "dashes": "- " * 60_000,
    "questions": "? " * 60_000,
    "indents": "\n".join(" " * depth + "a:" for depth in range(3_000)),
    "closed": "numbers: " + "[" * 5_000 + "]" * 5_000,
    "in a text, then deep": "a: '[[[['\nnumbers: " + "[" * 60_000,
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_a_deeply_nested_file_is_refused_by_its_name(tmp_path: Path, text: str) -> None:
    """In a process of its own: a crash would be the end of this one."""
    (tmp_path / "teli.yaml").write_text(text)
    command = [*RINGBACK, "serve", "--port", "0", "--fixtures", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "teli.yaml" in done.stderr
    assert done.stderr.count("\n") == 1


def mutated(text: bytes, chance: random.Random) -> bytes:
    """The text with a few bytes, lines or words changed, left out, doubled or swapped."""
    lines = text.split(b"\n")
    for _ in range(chance.randint(1, 4)):
        index = chance.randrange(len(lines))
        line = lines[index]
        what = chance.randrange(6)
        if what == 0:
            lines[index] = line[: chance.randrange(len(line) + 1)]
        elif what == 1:
            del lines[index]
        elif what == 2:
            lines.insert(index, chance.choice(lines))
        elif what == 3:
            lines[index] = line.partition(b":")[0] + b": " + chance.choice(ODD)
        elif what == 4:
            lines[index] = b"  " + line
        else:
            lines[index] = bytes(byte ^ (chance.random() < 0.05) for byte in line)
        lines = lines or [b""]
    return b"\n".join(lines)


ODD = b"null|[]|{}|7|-1.5e999|2001-99-99|~|true|'x'|[[[]]]|&a [*a]|\xff|*x".split(b"|")


def test_mutated_specs_and_fixtures_are_understood_or_refused(tmp_path: Path, specs: dict[str, Spec]) -> None:
    chance = random.Random(1)
    said: list[tuple[str, str]] = []
    for name in ["interactly", "uponai"] * 20:
        file = tmp_path / f"{name}.yaml"
        file.write_bytes(mutated((specs_folder() / file.name).read_bytes(), chance))
        try:
            load(file)
        except SpecError as error:
            said.append((file.name, str(error)))
    for name in [*specs] * 60:
        file = tmp_path / f"{name}.yaml"
        file.write_bytes(mutated((fixtures_folder() / file.name).read_bytes(), chance))
        try:
            load_fixtures(file, specs[name], {})
        except SpecError as error:
            said.append((file.name, str(error)))
    assert len(said) > 20
    assert [name for name, error in said if name not in error] == []
