"""Specs of your own, from outside of the packages: served beside the four, checked, helped by your own functions."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.conftest import Server

TEMPLATE = Path(__file__).parent / "fifth_vendor"
HEADERS = {"X-Acme-Key": "test_own"}

LENIENT = '''
"""A vendor whose numbers can be suspended any number of times."""

from mock_server.messages import Answer


def suspend(call, state):
    number = state.get("numbers", call.path["id"])
    number["status"] = "suspended"
    state.put("numbers", number)
    return Answer("suspended", number)


BEHAVIOURS = {"suspendNumber": suspend}
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "fixtures").mkdir()
    shutil.copy(TEMPLATE / "openapi.yaml", tmp_path / "acme.yaml")
    shutil.copy(TEMPLATE / "fixtures.yaml", tmp_path / "fixtures" / "acme.yaml")
    return tmp_path


def ringback(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mock_server", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)


def test_a_spec_of_your_own_is_served_beside_the_four_and_keeps_what_it_is_told(
    serve: Callable[..., Server], folder: Path
) -> None:
    server = serve("--specs", str(folder))
    numbers = f"{server.url}/acme/v1/numbers"
    created = requests.post(numbers, json={"number": "+14155550177"}, headers=HEADERS, timeout=10)
    assert created.status_code == 201
    listed = requests.get(numbers, headers=HEADERS, timeout=10).json()
    assert created.json() in listed["numbers"]
    assert requests.get(f"{server.url}/teli/v1/organizations", headers={"X-API-Key": "test_own"}, timeout=10).ok


def test_a_function_of_your_own_takes_the_place_of_a_contract(serve: Callable[..., Server], folder: Path) -> None:
    (folder / "mine.py").write_text(LENIENT, encoding="utf-8")
    server = serve("--specs", str(folder), "--behaviours", str(folder / "mine.py"))
    suspend = f"{server.url}/acme/v1/numbers/num_0001/suspend"
    assert [requests.post(suspend, headers=HEADERS, timeout=10).status_code for _ in range(2)] == [200, 200]


@pytest.mark.timeout(240)
def test_the_check_finds_a_transition_that_is_made_from_any_status(folder: Path) -> None:
    (folder / "mine.py").write_text(LENIENT, encoding="utf-8")
    own = ["--specs", str(folder), "--behaviours", str(folder / "mine.py")]
    report = folder / "report.json"
    done = ringback("check", "acme", "--operation", "suspendNumber", "--report", f"json={report}", *own)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "transition" in {
        outcome["property"] for outcome in json.loads(report.read_text())["outcomes"] if outcome["verdict"] == "failed"
    }


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--specs", "nowhere"], "there is no such folder of specs"),
        (["--specs", "EMPTY"], "holds no <vendor>.yaml"),
        (["--specs"], "--specs needs a folder"),
        (["--specs", "FOLDER", "--behaviours", "none.py"], "is no Python file"),
        (["--specs", "FOLDER", "--behaviours", "BROKEN"], "cannot be imported: NameError"),
        (
            ["--specs", "FOLDER", "--behaviours", "STRANGE"],
            "names no operation of acme in BEHAVIOURS",
        ),
    ],
)
def test_what_cannot_be_served_is_said_in_one_line(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, arguments: list[str], says: str
) -> None:
    (folder / "broken.py").write_text("undefined\n", encoding="utf-8")
    (folder / "strange.py").write_text("BEHAVIOURS = {'fly': print}\n", encoding="utf-8")
    places = {
        "FOLDER": str(folder),
        "EMPTY": str(tmp_path_factory.mktemp("empty")),
        "BROKEN": str(folder / "broken.py"),
        "STRANGE": str(folder / "strange.py"),
    }
    done = ringback("serve", "--port", "0", *[places.get(one, one) for one in arguments])
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
