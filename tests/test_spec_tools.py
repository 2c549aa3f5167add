"""Tools that others use read the vendors' files: linters find nothing, generated clients compile and reach the mock.

The tools come by npm and pip, at fixed versions, into `tests/.cache`, which git ignores. Where they cannot be had the
tests are skipped on a laptop, and fail in CI.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn
from uuid import uuid4

import pytest
import yaml

from mock_server.spec import specs_folder
from mock_server.spec.publishing import as_yaml, published
from tests.conftest import RINGBACK, ROOT

TOOLS = Path(__file__).with_name("spec_tools")
CACHE = Path(__file__).with_name(".cache")
VENDORS = sorted(file.stem for file in specs_folder().glob("*.yaml"))
PYTHON_GENERATOR = "openapi-python-client==0.29.1"
INSTALL_SECONDS = 240
REFUSALS = {
    "teli": "Agent not found or invalid agent ID",
    "vogent": "Invalid input",
    "interactly": "Number not found",
    "uponai": "outboundAgentId: agent agent_nobody not found",
}
"""What each vendor's client is told when it asks for what is not there."""

every_vendor = pytest.mark.parametrize("vendor", VENDORS)
pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


def cannot(reason: str) -> NoReturn:
    """Skips on a laptop, fails in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"{reason}, and CI must try every tool")
    pytest.skip(reason)


def run(
    *command: str | Path, cwd: Path, seconds: float = 120, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            [str(one) for one in command],
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            env={**os.environ, "NO_PROXY": "127.0.0.1", "REDOCLY_TELEMETRY": "off", **(env or {})},
        )
    except subprocess.TimeoutExpired:
        cannot(f"{command[0]} took more than {seconds:g} seconds")


def installed(folder: Path, asked: str, *command: str | Path) -> Path:
    """The folder once the command has installed what is asked for; what is there already is kept."""
    mark = folder / "asked.txt"
    if mark.exists() and mark.read_text() == asked:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if folder.name == "npm":
        (folder / "package.json").write_text(asked)
    done = run(*command, cwd=folder, seconds=INSTALL_SECONDS)
    if done.returncode:
        cannot(f"{command[0]} could not install: {' / '.join(done.stderr.strip().splitlines()[-3:])}")
    mark.write_text(asked)
    return folder


@pytest.fixture(scope="module")
def npm() -> Path:
    """A folder with the tools that npm has."""
    node, command = shutil.which("node"), shutil.which("npm")
    if node is None or command is None:
        cannot("there is no node or no npm")
    quiet = [
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--no-update-notifier",
        "--no-package-lock",
        "--loglevel=error",
    ]
    return installed(CACHE / "npm", (TOOLS / "package.json").read_text(), command, "install", *quiet)


@pytest.fixture(scope="module")
def python_generator() -> dict[str, str]:
    """The environment in which `python -m openapi_python_client`, and what it made, can be run."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", "."]
    folder = installed(CACHE / "pip", PYTHON_GENERATOR, *pip, PYTHON_GENERATOR)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {"PYTHONPATH": str(folder), "PATH": path}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with each vendor's plain file."""
    folder = tmp_path_factory.mktemp("specs")
    for vendor in VENDORS:
        (folder / f"{vendor}.yaml").write_text(as_yaml(published(specs_folder() / f"{vendor}.yaml", plain=True)))
    return folder


def lint(npm: Path, files: Path, exceptions: Any) -> list[str]:
    names = {tool: sorted(rules) for tool, rules in exceptions.items()}
    (npm / "lint.mjs").write_text((TOOLS / "lint.mjs").read_text())
    done = run("node", "lint.mjs", json.dumps(names), *[files / f"{vendor}.yaml" for vendor in VENDORS], cwd=npm)
    assert done.returncode == 0, done.stderr
    said: list[str] = json.loads(done.stdout)
    return said


def test_redocly_and_spectral_recommend_nothing_but_the_exceptions(npm: Path, files: Path) -> None:
    exceptions = yaml.safe_load((TOOLS / "exceptions.yaml").read_text())
    assert all(len(reason) > 40 for rules in exceptions.values() for reason in rules.values())
    assert lint(npm, files, exceptions) == []


