"""A client of the control API bound to one space, and raw sockets, for the tests of QA's desk."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests

from tests.conftest import Server


class Desk:
    """The control API as one tester uses it: every call is about the tester's own space."""

    def __init__(self, control: str, space: str, **headers: str) -> None:
        self.control = control
        self.space = space
        self.session = requests.Session()
        self.session.headers.update(headers)

    def call(self, method: str, path: str, **arguments: Any) -> requests.Response:
        return self.session.request(method, f"{self.control}{path}", timeout=20, **arguments)

    def get(self, path: str, /, **params: Any) -> Any:
        response = self.call("GET", path, params={"space": self.space, **params})
        assert response.status_code == 200, response.text
        return response.json()

    def rule(self, provider: str, operation: str, **more: Any) -> dict[str, Any]:
        """Writes a fault rule and returns it."""
        rule = {"space": self.space, "provider": provider, "operation": operation, **more}
        response = self.call("POST", "/faults", json=rule)
        assert response.status_code == 201, response.text
        found: dict[str, Any] = response.json()
        return found

    def refusal(self, **rule: Any) -> tuple[int, str]:
        """Writes a rule that must be refused; returns status and reason."""
        response = self.call("POST", "/faults", json={"space": self.space, **rule})
        assert response.headers["content-type"] == "application/problem+json", response.text
        return response.status_code, response.json()["detail"]

    def faults(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("/faults")["faults"]
        return found

    def requests(self, **params: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("/requests", **params)["requests"]
        return found

    def verify(self, **wanted: Any) -> dict[str, Any]:
        response = self.call("POST", "/requests/verify", json={"space": self.space, **wanted})
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    def put(self, path: str, body: Any) -> requests.Response:
        return self.call("PUT", path, params={"space": self.space}, json=body)

    def post(self, path: str, /, body: Any = None, **params: Any) -> requests.Response:
        return self.call("POST", path, params={"space": self.space, **params}, json=body)


def problem(response: requests.Response, status: int) -> dict[str, Any]:
    """The problem details of a refused control request."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert {"type", "title", "status", "detail"} <= set(body)
    assert body["status"] == status
    return body


def desk_of(server: Server, space: str) -> Desk:
    return Desk(server.control, space)


@contextmanager
def events(server: Server, query: str = "", **headers: str) -> Iterator[socket.socket]:
    """A socket that has asked for the event stream and read its head."""
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as reader:
        lines = [f"GET /_ringback/events{query} HTTP/1.1", f"Host: {address.netloc}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        reader.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        yield reader


def read_until(reader: socket.socket, wanted: bytes, count: int = 1) -> bytes:
    """What comes until `wanted` has come that often."""
    text = b""
    while text.count(wanted) < count:
        more = reader.recv(1 << 20)
        assert more, f"the stream ended: {text[-300:]!r}"
        text += more
    return text
