"""What brings Ringback elsewhere: the actions, whose steps are run here, the manifests, and the helper for Node."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
import redis
import requests
import yaml

from tests.conftest import RINGBACK, ROOT
from tests.redises import free_port, redis_server, until_answered
from tests.several import agent

pytestmark = pytest.mark.long

CHECK, LOG = (ROOT / ".github" / "actions" / name for name in ("check", "log"))
AGENTS = "/vogent/api/agents"
DEPLOY = ROOT / "docs" / "deploy"
_EXPRESSION = re.compile(r"\$\{\{ *(\S+) *\}\}")


class Ran(NamedTuple):
    """What came of an action: the exit code of its last step, its outputs, and what it printed."""

    code: int
    outputs: dict[str, str]
    said: str


class Runner:
    """As much of a job as an action meets: its folders and files, and a Ringback that was installed before."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = {name: folder / name.lower() for name in ("GITHUB_PATH", "GITHUB_ENV", "GITHUB_STEP_SUMMARY")}
        for file in self.files.values():
            file.touch()
        programs = folder / "ringback" / "bin"
        programs.mkdir(parents=True)
        (programs / "ringback").write_text(
            f'#!/bin/sh\nexec "{sys.executable}" -m mock_server "$@"\n', encoding="utf-8"
        )
        # Of pip only what it is asked is kept: what it does is tested with the wheel.
        (programs / "python").write_text(
            f'#!/bin/sh\nif [ "$2" = pip ]; then echo "$@" >> "{folder}/pip"; else exec "{sys.executable}" "$@"; fi\n',
            encoding="utf-8",
        )
        for program in programs.iterdir():
            program.chmod(0o755)

    def run(self, action: Path, **inputs: str) -> Ran:
        """Runs the steps of an action in order, until one fails."""
        (file,) = [found for found in action.iterdir() if found.name == "action.yml"]
        node: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
        known = {name: str(about.get("default", "")) for name, about in node["inputs"].items()}
        assert set(inputs) <= set(known)
        context = {f"inputs.{name}": value for name, value in {**known, **inputs}.items()}
        said, code = "", 0
        for number, step in enumerate(node["runs"]["steps"]):
            assert (node["runs"]["using"], step["shell"]) == ("composite", "bash")
            output = self.folder / f"output-{number}-{time.monotonic_ns()}"
            output.touch()
            given = {name: _EXPRESSION.sub(lambda found: context[found[1]], text) for name, text in step["env"].items()}
            environment = {
                **os.environ, **{name: str(file) for name, file in self.files.items()}, **given,
                "GITHUB_ACTION_PATH": str(action), "GITHUB_OUTPUT": str(output), "RUNNER_TEMP": str(self.folder),
                "GITHUB_ACTIONS": "true", "PYTHONPATH": str(ROOT),
            }  # fmt: skip
            command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
            done = subprocess.run(
                command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=200, check=False
            )
            said, code = said + done.stdout + done.stderr, done.returncode
            for line in output.read_text(encoding="utf-8").splitlines():
                name, _, value = line.partition("=")
                context[f"steps.{step.get('id')}.outputs.{name}"] = value
            if code:
                break
        outputs = {
            name: _EXPRESSION.sub(lambda found: context.get(found[1], ""), about["value"])
            for name, about in node.get("outputs", {}).items()
        }
        return Ran(code, outputs, said)


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


@pytest.fixture
def started(runner: Runner) -> Iterator[Callable[..., Ran]]:
    """Runs the action that starts a server; the server ends with the test, as it would with the job."""
    pids: list[int] = []

    def start(**inputs: str) -> Ran:
        ran = runner.run(ROOT, **inputs)
        pids.extend(int(pid) for pid in [ran.outputs["pid"]] if pid)
        return ran

    yield start
    for pid in pids:
        os.kill(pid, signal.SIGTERM)