def test_every_exception_is_needed_and_the_linters_do_look(npm: Path, files: Path) -> None:
    exceptions = yaml.safe_load((TOOLS / "exceptions.yaml").read_text())
    said = lint(npm, files, {tool: {} for tool in exceptions})
    for tool, rules in exceptions.items():
        for rule in rules:
            assert [one for one in said if one.startswith(tool) and f" {rule}: " in one], rule


@pytest.fixture(scope="module")
def typescript(npm: Path, files: Path) -> Path:
    """The folder with the compiled clients of every vendor."""
    folder = npm / "clients"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "generated").mkdir(parents=True)
    for vendor in VENDORS:
        made = folder / "generated" / f"{vendor}.d.ts"
        done = run(npm / "node_modules/.bin/openapi-typescript", files / f"{vendor}.yaml", "-o", made, cwd=npm)
        assert done.returncode == 0, done.stderr + done.stdout
        shutil.copy(TOOLS / "clients" / f"{vendor}.ts", folder)
    flags = ["--strict", "--noUncheckedIndexedAccess", "--target", "es2022", "--module", "nodenext"]
    sources = [f"clients/{vendor}.ts" for vendor in VENDORS]
    done = run(npm / "node_modules/.bin/tsc", *flags, "--types", "node", *sources, cwd=npm)
    assert done.returncode == 0, done.stdout
    return folder


@every_vendor
def test_a_typescript_client_compiles_and_reaches_the_mock(typescript: Path, server: Any, vendor: str) -> None:
    env = {"ORIGIN": server.origin(vendor), "KEY": f"test_{uuid4().hex}"}
    done = run("node", f"{vendor}.js", cwd=typescript, env=env)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [True, REFUSALS[vendor]]


@every_vendor
def test_a_python_client_compiles_and_reaches_the_mock(
    python_generator: dict[str, str], files: Path, tmp_path: Path, server: Any, vendor: str
) -> None:
    made = tmp_path / f"{vendor}_client"
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--path", files / f"{vendor}.yaml"]
    done = run(*command, "--output-path", made, "--meta", "none", cwd=tmp_path, env=python_generator)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "WARNING" not in done.stdout + done.stderr, done.stdout
    compiled = run(sys.executable, "-m", "compileall", "-q", made, cwd=tmp_path)
    assert compiled.returncode == 0, compiled.stdout
    shutil.copy(TOOLS / "clients" / f"{vendor}.py", tmp_path / "drive.py")
    env = {**python_generator, "ORIGIN": server.origin(vendor), "KEY": f"test_{uuid4().hex}"}
    driven = run(sys.executable, "drive.py", cwd=tmp_path, env=env)
    assert driven.returncode == 0, driven.stderr
    assert json.loads(driven.stdout) == [True, REFUSALS[vendor]]


def test_redocly_finds_in_our_recording_only_the_keys_that_were_wrong_on_purpose(
    npm: Path, files: Path, tmp_path: Path
) -> None:
    """A recording keeps the scheme of its masked keys, so that the judgement of other tools is of use."""
    har = tmp_path / "ours.har"
    check = ["check", "vogent", "--operation", "updatePhoneNumber", "--draws", "0", "--record", har]
    assert run(*RINGBACK, *check, cwd=ROOT).returncode == 0
    entries = json.loads(har.read_text())["log"]["entries"]
    sent = [
        {one["name"]: one["value"] for one in entry["request"]["headers"]}.get("Authorization", "") for entry in entries
    ]
    assert {"Bearer ***", "Basic ***", "***", "Bearer"} < set(sent)
    refused = [value for value in sent if not value.startswith("Bearer")]
    assert 0 < len(refused) < 10
    report, url = tmp_path / "drift.json", entries[0]["request"]["url"]
    drift: list[str | Path] = ["node", npm / "node_modules/@redocly/cli/bin/cli.js", "drift", har]
    drift += ["--api", files / "vogent.yaml", "--server", url[: url.index("/api/")] + "/api"]
    done = run(*drift, "--format", "json", "--output", report, cwd=tmp_path)
    assert report.exists(), done.stdout + done.stderr
    said = json.loads(report.read_text())
    assert (said["run"]["documentedExchanges"], said["run"]["totalExchanges"]) == (len(entries), len(entries))
    assert {problem["ruleId"] for problem in said["problems"]} == {"security-baseline"}
    assert sum(problem["occurrences"] for problem in said["problems"]) == len(refused)
