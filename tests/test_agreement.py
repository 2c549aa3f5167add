"""A contract that contradicts its schema, or names what is not there, stops the start, with file and line."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from mock_server.derived import derive
from mock_server.derived.agreeing import contradictions
from mock_server.spec import Spec, SpecError, load

ACME = (Path(__file__).parent / "fifth_vendor" / "openapi.yaml").read_text(encoding="utf-8")
NEW = "new: {id: {issued: hex, prefix: num_, digits: 16}, agent_id: null, status: active}"
ALIASES = "aliases: [number]"

CASES = [
    # what stands in the file, what is written instead, where the error is, what it says
    (NEW, NEW.replace("active", "asleep"), "status: active", 'makes \'asleep\': "asleep" is not one of'),
    (NEW, NEW.replace("status: active", "status: {issued: time}"), "new:", "is not one of"),
    (NEW, NEW.replace("status: active", "status: 7"), "new:", "makes 7: "),
    (NEW, NEW.replace("digits: 16", "digits: many"), "new:", "must be a whole number, not 'many'"),
    (NEW, NEW.replace("digits: 16", "from: 9, to: 3"), "new:", "must not be less than from, 9, and is 3"),
    (NEW, NEW.replace("prefix: num_", "prefix: [num]"), "new:", "must be a text, not ['num']"),
    (NEW, "new: {agent_id: null, status: active}", "x-contract:", "nothing gives a new record its id"),
    (NEW, NEW.replace(", status: active", ""), "x-contract:", "the answer has to show status, and nothing gives it"),
    (NEW, "new: [id]", "new:", "must be a mapping from fields, not ['id']"),
    (ALIASES, "aliases: [phone]", "aliases:", "'phone' is no field of a record of this kind; there are id, number"),
    (ALIASES, "aliases: number", "aliases:", "must be a list of names, not 'number'"),
    ("key: id\n    aliases", "key: [id]\n    aliases", "key:", "must be the name of a field, not ['id']"),
    ("key: id\n    aliases", "key: sid\n    aliases", "key:", "'sid' is no field of a record of this kind"),
    ("to: suspended", "to: asleep", "transition:", "'asleep' is nothing that status of numbers may be"),
    ("from: [active]", "from: [awake]", "transition:", "'awake' is nothing that status of numbers may be"),
    ("effect: create", "effect: " + "x" * 5_000, "effect:", "effect must be one of create, read"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "near", "says"), CASES)
def test_what_contradicts_itself_is_told_with_file_and_line(
    tmp_path: Path, old: str, new: str, near: str, says: str
) -> None:
    assert old in ACME
    file = tmp_path / "acme.yaml"
    file.write_text(ACME.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(SpecError) as refused:
        derive(load(file))
    told = str(refused.value)
    assert says in told
    assert len(told) < 2_000
    line = int(told.removeprefix(f"{file}:").partition(":")[0])
    lines = file.read_text(encoding="utf-8").splitlines()
    assert near.partition(":")[0] in "".join(lines[max(0, line - 3) : line + 3]), (line, told)


def test_the_start_ends_with_the_sentence_alone(tmp_path: Path) -> None:
    (tmp_path / "acme.yaml").write_text(ACME.replace("status: active}", "status: asleep}", 1), encoding="utf-8")
    command = [sys.executable, "-m", "mock_server", "serve", "--port", "0", "--specs", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "/x-records/numbers/new/status: makes 'asleep'" in done.stderr


@pytest.mark.parametrize("name", ["interactly", "teli", "uponai", "vogent"])
def test_the_packaged_specs_agree_with_themselves(specs: dict[str, Spec], name: str) -> None:
    own = () if name == "interactly" else import_module(f"mock_server.providers.{name}").BEHAVIOURS
    assert list(contradictions(specs[name], own)) == []
