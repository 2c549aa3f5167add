"""A fifth vendor takes two new files and no edit: those of `fifth_vendor/`, added to a copy of the packages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).parents[1]
TEMPLATE = Path(__file__).parent / "fifth_vendor"
RINGBACK = [sys.executable, "-m", "mock_server"]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository's packages with the two files in their places."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("ringback", "mock_server", "contract_tests", "openapi", "fixtures"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(TEMPLATE / "openapi.yaml", folder / "openapi" / "acme.yaml")
    shutil.copy(TEMPLATE / "fixtures.yaml", folder / "fixtures" / "acme.yaml")
    return folder


def ringback(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*RINGBACK, *arguments], cwd=checkout, env=environment(checkout), capture_output=True, text=True, timeout=120
    )


def environment(checkout: Path) -> dict[str, str]:
    """The copy comes before whatever is installed."""
    return {**os.environ, "PYTHONPATH": str(checkout)}


@pytest.fixture(scope="module")
def origin(checkout: Path) -> Iterator[str]:
    """Where the copy serves Acme."""
    process = subprocess.Popen(
        [*RINGBACK, "serve", "--port", "0", "--json"],
        cwd=checkout,
        env=environment(checkout),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    where = json.loads(process.stdout.readline())
    assert set(where["providers"]) == {"acme", "interactly", "teli", "uponai", "vogent"}
    yield where["providers"]["acme"] + "/v1/numbers"
    process.terminate()
    process.communicate(timeout=10)


def test_it_is_served_beside_the_others_and_keeps_what_it_is_told(origin: str) -> None:
    headers = {"X-Acme-Key": "test_fifth"}
    created = requests.post(origin, json={"number": "+14155550177"}, headers=headers, timeout=10)
    assert (created.status_code, created.headers["X-Ringback-Evidence"]) == (201, "doc")
    id = created.json()["id"]
    linked = requests.patch(f"{origin}/{id}", json={"agent_id": "agent_0001"}, headers=headers, timeout=10)
    assert linked.json() == {"id": id, "number": "+14155550177", "agent_id": "agent_0001", "status": "active"}
    listed = requests.get(origin, headers=headers, timeout=10).json()
    assert listed == {
        "count": 2,
        "numbers": [{"id": "num_0001", "number": "+14155550100", "agent_id": None, "status": "active"}, linked.json()],
    }
    again = requests.post(origin, json={"number": "+14155550177"}, headers=headers, timeout=10)
    assert (again.status_code, again.json()) == (400, {"error": "+14155550177 is held already"})
    assert requests.get(origin, timeout=10).json() == {"error": "X-Acme-Key is missing"}


def test_a_transition_is_made_once_and_refused_from_any_other_status(origin: str) -> None:
    headers = {"X-Acme-Key": "test_suspend"}
    suspended = requests.post(f"{origin}/num_0001/suspend", headers=headers, timeout=10)
    assert (suspended.status_code, suspended.json()["status"]) == (200, "suspended")
    again = requests.post(f"{origin}/num_0001/suspend", headers=headers, timeout=10)
    assert (again.status_code, again.json()) == (409, {"error": "The number is suspended"})
    assert requests.get(origin, headers=headers, timeout=10).json()["numbers"] == [suspended.json()]
    unknown = requests.post(f"{origin}/num_9999/suspend", headers=headers, timeout=10)
    assert (unknown.status_code, unknown.json()) == (404, {"error": "Number not found"})


@pytest.mark.long
def test_its_check_passes(checkout: Path) -> None:
    done = ringback(checkout, "check", "acme")
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 failed" in done.stdout


def test_its_operations_are_listed(checkout: Path) -> None:
    done = ringback(checkout, "operations", "acme", "--json")
    assert [entry["operation"] for entry in json.loads(done.stdout)] == [
        "listNumbers",
        "createNumber",
        "updateNumber",
        "suspendNumber",
    ]


def test_the_others_are_as_they_were(checkout: Path) -> None:
    """No file of the copy but the two differs from the repository's."""
    added = {"openapi/acme.yaml", "fixtures/acme.yaml"}
    for name in ("mock_server/providers", "openapi", "fixtures"):
        ours = {f"{name}/{file.name}" for file in (checkout / name).iterdir() if file.is_file()}
        theirs = {f"{name}/{file.name}" for file in (ROOT / name).iterdir() if file.is_file()}
        assert ours - theirs == {file for file in added if file.rpartition("/")[0] == name}
