"""The wheel, installed where nothing else is: it serves, answers, brings the plugin, and says what it lacks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from email import message_from_string
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tests.conftest import ROOT
from tests.oldest import oldest
from tests.test_constraints import CONSTRAINTS, pinned

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PIP = ["-m", "pip", "--disable-pip-version-check", "--quiet"]
pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, *PIP, "wheel", "--no-deps", "-w", folder, ROOT], check=True, timeout=300)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def pins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tested versions without their hashes: of the wheel that was just made there is none."""
    file = tmp_path_factory.mktemp("pins") / "pins.txt"
    file.write_text("".join(f"{name}=={version}\n" for name, version in pinned(CONSTRAINTS)), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def fresh(pins: Path, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a new environment with the wheel, what it needs, and nothing else."""
    folder = tmp_path_factory.mktemp("fresh")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=120)
    python = folder / "bin" / "python"
    subprocess.run([python, *PIP, "install", "-c", pins, wheel], check=True, timeout=300)
    return python.parent


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "RINGBACK"))}


@pytest.fixture
def served(fresh: Path, tmp_path: Path) -> Iterator[dict[str, str]]:
    process = subprocess.Popen(
        [fresh / "ringback", "serve", "--port", "0", "--json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        env=_environment(),
    )
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())["providers"]
    process.terminate()
    process.communicate(timeout=10)


def test_it_serves_and_answers(served: dict[str, str]) -> None:
    assert list(served) == ["interactly", "teli", "uponai", "vogent"]
    request = Request(served["vogent"] + "/api/phone_numbers", headers={"Authorization": "Bearer test_wheel"})
    with urlopen(request, timeout=10) as answer:
        assert json.load(answer)["data"][0]["number"] == "+18001234567"


def test_it_brings_nothing_that_only_the_harness_needs(fresh: Path) -> None:
    listed = subprocess.run(
        [fresh / "python", "-m", "pip", "list", "--disable-pip-version-check", "--format", "json"],
        check=True,
        capture_output=True,
    )
    names = {row["name"].lower() for row in json.loads(listed.stdout)}
    assert "ringback" in names
    assert not names & {"pytest", "hypothesis", "schemathesis", "jsonschema", "urllib3", "requests"}


@pytest.mark.parametrize("command", ["check", "diff"])
def test_a_check_without_the_harness_says_in_one_line_what_to_install(fresh: Path, command: str) -> None:
    done = subprocess.run([fresh / "ringback", command], capture_output=True, text=True, env=_environment(), timeout=60)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "pip install 'ringback[check]'" in done.stderr


def test_its_plugin_works_in_a_project_of_somebody_else(fresh: Path, pins: Path, tmp_path: Path) -> None:
    subprocess.run([fresh / "python", *PIP, "install", "-c", pins, "pytest"], check=True, timeout=120)
    (tmp_path / "test_theirs.py").write_text((ROOT / "tests" / "example_test_plugin.py").read_text(encoding="utf-8"))
    done = subprocess.run(
        [fresh / "pytest", "-q"], cwd=tmp_path, capture_output=True, text=True, env=_environment(), timeout=120
    )
    assert "4 passed" in done.stdout, done.stdout + done.stderr


def test_it_carries_specs_fixtures_types_and_licence_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {"mock_server/data/openapi/teli.yaml", "mock_server/data/fixtures/teli.yaml"} <= set(names)
    assert {"ringback/py.typed", "contract_tests/reports/report.schema.json"} <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    roots = {name.partition("/")[0] for name in names}
    assert {root for root in roots if not root.endswith(".dist-info")} == {"ringback", "mock_server", "contract_tests"}


def test_its_metadata_says_what_it_is(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    metadata = message_from_string(
        archive.read(next(name for name in archive.namelist() if name.endswith("/METADATA"))).decode()
    )
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == ">=3.11"
    assert {"Framework :: Pytest", "Typing :: Typed"} <= set(metadata.get_all("Classifier", []))
    assert "check" in metadata.get_all("Provides-Extra", [])


def test_every_dependency_but_the_pinned_one_has_a_lower_bound_that_is_tested() -> None:
    needed = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["check"]]
    pinned = [one for one in needed if "==" in one]
    assert [one.partition("==")[0] for one in pinned] == ["schemathesis"]
    assert len(list(oldest(PROJECT, "check"))) == len(needed) - 1
