"""Specs and fixtures of any bytes give one sentence that names the file, never a traceback, never a crash."""

from __future__ import annotations

import copy
import random
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from mock_server.adopting import adopt
from mock_server.derived import completions, derive
from mock_server.fixtures import fixtures_folder, fixtures_of, load_fixtures
from mock_server.spec import Spec, SpecError, load, load_document, specs_folder
from tests.attack.fuzzing import changed
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


def documents() -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Small specs with contracts of every effect, and the fixtures of each: a vendor's, and files that were adopted."""
    folder = ROOT / "tests" / "fifth_vendor"
    found = [("acme", *(yaml.safe_load((folder / name).read_text()) for name in ("openapi.yaml", "fixtures.yaml")))]
    for file in sorted((ROOT / "tests" / "adopted").glob("*.yaml")):
        adopted = adopt(file, file.stem)
        found.append((file.stem, yaml.safe_load(adopted.spec), yaml.safe_load(adopted.fixtures)))
    return found


def contradicted(document: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """The document with a few of its values changed, half of the time in its contracts and records alone."""
    whole = copy.deepcopy(document)
    operations = [one for item in whole["paths"].values() for one in item.values() if isinstance(one, dict)]
    meant = [one["x-contract"] for one in operations if "x-contract" in one] + [whole["x-records"]]
    changed(chance.choice(meant) if chance.random() < 0.5 else whole, chance)
    return whole


def test_specs_with_changed_meaning_are_served_or_refused_in_a_sentence() -> None:
    chance, begun, tried, served = random.Random(22 * SEED), documents(), 0, 0
    unthought = 0
    until = time.monotonic() + seconds_for("meanings")
    while tried < 60 or time.monotonic() < until:
        name, document, fixtures = chance.choice(begun)
        file, made = Path(f"{name}.yaml"), contradicted(document, chance)
        tried += 1
        try:
            spec = load_document(made, file)
            derive(spec)
            fixtures_of(fixtures, file, spec, completions(spec))
            served += 1
        except SpecError as error:
            said = str(error)
            assert said.startswith(file.name), said
            assert "\n" not in said
            assert len(said) < 2_000
            unthought += "is not understood (" in said
    assert served
    # A sentence of the last resort names the place and no more; it is to be rare.
    assert unthought < 5 + tried / 100
    print(f"\n{tried} specs with changed meaning, {served} of them served, {unthought} refused without a reason")


ODD = b"null|[]|{}|7|-1.5e999|2001-99-99|~|true|'x'|[[[]]]|&a [*a]|\xff|*x".split(b"|")


def test_mutated_specs_and_fixtures_are_understood_or_refused(tmp_path: Path, specs: dict[str, Spec]) -> None:
    chance, complete = random.Random(SEED), {name: completions(spec) for name, spec in specs.items()}
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
        use(fixtures_folder(), name, lambda file, name=name: load_fixtures(file, specs[name], complete[name]))  # type: ignore[misc]
    assert told > 10
    assert unnamed == 0
    print(f"\n{loaded} specs and {tried - loaded} fixtures, {told} of them refused")
