"""The fixtures for pytest's users, in a pytest of their own: alone, in parallel, and unused."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).with_name("example_test_plugin.py")
PLUGIN = "ringback.pytest_plugin"


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs pytest where nothing of this project's own configuration applies."""
    installed = {point.value for point in importlib.metadata.entry_points(group="pytest11")}
    plugin = [] if PLUGIN in installed else ["-p", PLUGIN]
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, *plugin, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=120,
        env={**os.environ, "PYTHONPATH": path},
    )


@pytest.mark.parametrize("more", [[], ["-n", "2"]], ids=["alone", "two workers"])
def test_the_example_passes(tmp_path: Path, more: list[str]) -> None:
    (tmp_path / "test_example.py").write_text(EXAMPLE.read_text())
    done = run_pytest(tmp_path, *more)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout


def test_the_example_says_why_when_it_fails(tmp_path: Path) -> None:
    (tmp_path / "test_wrong.py").write_text(
        "from urllib.request import Request, urlopen\n"
        "def test_wrong(ringback_space):\n"
        "    headers = {'X-API-Key': ringback_space.api_key}\n"
        "    urlopen(Request(ringback_space.url('teli') + '/v1/organizations', headers=headers)).close()\n"
        "    ringback_space.requests.verify(operation='listOrganizations', times='exactly 2')\n"
    )
    done = run_pytest(tmp_path)
    assert done.returncode == 1
    assert "expected exactly 2, found 1" in done.stdout


def test_a_failed_test_shows_what_its_space_was_asked_and_what_was_meant(tmp_path: Path) -> None:
    (tmp_path / "test_wrong.py").write_text(
        "from urllib.request import Request, urlopen\n"
        "def test_wrong(ringback_space):\n"
        "    headers = {'X-API-Key': ringback_space.api_key}\n"
        "    urlopen(Request(ringback_space.url('teli') + '/v1/organisations', headers=headers))\n"
        "def test_right(ringback_space):\n"
        "    assert ringback_space.requests.list(method='GET', path='/x', limit=3) == []\n"
    )
    done = run_pytest(tmp_path)
    assert "1 failed, 1 passed" in done.stdout
    assert done.stdout.count("Ringback: requests of test_") == 1
    assert "404 GET teli /v1/organisations  -\n" in done.stdout
    assert "did you mean /v1/organizations?" in done.stdout


def test_the_server_of_the_run_is_started_as_a_conftest_says(tmp_path: Path) -> None:
    (tmp_path / "fixtures").mkdir()
    (tmp_path / "fixtures" / "teli.yaml").write_text('numbers: [{phone_number: "+13135550123"}]\n')
    (tmp_path / "conftest.py").write_text(
        "import pytest\n"
        "@pytest.fixture(scope='session')\n"
        "def ringback_options():\n"
        f"    return {{'fixtures': {str(tmp_path / 'fixtures')!r}, 'seed': 7}}\n"
    )
    (tmp_path / "test_options.py").write_text(
        "def test_options(ringback_space):\n"
        "    numbers = ringback_space.state.export()['providers']['teli']['records']['numbers']\n"
        "    assert '+13135550123' in str(numbers)\n"
        "    assert ringback_space.clock.now().startswith('2026-01-01')\n"
    )
    done = run_pytest(tmp_path)
    assert "1 passed" in done.stdout, done.stdout


def test_a_server_that_cannot_start_is_told_in_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "import pytest\n@pytest.fixture(scope='session')\ndef ringback_options():\n    return {'only': 'tely'}\n"
    )
    (tmp_path / "test_options.py").write_text("def test_options(ringback_space): pass\n")
    done = run_pytest(tmp_path)
    assert "1 error" in done.stdout
    assert "--only tely: no such vendor" in done.stdout


def test_each_worker_has_its_own_server(tmp_path: Path) -> None:
    (tmp_path / "test_ports.py").write_text(
        "import pytest\n"
        "@pytest.mark.parametrize('turn', range(4))\n"
        "def test_port(ringback, turn, worker_id):\n"
        f"    open({str(tmp_path)!r} + '/' + worker_id, 'a').write(ringback.url + chr(10))\n"
    )
    assert run_pytest(tmp_path, "-n", "2", "--dist", "each").returncode == 0
    urls = [set((tmp_path / worker).read_text().split()) for worker in ("gw0", "gw1")]
    assert [len(found) for found in urls] == [1, 1]
    assert not urls[0] & urls[1]


def test_nothing_heavy_is_imported_until_a_fixture_is_used() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules); import ringback.pytest_plugin\n"
        "print(*sorted(name for name in set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert set(done.stdout.split()) <= {"ringback", "ringback.pytest_plugin"}


def test_the_entry_point_names_the_plugin() -> None:
    import tomllib

    project = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"ringback": PLUGIN}
