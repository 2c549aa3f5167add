"""The page on contracts says every word that the code understands, who carries it out, and what checks it."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace

import yaml

from contract_tests.properties.table import PROPERTIES
from mock_server.spec import load_all
from mock_server.spec.reading.document import KEYWORDS, Checker
from mock_server.spec.saying.contracts import KINDS, check_contract, named_answers
from mock_server.spec.saying.sources import FORMS, HEADS, ISSUED, TRANSFORMS
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "contracts.md").read_text(encoding="utf-8")


def _table(heading: str) -> dict[str, list[str]]:
    """The rows of the table under a heading, by their first cell."""
    section = PAGE.partition(f"\n## {heading}")[2].partition("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.strip("|\n ").split(" | ")] for line in section.splitlines() if line[:3] == "| `"
    ]
    return {row[0].strip("`"): row[1:] for row in rows}


CONTRACT, RECORDS = _table("`x-contract`"), _table("`x-records`")


def _read_by(package: str) -> set[str]:
    """The keys of a contract that a package's code reads."""
    read = set()
    for file in (ROOT / package).rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        read |= set(re.findall(r"contract(?:\.get\(|\[)\"([\w-]+)\"", text))
        read |= set(re.findall(r"\"([\w-]+)\" (?:not )?in (?:\w+\.)*contract\b", text))
    return read


def test_the_page_explains_every_key_that_is_understood() -> None:
    used = {key for spec in load_all().values() for operation in spec.operations.values() for key in operation.contract}
    read = _read_by("contract_tests") | _read_by("mock_server")
    assert read > {"record", "effect", "key"}
    assert used | read <= set(KINDS)
    assert set(CONTRACT) == set(KINDS)
    assert set(RECORDS) == KEYWORDS["record"]


def test_what_the_mock_carries_out_is_read_by_it_and_the_rest_is_not() -> None:
    beyond = {
        "a function does",
        "nothing",
        "follows from the rest",
        "as `x-records` says",
        "as `conflict` says",
        "says the same",
    }
    others = {key for key, (_, _, mock, _) in CONTRACT.items() if mock in beyond}
    assert others & _read_by("mock_server/derived") == set()
    carried = {key for key, (_, _, mock, _) in CONTRACT.items() if mock not in beyond}
    read = _read_by("mock_server/derived") | _read_by("mock_server/spec")
    assert carried - read == set()


def test_every_word_is_read_by_the_check_too() -> None:
    texts = [file.read_text(encoding="utf-8") for file in (ROOT / "contract_tests").rglob("*.py")]
    texts.append(inspect.getsource(named_answers))  # The answers that contracts name, which the check asks for by it.
    assert [key for key in CONTRACT if not any(f'"{key}"' in text for text in texts)] == []


def test_the_properties_that_the_page_names_are_those_of_the_check() -> None:
    names = {one.name for one in PROPERTIES}
    for key, (_, _, _, check) in [*CONTRACT.items(), *RECORDS.items()]:
        assert check == "all" or set(re.findall(r"`([a-z-]+)`", check)) <= names, key
        assert check == "all" or "`" in check, key


def test_every_source_is_explained() -> None:
    section = PAGE.partition("\n## Sources")[2].partition("\n## ")[0]
    for word in (*HEADS, *ISSUED, *FORMS, *TRANSFORMS):
        assert re.search(rf"\b{re.escape(word)}\b", section), word


def test_the_example_of_a_contract_is_understood() -> None:
    block = next(block for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if "x-contract" in block)
    contract = yaml.safe_load(block)["x-contract"]
    spec = load_all()["vogent"]
    schema = {"properties": {name: {} for name in contract["fields"]}}
    operation = replace(spec.operations["updatePhoneNumber"], contract=contract, body_schema=schema)
    check_contract(Checker("contracts.md"), operation, "")
