"""Every command of the README runs, and prints what the README says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contract_tests.properties.table import PROPERTIES
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


def test_the_readme_lists_every_property_with_its_sentence() -> None:
    section = README.partition("### What a check looks at")[2].partition("\n#")[0]
    listed = re.findall(r"^\| `([a-z-]+)` \| (.*) \|$", section, re.MULTILINE)
    assert listed == [(one.name, one.sentence) for one in PROPERTIES]


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
