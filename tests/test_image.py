"""The image, built and run: small, without a shell, without rights, on a read-only file system, healthy by itself."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest
import requests

from tests.conftest import ROOT

_LACKING = [name for name in ("mmdebstrap", "podman", "runc") if shutil.which(name) is None]
pytestmark = [
    pytest.mark.skipif("RINGBACK_IMAGE" not in os.environ, reason="takes minutes and needs root: `make try-image`"),
    pytest.mark.long,
    pytest.mark.timeout(900),
]
MOST_BYTES = 60_000_000
ARCHITECTURES = ("amd64", "arm64")
HERE = {"aarch64": "arm64"}.get(platform.machine(), "amd64")
GUIDE = ROOT / "docs" / "guides" / "containers.md"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image for both processors, built once for all workers of pytest."""
    if _LACKING or os.geteuid() != 0:
        pytest.fail(f"root is needed, and {', '.join(_LACKING) or 'nothing more'}")
    folder = tmp_path_factory.getbasetemp().parent / "image"
    with open(tmp_path_factory.getbasetemp().parent / "image.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "layout" / "index.json").exists():
            _build(folder, *ARCHITECTURES)
    return folder


def _build(folder: Path, *architectures: str) -> None:
    subprocess.run([sys.executable, ROOT / ".ci" / "image.py", folder, *architectures], check=True, timeout=800)


def _manifests(built: Path) -> dict[str, str]:
    """The digest of the manifest of each processor."""
    index = json.loads((built / "layout" / "index.json").read_text(encoding="utf-8"))
    return {one["platform"]["architecture"]: one["digest"] for one in index["manifests"]}


class Podman:
    """podman with a storage of its own, as it works in a sandbox too: by runc, without systemd."""

    def __init__(self, folder: Path) -> None:
        settings = folder / "containers.conf"
        settings.write_text('[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]\n')
        self.environment = {**os.environ, "CONTAINERS_CONF": str(settings)}
        self.command = [
            # Its sockets' names are bounded in length.
            "podman", f"--root={folder / 'root'}", f"--runroot={mkdtemp(prefix='rb')}", "--storage-driver=vfs",
            "--runtime=runc", "--cgroup-manager=cgroupfs", "--events-backend=file",
        ]  # fmt: skip

    def __call__(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            [*self.command, *arguments],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            env=self.environment,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip() if done.returncode == 0 else ""


@pytest.fixture(scope="module")
def podman(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    podman = Podman(tmp_path_factory.mktemp("podman"))
    podman("pull", "--quiet", f"oci:{built}/layout:ringback-{HERE}")
    yield podman
    podman("rm", "--all", "--force", check=False)
    podman("rmi", "--all", "--force", check=False)


def _blob(built: Path, digest: str) -> Path:
    return built / "layout" / "blobs" / "sha256" / digest.partition(":")[2]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_it_is_small_and_has_neither_a_shell_nor_a_package_manager(built: Path, architecture: str) -> None:
    manifest = json.loads(_blob(built, _manifests(built)[architecture]).read_text(encoding="utf-8"))
    assert sum(layer["size"] for layer in manifest["layers"]) < MOST_BYTES
    with tarfile.open(_blob(built, manifest["layers"][0]["digest"])) as layer:
        names = {entry.name for entry in layer}
    programs = {name for name in names if name.startswith(("bin/", "sbin/", "usr/bin/", "usr/sbin/"))}
    assert programs == {"usr/bin/python3", "usr/bin/python3.11"}
    assert {"app/ringback/__init__.py", "app/mock_server/data/openapi/teli.yaml"} <= names
    assert not any(name.startswith(("app/hatchling", "app/pytest")) for name in names)
    machine = {"amd64": "x86_64", "arm64": "aarch64"}[architecture]
    libraries = [name for name in names if name.startswith("app/") and name.endswith(".so")]
    assert libraries
    assert all(machine in name for name in libraries if "-linux-gnu" in name)


@pytest.mark.proof
def test_the_same_inputs_make_the_same_bytes(built: Path, tmp_path: Path) -> None:
    _build(tmp_path, HERE)
    assert _manifests(tmp_path)[HERE] == _manifests(built)[HERE]


def test_it_serves_without_rights_on_a_read_only_file_system_and_says_that_it_is_healthy(podman: Podman) -> None:
    (image,) = podman("images", "--quiet").split()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    name = podman(
        "run", "--detach", "--read-only", "--tmpfs=/tmp", "--cap-drop=all", "--security-opt=no-new-privileges",
        "--network=host", f"--env=RINGBACK_PORT={port}",
        "--env=RINGBACK_CONTROL_TOKEN=secret", image,
    )  # fmt: skip
    url, ready = f"http://127.0.0.1:{port}", False
    until = time.monotonic() + 60
    while not ready and time.monotonic() < until:
        try:
            ready = requests.get(f"{url}/readyz", timeout=5).status_code == 200
        except requests.ConnectionError:
            time.sleep(0.1)
    assert ready, podman("logs", name)
    assert requests.get(f"{url}/teli/v1/organizations", headers={"X-API-Key": "test_i"}, timeout=10).status_code == 200
    for headers, status in (({}, 401), ({"Authorization": "Bearer secret"}, 200)):
        assert requests.get(f"{url}/_ringback/info", headers=headers, timeout=10).status_code == status
    podman("exec", name, "/usr/bin/python3", "-m", "ringback", "ready")
    who = podman("exec", name, "/usr/bin/python3", "-c", "import os; print(os.getuid(), os.access('/app', os.W_OK))")
    assert who == "10001 False"
    podman("stop", "--time=10", name)
    assert podman("inspect", "--format={{.State.ExitCode}}", name) == "0"


@pytest.fixture
def docker(podman: Podman, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a program that uses Docker: podman answers it, and knows the image as `ringback`."""
    podman("tag", podman("images", "--quiet").split()[0], "localhost/ringback:latest")
    address = f"unix://{tmp_path / 'podman.sock'}"
    service = subprocess.Popen([*podman.command, "system", "service", "--time=0", address], env=podman.environment)
    until = time.monotonic() + 30
    while not (tmp_path / "podman.sock").exists():
        assert service.poll() is None
        assert time.monotonic() < until
        time.sleep(0.05)
    yield {
        **podman.environment,
        "DOCKER_HOST": address,
        # What cleans up after a killed program is an image that has to be downloaded.
        "TESTCONTAINERS_RYUK_DISABLED": "true",
        "TESTCONTAINERS_HOST_OVERRIDE": "127.0.0.1",
        "TESTCONTAINERS_CONNECTION_MODE": "docker_host",
    }
    service.terminate()
    service.wait(timeout=10)


def _snippet(language: str, word: str) -> str:
    """The guide's code in that language that has the word, with the image under the name that podman gives it."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (found,) = [block for block in blocks if word in block]
    return found.replace('("ringback")', '("localhost/ringback")')


ASKS_IN_PYTHON = """
import urllib.request

class MyTeliClient:
    def __init__(self, url, key):
        asked = urllib.request.Request(url + "/v1/organizations", headers={"X-API-Key": key})
        print(urllib.request.urlopen(asked).status, key)

"""
ASKS_IN_NODE = """
const answer = await fetch(`${teli}/v1/organizations`, { headers: { "X-API-Key": "test_node" } });
console.log(answer.status);
await ringback.stop();
"""


def test_the_guide_s_python_starts_it_with_testcontainers(docker: dict[str, str], tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    quiet = ["--quiet", "--disable-pip-version-check"]
    subprocess.run([python, "-m", "pip", "install", *quiet, "testcontainers"], check=True, timeout=300)
    program = tmp_path / "program.py"
    program.write_text(ASKS_IN_PYTHON + _snippet("python", "RingbackContainer"), encoding="utf-8")
    path = {**docker, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([python, program], capture_output=True, text=True, check=False, timeout=200, env=path)
    assert done.stdout.startswith("200 test_"), done.stdout + done.stderr


def test_the_guide_s_javascript_starts_it_with_testcontainers(docker: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"private": true, "type": "module"}', encoding="utf-8")
    # Newer ones want a newer Node than Debian's and ours.
    install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "testcontainers@10"]
    subprocess.run(install, cwd=tmp_path, check=True, timeout=400)
    imports = 'import { GenericContainer, Wait } from "testcontainers";\n'
    (tmp_path / "program.js").write_text(imports + _snippet("js", "GenericContainer") + ASKS_IN_NODE, encoding="utf-8")
    done = subprocess.run(
        ["node", "program.js"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=200, env=docker
    )
    assert done.stdout == "200\n", done.stdout + done.stderr
