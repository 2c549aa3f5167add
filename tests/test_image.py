"""The image, built and run: small, without a shell, without rights, on a read-only file system, healthy by itself."""

from __future__ import annotations

import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.conftest import ROOT

_LACKING = [name for name in ("mmdebstrap", "podman", "runc") if shutil.which(name) is None]
pytestmark = [
    pytest.mark.skipif("RINGBACK_IMAGE" not in os.environ, reason="takes a minute and needs root: `make try-image`"),
    pytest.mark.skipif(bool(_LACKING) or os.geteuid() != 0, reason=f"root is needed, and {', '.join(_LACKING)}"),
    pytest.mark.timeout(900),
]
MOST_BYTES = 60_000_000
HERE = {"aarch64": "arm64"}.get(platform.machine(), "amd64")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("image")
    subprocess.run([sys.executable, ROOT / ".ci" / "image.py", folder, HERE], check=True, timeout=600)
    return folder


class Podman:
    """podman with a storage of its own, as it works in a sandbox too: by runc, without systemd."""

    def __init__(self, folder: Path) -> None:
        self._command = [
            "podman", f"--root={folder / 'root'}", f"--runroot={folder / 'run'}", "--storage-driver=vfs",
            "--runtime=runc", "--cgroup-manager=cgroupfs", "--events-backend=file",
        ]  # fmt: skip

    def __call__(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run([*self._command, *arguments], capture_output=True, text=True, timeout=300, check=False)
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


def test_it_is_small_and_has_neither_a_shell_nor_a_package_manager(built: Path) -> None:
    index = json.loads((built / "layout" / "index.json").read_text(encoding="utf-8"))
    manifest = json.loads(_blob(built, index["manifests"][0]["digest"]).read_text(encoding="utf-8"))
    assert sum(layer["size"] for layer in manifest["layers"]) < MOST_BYTES
    with tarfile.open(_blob(built, manifest["layers"][0]["digest"])) as layer:
        names = {entry.name for entry in layer}
    programs = {name for name in names if name.startswith(("bin/", "sbin/", "usr/bin/", "usr/sbin/"))}
    assert programs == {"usr/bin/python3", "usr/bin/python3.11"}
    assert {"app/ringback/__init__.py", "app/mock_server/data/openapi/teli.yaml"} <= names
    assert not any(name.startswith(("app/hatchling", "app/pytest")) for name in names)


def test_it_serves_without_rights_on_a_read_only_file_system_and_says_that_it_is_healthy(podman: Podman) -> None:
    (image,) = podman("images", "--quiet").split()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    name = podman(
        "run", "--detach", "--read-only", "--tmpfs=/tmp", "--cap-drop=all", "--security-opt=no-new-privileges",
        "--ulimit=nofile=1024:1024", "--ulimit=nproc=4096:4096", "--network=host", f"--env=RINGBACK_PORT={port}",
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
