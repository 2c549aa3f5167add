"""Every command of the README runs, and prints what the README says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from contract_tests.properties.table import PROPERTIES
from mock_server.spec import load_all
from mock_server.spec.contracts import KINDS, check_contract
from mock_server.spec.document import Checker
from tests.conftest import ROOT, Server

README = (ROOT / "README.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
SERVED = "http://127.0.0.1:4010"


def _commands() -> Iterator[tuple[str, str]]:
    """Each `$ command` of the console blocks with the output printed below it."""
    for block in _BLOCK.findall(README):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield command, output.strip()


def _matches(expected: str, found: str) -> bool:
    """Whether the output is as printed; `...` stands for anything."""
    pattern = ".*?".join(re.escape(piece) for piece in expected.split("..."))
    return re.fullmatch(pattern, found.strip(), flags=re.DOTALL) is not None


@pytest.mark.timeout(120)
def test_every_console_block_of_the_readme_prints_what_it_says(serve: Callable[..., Server], tmp_path: Path) -> None:
    server = serve()
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    commands = list(_commands())
    assert len(commands) >= 7
    for command, expected in commands:
        done = subprocess.run(
            ["bash", "-c", command.replace(SERVED, server.url).replace("curl ", "curl -sS ", 1)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment,
            timeout=60,
            check=False,
        )
        found = done.stdout.replace(server.url, SERVED)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        assert _matches(expected, found), f"{command}\nprinted\n{found}\ninstead of\n{expected}"


def test_every_assumption_that_a_spec_names_is_in_the_table_of_the_readme() -> None:
    named = set()
    for file in sorted((ROOT / "openapi").glob("*.yaml")):
        named |= set(re.findall(r"Ringback decision (\w+ \d+)", file.read_text(encoding="utf-8")))
    missing = {decision for decision in named if f"| {decision} |" not in README}
    assert not missing


def _contract_table() -> dict[str, set[str]]:
    """The keys of `x-contract` that the README explains, with the properties that they drive."""
    section = README.partition("### What `x-contract` understands")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    return {key.strip("`"): set(re.findall(r"`([a-z-]+)`", drives)) or {drives} for key, _, _, drives in rows}


def test_the_readme_explains_every_key_of_a_contract_that_a_spec_uses_or_the_code_reads() -> None:
    used = {key for spec in load_all().values() for operation in spec.operations.values() for key in operation.contract}
    read = set()
    for package in ("contract_tests", "mock_server"):
        for file in (ROOT / package).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            read |= set(re.findall(r"contract(?:\.get\(|\[)\"(\w+)\"", text))
            read |= set(re.findall(r"\"(\w+)\" (?:not )?in (?:\w+\.)*contract\b", text))
    assert read > {"record", "effect", "key"}
    assert set(_contract_table()) == used | read == set(KINDS)


def test_the_properties_that_the_readme_names_for_a_contract_are_those_of_the_check() -> None:
    names = {one.name for one in PROPERTIES}
    for key, drives in _contract_table().items():
        assert drives <= names or drives == {"all"}, key


def test_the_example_of_a_contract_in_the_readme_is_understood(tmp_path: Path) -> None:
    block = next(block for block in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL) if "x-contract" in block)
    contract = yaml.safe_load(block)["x-contract"]
    spec = load_all()["vogent"]
    schema = {"properties": {name: {} for name in contract["fields"]}}
    operation = replace(spec.operations["updatePhoneNumber"], contract=contract, body_schema=schema)
    check_contract(Checker("README.md"), operation, "")


def test_every_file_that_the_readme_links_to_exists() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert links
    for link in links:
        assert (ROOT / link).exists(), link


def test_the_example_for_pytest_is_the_one_that_is_run() -> None:
    example = (ROOT / "tests" / "example_test_plugin.py").read_text(encoding="utf-8")
    assert f"```python\n{example.rstrip()}\n```" in README


def test_make_serve_serves_all_four_vendors() -> None:
    """Runs only where make has installed into .venv already, as `make test` has; it would install otherwise."""
    if not (ROOT / ".venv" / "installed").exists():
        if os.environ.get("CI"):
            pytest.fail("CI runs these tests by `make test`, which installs into .venv")
        pytest.skip("`make test` has not been used here: nothing is installed in .venv")
    process = subprocess.Popen(
        ["make", "-s", "serve"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "RINGBACK_PORT": "0", "RINGBACK_JSON": "1"},
    )
    assert process.stdout is not None
    try:
        providers = json.loads(process.stdout.readline())["providers"]
        assert list(providers) == ["interactly", "teli", "uponai", "vogent"]
    finally:
        process.terminate()
        process.wait(timeout=10)
