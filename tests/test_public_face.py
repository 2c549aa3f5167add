"""`import ringback` in other people's projects: servers of their own, clear errors, nothing that can shadow it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

import ringback
from ringback.launch import arranged, command
from tests.conftest import ROOT

HOSTILE = "raise SystemExit('a file of the user was imported in place of a part of Ringback')\n"
NEEDS_HARNESS = pytest.mark.skipif(find_spec("schemathesis") is None, reason="the harness is not installed here")
NAMES = ("json", "logging", "orjson", "granian", "flask", "yaml", "asyncio", "select")


@pytest.fixture(scope="module")
def own() -> ringback.Server:
    with ringback.start(seed=3, accept_keys=["sk-mine"]) as server:
        yield server


def _get(url: str, key: str) -> int:
    with urlopen(Request(url, headers={"X-API-Key": key}), timeout=10) as answer:
        return int(answer.status)


def test_a_server_is_started_on_a_free_port_with_the_arguments_given(own: ringback.Server) -> None:
    assert own.url.startswith("http://127.0.0.1:")
    assert set(own.origins) == {"interactly", "teli", "uponai", "vogent"}
    assert _get(own.origins["teli"] + "/v1/organizations", "sk-mine") == 200
    with own.space() as space:
        assert space.clock.now().startswith("2026-01-01T00:00:00")


def test_a_space_is_forgotten_at_the_end_of_its_block(own: ringback.Server) -> None:
    with own.space() as space:
        assert _get(space.url("teli") + "/v1/organizations", space.api_key) == 200
        assert [row["operation"] for row in space.requests.list()] == ["listOrganizations"]
        assert space.requests.list(method="PUT", path="/v1/organizations") == []
        names = {row["name"] for row in own.control.call("GET", "/spaces")["spaces"]}
        assert space.api_key in names
    names = {row["name"] for row in own.control.call("GET", "/spaces")["spaces"]}
    assert space.api_key not in names


def test_a_server_that_runs_already_is_connected_to(own: ringback.Server) -> None:
    other = ringback.connect(own.url)
    assert other.origins == own.origins
    with other.space() as space:
        assert space.requests.count() == 0


def test_a_server_of_one_vendor_is_connected_to() -> None:
    with ringback.start(only="teli", control_token="secret") as server:
        assert ringback.connect(server.url, "secret").origins == {"teli": server.url}
        with pytest.raises(ringback.Refused, match="Token needed"):
            ringback.connect(server.url)


def test_errors_name_what_was_meant(own: ringback.Server) -> None:
    with own.space() as space:
        with pytest.raises(ringback.UnknownVendor, match="did you mean 'teli'"):
            space.url("Tely")
        with pytest.raises(ringback.Refused, match="Did you mean updatePhoneAgent"):
            space.faults.add("teli", "updatePhoneAgents", answer={"status": 500})
        with pytest.raises(ringback.Refused, match="Did you mean listOrganizations"):
            space.requests.verify(operation="listOrganisations")
        with pytest.raises(TypeError, match="operatoin"):
            space.requests.count(operatoin="listOrganizations")  # type: ignore[call-arg]


def test_a_server_that_does_not_start_says_why_and_an_address_where_nobody_is_too() -> None:
    with pytest.raises(ringback.NotStarted, match="--only nobody: no such vendor"):
        ringback.start(only="nobody")
    with pytest.raises(ringback.NotStarted, match="was not ready after 0 s"):
        ringback.start(startup_seconds=0)
    with pytest.raises(ringback.Unreachable, match=r"127\.0\.0\.1:1"):
        ringback.connect("http://127.0.0.1:1")


def test_what_the_environment_says_of_another_server_is_not_for_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGBACK_ONLY", "vogent")
    monkeypatch.setenv("RINGBACK_TLS_CERT", "/nowhere.pem")
    with ringback.start() as server:
        assert len(server.origins) == 4


def test_a_server_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    code = "import os, ringback; s = ringback.start(); print(s.process.pid, flush=True); os.kill(os.getpid(), 9)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert done.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 10
    while Path(f"/proc/{int(done.stdout)}/cmdline").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{int(done.stdout)}/cmdline").exists()


def test_importing_it_imports_nothing_else() -> None:
    code = "import sys; before = set(sys.modules); import ringback; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert {name for name in done.stdout.split() if name.startswith("ringback")} == {"ringback"}
    assert {name.partition(".")[0] for name in done.stdout.split()} <= {"ringback", *sys.stdlib_module_names}


def test_using_it_imports_nothing_of_the_program() -> None:
    code = (
        "import sys, ringback\nwith ringback.start() as server, server.space() as space: space.requests.list()\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    roots = set(done.stdout.split())
    assert "ringback" in roots
    assert not roots & {"mock_server", "contract_tests", "granian", "flask", "orjson", "yaml", "phonenumbers"}


def test_it_is_typed() -> None:
    assert (ROOT / "ringback" / "py.typed").is_file()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose own folders and files have the names of what Ringback is made of."""
    for name in ("mock_server", "contract_tests", "openapi", "fixtures", "tests"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("" if name == "tests" else HOSTILE)
    return tmp_path


def _run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs Python in the project, with the project ahead of everything, as PYTHONPATH=. does."""
    # Where this package is not installed it has to be found all the same.
    path = os.pathsep.join([str(project), str(ROOT)])
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=project,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_project_with_a_mock_server_of_its_own_keeps_its_pytest_run(project: Path) -> None:
    (project / "mock_server" / "__init__.py").write_text("OURS = 7\n")
    (project / "tests" / "test_ours.py").write_text(
        "import mock_server\n"
        "def test_ours(): assert mock_server.OURS == 7\n"
        "def test_theirs(ringback_space): assert ringback_space.requests.count() == 0\n"
    )
    done = _run(project, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(project))
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_the_server_is_not_shadowed_by_files_of_the_folder_it_is_started_in(project: Path) -> None:
    code = "import os; from ringback import start\nos.chdir('trap')\nwith start() as s: print(*s.origins)"
    (project / "trap").mkdir()
    for name in (*NAMES, "mock_server", "ringback"):
        (project / "trap" / f"{name}.py").write_text(HOSTILE)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split() == ["interactly", "teli", "uponai", "vogent"], done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["operations", "teli", "--json"],
        pytest.param(["check", "--help"], marks=NEEDS_HARNESS),
        ["serve", "--help"],
    ],
)
def test_the_command_is_not_shadowed_by_files_of_the_folder_it_is_run_in(project: Path, arguments: list[str]) -> None:
    for name in NAMES:
        (project / f"{name}.py").write_text(HOSTILE)
    done = _run(project, "-m", "ringback", *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert "was imported in place of" not in done.stdout + done.stderr


@NEEDS_HARNESS
def test_the_check_in_such_a_project_starts_its_own_mock(project: Path) -> None:
    for name in NAMES:
        (project / f"{name}.py").write_text(HOSTILE)
    done = _run(project, "-m", "ringback", "check", "vogent", "--operation", "updatePhoneNumber", "--draws", "0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 failed" in done.stdout


def test_the_search_path_begins_with_the_standard_library_then_the_package() -> None:
    library = os.path.dirname(os.__file__)
    path = ["/script", "/theirs", "/usr/lib/python311.zip", library, f"{library}/lib-dynload", "/site"]
    first, *rest = arranged(path, "/home", ["/user"])
    assert first == "/usr/lib/python311.zip"
    assert rest == [library, f"{library}/lib-dynload", "/home", "/site", "/script", "/theirs", "/user"]


def test_the_program_runs_with_this_python() -> None:
    done = subprocess.run(command("--version"), capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == f"ringback {ringback.__version__}"
