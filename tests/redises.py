"""Real Redis servers of a test's own: one on a socket of its own, or a cluster of three on loopback."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
import redis

_READY_SECONDS = 15.0


def redis_server() -> str:
    """The program; where it is not installed a laptop skips the test, and CI fails."""
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found is None:
        assert not os.environ.get("CI"), "redis-server is missing, which .ci/run installs"
        pytest.skip("redis-server is not installed")
    return found


class Redis:
    """A server on a socket in `folder`; `durable` writes every change to a file before it is answered."""

    def __init__(self, folder: Path, *flags: str, durable: bool = False) -> None:
        self._folder = folder
        self._flags = [*flags, "--appendonly", "yes", "--appendfsync", "always"] if durable else list(flags)
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self.start()

    def start(self) -> None:
        """Starts it, again with what its file holds."""
        command = [redis_server(), "--port", "0", "--unixsocket", str(self.socket), "--save", ""]
        self.process = subprocess.Popen([*command, "--dir", str(self._folder), *self._flags], stdout=subprocess.DEVNULL)
        until_answered(self.client())

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.url)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=10)


class Cluster:
    """Three nodes that share all slots."""

    def __init__(self, folder: Path) -> None:
        program, nodes = redis_server(), []
        self.processes = []
        for index in range(3):
            home = folder / str(index)
            home.mkdir()
            port = free_port()
            command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(home)]
            cluster = ["--cluster-enabled", "yes", "--cluster-port", str(free_port()), "--protected-mode", "no"]
            self.processes.append(subprocess.Popen([*command, *cluster], stdout=subprocess.DEVNULL))
            nodes.append((redis.Redis(port=port), port, int(cluster[3])))
        for client, _, _ in nodes:
            until_answered(client)
        first = nodes[0][0]
        for index, (client, _, _) in enumerate(nodes):
            low, high = 16384 * index // 3, 16384 * (index + 1) // 3 - 1
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", low, high)
            client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", index + 1)
        for _, port, bus in nodes[1:]:
            first.execute_command("CLUSTER", "MEET", "127.0.0.1", port, bus)
        deadline = time.monotonic() + _READY_SECONDS
        while not all(_whole(client) for client, _, _ in nodes):
            assert time.monotonic() < deadline, "the cluster did not become one"
            time.sleep(0.05)
        self.url = f"redis+cluster://127.0.0.1:{nodes[0][1]}"
        self.clients = [client for client, _, _ in nodes]

    def kill(self) -> None:
        for process in self.processes:
            process.send_signal(signal.SIGKILL)
            process.wait(timeout=10)


def _whole(client: redis.Redis) -> bool:
    told = client.execute_command("CLUSTER INFO")
    told = told if isinstance(told, dict) else dict(line.split(":") for line in told.decode().split("\r\n") if line)
    return told["cluster_state"] == "ok" and told["cluster_known_nodes"] == "3"


def until_answered(client: redis.Redis) -> None:
    """Waits for a server that was just started."""
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        try:
            client.ping()
        except redis.RedisError:
            assert time.monotonic() < deadline, "the Redis did not start"
            time.sleep(0.01)
        else:
            return


def free_port() -> int:
    """A port of loopback at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
