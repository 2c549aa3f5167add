"""How a defect is planted: in a behaviour, or at the mock's boundary in what an operation answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mock_server.exchange import Behaviour, Service
from mock_server.messages import Answer, Call, Request, Response
from mock_server.stores import State

Plant = Callable[[Service], None]


@dataclass(frozen=True)
class Defect:
    """One defect: the vendor, the property that must find it, and how it is planted."""

    name: str
    provider: str
    property: str
    plant: Plant


def boundary(change: Callable[[Request, Response, Callable[[Request], Response]], Response]) -> Plant:
    """Changes what goes over the wire: `change(request, response, ask)`; `ask` sends the mock another request."""

    def plant(service: Service) -> None:
        honest = service.exchange

        def exchange(request: Request) -> Response:
            return change(request, honest(request), honest)

        service.exchange = exchange  # type: ignore[method-assign]

    return plant


def answer(operation: str, change: Callable[[Any], Any], *, status: int | None = None) -> Plant:
    """Changes the JSON body of an operation's answers (those of one status, if given); `change` may edit in place."""

    def changed(request: Request, response: Response, ask: Callable[[Request], Response]) -> Response:
        if dict(response.headers).get("x-ringback-operation") != operation:
            return response
        if status is not None and response.status != status:
            return response
        body = json.loads(response.body)
        result = change(body)
        return response._replace(body=json.dumps(body if result is None else result).encode())

    return boundary(changed)


def status(operation: str, honest: int, wrong: int) -> Plant:
    """Answers one status in place of another."""

    def changed(request: Request, response: Response, ask: Callable[[Request], Response]) -> Response:
        if dict(response.headers).get("x-ringback-operation") == operation and response.status == honest:
            return response._replace(status=wrong)
        return response

    return boundary(changed)


def behaviour(operation: str, change: Callable[[Call, State, Behaviour], Answer]) -> Plant:
    """Puts another function in the place of a behaviour: `change(call, state, honest)`."""

    def plant(service: Service) -> None:
        honest = service.behaviours[operation]
        table = dict(service.behaviours)
        table[operation] = lambda call, state: change(call, state, honest)
        service.behaviours = table

    return plant


def rename(body: Any, old: str, new: str) -> None:
    """Renames a key of a JSON object."""
    if old in body:
        body[new] = body.pop(old)