def test_the_action_starts_a_server_and_tells_where_every_vendor_is(
    runner: Runner, started: Callable[..., Ran]
) -> None:
    ran = started(arguments="--seed 7")
    assert ran.code == 0, ran.said
    for vendor in ("teli", "vogent", "interactly", "uponai"):
        assert ran.outputs[vendor] == f"{ran.outputs['url']}/{vendor}"
    headers = {"X-API-Key": "test_action"}
    assert requests.get(f"{ran.outputs['teli']}/v1/organizations", headers=headers, timeout=10).status_code == 200
    assert requests.get(f"{ran.outputs['teli']}/v1/::error::nowhere", headers=headers, timeout=10).status_code == 404
    assert f"RINGBACK_URL={ran.outputs['url']}\n" in runner.files["GITHUB_ENV"].read_text(encoding="utf-8")
    assert (runner.folder / "pip").read_text(encoding="utf-8").count("--require-hashes") == 1
    until = time.monotonic() + 10
    while "nowhere" not in Path(ran.outputs["log"]).read_text(encoding="utf-8") and time.monotonic() < until:
        time.sleep(0.05)
    shown = runner.run(LOG).said
    begun = re.search(r"^::stop-commands::(\S+)$", shown, re.MULTILINE)
    assert begun is not None
    kept = shown[begun.end() : shown.index(f"::{begun[1]}::")]
    assert "listOrganizations" in kept
    assert "::error::nowhere" in kept


def test_the_action_says_why_a_server_did_not_start(started: Callable[..., Ran]) -> None:
    ran = started(arguments="--only nobody")
    assert ran.code == 1
    assert "no such vendor" in ran.said
    assert "::error title=Ringback::" in ran.said


def test_the_check_action_annotates_reports_and_sums_up(runner: Runner) -> None:
    ran = runner.run(CHECK, vendors="uponai", arguments="--depth scenario")
    assert ran.code == 0, ran.said
    assert ran.outputs == {"exit-code": "0", "junit": "ringback-check.xml"}
    suites = ElementTree.parse(runner.folder / "ringback-check.xml").getroot()
    assert len(list(suites.iter("testcase"))) > 5
    assert "uponai" in runner.files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8").lower()
    assert "To work on it" not in (runner.folder / "ringback" / "constraints.txt").read_text(encoding="utf-8")


def test_the_check_action_fails_with_the_check_s_own_exit_code(runner: Runner) -> None:
    ran = runner.run(CHECK, vendors="uponai", target="http://127.0.0.1:9")
    assert (ran.code, ran.outputs["exit-code"]) == (3, "3")


# Containers


