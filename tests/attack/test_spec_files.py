"""Specs and fixtures of any bytes give one sentence that names the file, never a traceback, never a crash."""

from __future__ import annotations

import random
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mock_server.fixtures import fixtures_folder, load_fixtures
from mock_server.spec import Spec, SpecError, load, specs_folder
from tests.attack.times import SEED, seconds_for
from tests.conftest import RINGBACK, ROOT

DEEP = {
    "brackets": "numbers: " + "[" * 60_000,
    "braces": "numbers: " + "{a: " * 60_000,
    "dashes": "- " * 60_000,
    "questions": "? " * 60_000,
    "indents": "\n".join(" " * depth + "a:" for depth in range(3_000)),
    "closed": "numbers: " + "[" * 5_000 + "]" * 5_000,
    "a few lines that stand for more than a disk holds": "a0: &a0 [x, x, x]\n"
    + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))
    + "# "
    + "y" * 2_000,
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
    chance = random.Random(SEED)
    told, unnamed, tried = 0, 0, 0

    def use(folder: Path, name: str, take: Callable[[Path], object]) -> None:
        nonlocal told, unnamed, tried
        file = tmp_path / f"{name}.yaml"
        file.write_bytes(mutated((folder / file.name).read_bytes(), chance))
        tried += 1
        try:
            take(file)
        except SpecError as error:
            told += file.name in str(error)
            unnamed += file.name not in str(error)
        except BaseException:
            (Path(tempfile.gettempdir()) / f"ringback-found-{name}.yaml").write_bytes(file.read_bytes())
            raise

    until = time.monotonic() + seconds_for("specs")
    while tried < 4 or time.monotonic() < until:
        use(specs_folder(), chance.choice(["interactly", "uponai"]), load)
    loaded, until = tried, time.monotonic() + seconds_for("fixtures")
    while tried - loaded < 40 or time.monotonic() < until:
        name = chance.choice([*specs])
        use(fixtures_folder(), name, lambda file, name=name: load_fixtures(file, specs[name], {}))  # type: ignore[misc]
    assert told > 10
    assert unnamed == 0
    print(f"\n{loaded} specs and {tried - loaded} fixtures, {told} of them refused")
