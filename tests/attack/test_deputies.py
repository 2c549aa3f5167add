"""A server that calls addresses is nobody's deputy: not at its own control API, and not for long anywhere."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
import requests

from tests.conftest import Server

Serve = Callable[..., Server]
DIAL = {"callAgentId": "61ccefdf-ea02-4f49-811b-1241f8e20d26", "toNumber": "+14155550123", "browserCall": True}


def dial(server: Server, key: str, url: str) -> None:
    headers, body = {"Authorization": f"Bearer {key}"}, {**DIAL, "webhookUrl": url}
    answer = requests.post(f"{server.origin('vogent')}/api/dials", json=body, headers=headers, timeout=10)
    assert answer.status_code == 200, answer.text


def deliveries(server: Server, key: str, seconds: float) -> list[dict[str, Any]]:
    """The deliveries of a space as soon as one is over, or after that time."""
    until = time.monotonic() + seconds
    while True:
        found = requests.get(f"{server.control}/deliveries", params={"space": key}, timeout=10)
        rows: list[dict[str, Any]] = found.json().get("deliveries", [])
        if any(row["state"] not in ("pending",) for row in rows) or time.monotonic() > until:
            return rows
        time.sleep(0.05)


@pytest.mark.parametrize("path", ["/_ringback/reset", "//_ringback/reset", "/_ringback/faults"])
def test_an_event_is_not_delivered_to_the_control_api(serve: Serve, path: str) -> None:
    """A page of any origin may place a call and name an address: it could reset every space so."""
    running = serve()
    mine = {"nickname": "mine"}
    url = f"{running.url}/teli/v1/voice/phone-numbers/+14155551234/update-agent"
    assert requests.post(url, json=mine, headers={"X-API-Key": "test_work"}, timeout=5).status_code == 200
    dial(running, "test_deputy", running.url + path)
    (first, *_) = deliveries(running, "test_deputy", 10)
    assert (first["state"], first["attempts"][0]["status"]) == ("failed", 403)
    kept = requests.get(f"{running.control}/state", params={"space": "test_work"}, timeout=5).text
    assert "mine" in kept


@pytest.fixture
def dripping() -> Iterator[str]:
    """The address of a receiver that says a line of its answer's head now and then, and comes to no end."""
    listening = socket.create_server(("127.0.0.1", 0))

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            for _ in range(80):
                connection.sendall(b"X-A: b\r\n")
                time.sleep(0.5)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(listening.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/x"
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()


def test_a_receiver_that_drips_keeps_a_thread_no_longer_than_its_time(serve: Serve, dripping: str) -> None:
    """Eight of them, as many as there are threads, once kept every delivery of everybody else."""
    running = serve()
    dial(running, "test_drip", dripping)
    rows = deliveries(running, "test_drip", 20)
    seconds = rows[0]["attempts"][0]["milliseconds"] / 1000
    assert rows[0]["state"] == "failed"
    assert seconds < 14, "Vogent's deliveries have ten seconds"