@pytest.fixture(scope="module")
def image() -> ModuleType:
    found = importlib.util.spec_from_file_location("image", ROOT / ".ci" / "image.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_the_containerfile_says_what_the_image_says(image: ModuleType) -> None:
    text = (ROOT / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    said = dict(line.split(None, 1) for line in text.splitlines() if line and not line.startswith("#"))
    config = image.CONFIG
    assert said["ENV"].split() == config["Env"]
    assert said["USER"] == config["User"]
    assert json.loads(said["ENTRYPOINT"]) == config["Entrypoint"]
    assert json.loads(said["CMD"]) == config["Cmd"]
    assert json.loads(said["HEALTHCHECK"].partition("CMD ")[2]) == config["Healthcheck"]["Test"][1:]
    assert f"{said['EXPOSE']}/tcp" in config["ExposedPorts"]
    assert said["FROM"] == "scratch"
    assert "RUN" not in said


def test_compose_and_kubernetes_run_it_without_rights_and_ask_for_its_health(image: ModuleType) -> None:
    service = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]["ringback"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["healthcheck"]["test"] == image.CONFIG["Healthcheck"]["Test"]
    assert service["ports"] == ["127.0.0.1:4010:4010"]
    deployment, exposed = yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8"))
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert f"{pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}" == image.CONFIG["User"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
    assert exposed["spec"]["selector"] == deployment["spec"]["selector"]["matchLabels"]


class Shared(NamedTuple):
    """What a manifest of two Ringbacks and one Valkey starts: the commands, and what is in their environment."""

    valkey: list[str]
    ringback: list[str]
    replicas: int
    environment: dict[str, str]


def _of_compose() -> Shared:
    services = yaml.safe_load((DEPLOY / "shared" / "compose.yaml").read_text(encoding="utf-8"))["services"]
    ours = [service for service in services.values() if service["image"] == "ringback"]
    assert all(one["command"] == ours[0]["command"] and one["read_only"] for one in ours)
    environment = {name: value for name, value in ours[0]["environment"].items() if not value.startswith("$")}
    return Shared(services["valkey"]["command"], ours[0]["command"], len(ours), environment)


def _of_kubernetes() -> Shared:
    nodes = yaml.safe_load_all((DEPLOY / "shared" / "kubernetes.yaml").read_text(encoding="utf-8"))
    found = {(node["kind"], node["metadata"]["name"]): node["spec"] for node in nodes}
    valkey, ringback = found["StatefulSet", "ringback-valkey"], found["Deployment", "ringback"]
    (store,), (ours,) = (one["template"]["spec"]["containers"] for one in (valkey, ringback))
    for one in (store, ours):
        assert one["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    address = next(word for word in ours["args"] if word.startswith("redis://"))
    ports = found["Service", "ringback-valkey"]["ports"]
    assert address == f"redis://ringback-valkey:{ports[0]['port']}/0"
    environment = {one["name"]: one["value"] for one in ours["env"] if "value" in one}
    return Shared(store["args"], ours["args"], ringback["replicas"], environment)


@pytest.mark.parametrize("manifest", [_of_compose, _of_kubernetes], ids=["compose", "kubernetes"])
def test_two_ringbacks_and_one_valkey_of_a_manifest_are_one_world(
    manifest: Callable[[], Shared], image: ModuleType, tmp_path: Path
) -> None:
    said, port = manifest(), free_port()
    assert (said.valkey[0], said.replicas) == ("valkey-server", 2)
    valkey = [redis_server(), *said.valkey[1:], "--port", str(port), "--bind", "127.0.0.1", "--dir", str(tmp_path)]
    ours = dict(one.split("=", 1) for one in image.CONFIG["Env"] if one.startswith("RINGBACK_"))
    # On loopback only, and at a port that is free here; all else is as the image and the manifest say.
    env = {
        **ours,
        **said.environment,
        "RINGBACK_HOST": "127.0.0.1",
        "RINGBACK_PORT": "0",
        "RINGBACK_CONTROL_TOKEN": "t",
    }
    command = [re.sub(r"(?<=redis://)[\w-]+:6379", f"127.0.0.1:{port}", word) for word in said.ringback]
    service = subprocess.Popen(valkey, stdout=subprocess.DEVNULL)
    servers = []
    try:
        until_answered(redis.Redis(port=port))
        servers = [
            subprocess.Popen(
                [*RINGBACK, *command, "--json"],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT, env={**os.environ, **env},
            )
            for _ in range(said.replicas)
        ]  # fmt: skip
        first, second = (json.loads(server.stdout.readline())["url"] for server in servers if server.stdout is not None)
        key = {"Authorization": "Bearer test_deployed"}
        made = requests.post(f"{first}{AGENTS}", json=agent("kept"), headers=key, timeout=10)
        assert made.status_code == 200
        servers[0].kill()
        assert "kept" in requests.get(f"{second}{AGENTS}", headers=key, timeout=10).text
        service.kill()
        service.wait(timeout=10)
        service = subprocess.Popen(valkey, stdout=subprocess.DEVNULL)
        until_answered(redis.Redis(port=port))
        probe = [*RINGBACK, *image.CONFIG["Healthcheck"]["Test"][-1:]]
        at = {**os.environ, "RINGBACK_PORT": str(urlsplit(second).port)}
        until = time.monotonic() + 20
        while subprocess.run(probe, env=at, cwd=ROOT, capture_output=True, timeout=30, check=False).returncode:
            assert time.monotonic() < until, "it is not ready again"
        assert "kept" in requests.get(f"{second}{AGENTS}", headers=key, timeout=10).text
        assert requests.get(f"{second}/_ringback/spaces", timeout=10).status_code == 401
        assert requests.get(
            f"{second}/_ringback/spaces", headers={"Authorization": "Bearer t"}, timeout=10
        ).status_code == 200  # fmt: skip
    finally:
        for server in servers:
            server.kill()
            server.communicate(timeout=10)
        service.kill()
        service.wait(timeout=10)


# Node


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node here")
def test_the_example_for_node_passes() -> None:
    command = {"RINGBACK_COMMAND": f"{sys.executable} -m mock_server"}
    done = subprocess.run(
        ["node", "--test", "docs/deploy/node/"],
        cwd=ROOT, env={**os.environ, **command}, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^# pass 3$", done.stdout, re.MULTILINE) or "pass 3" in done.stdout


@pytest.mark.skipif(shutil.which("javac") is None, reason="there is no Java here")
def test_the_example_for_java_compiles_and_runs(tmp_path: Path) -> None:
    sources = sorted((ROOT / "docs" / "deploy" / "java").glob("*.java"))
    subprocess.run(["javac", "--release", "11", "-d", tmp_path, *sources], check=True, timeout=200)
    command = {"RINGBACK_COMMAND": f"{sys.executable} -m mock_server"}
    done = subprocess.run(
        ["java", "-cp", tmp_path, "Example"],
        cwd=ROOT, env={**os.environ, **command}, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.stdout.split() == ["429", "429", "200", '{"count":3}'], done.stdout + done.stderr
