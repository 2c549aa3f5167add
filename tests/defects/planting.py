"""How a defect is planted: in a behaviour, or at the mock's boundary in what an operation is asked and answers."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from mock_server.exchange import Behaviour, Service
from mock_server.messages import Answer, Call, Request, Response
from mock_server.stores import State

Plant = Callable[[Service], None]
Ask = Callable[[Request], Response]


@dataclass(frozen=True)
class Defect:
    """One defect: the vendor, the property that must find it, how it is planted, and the operation to look at first.

    `fail_on` says which statements must hold for it to break the check: where no page speaks, it is a note otherwise.
    `timeout_seconds` is as long as the check waits for an answer.
    """

    name: str
    provider: str
    property: str
    plant: Plant
    first: str = ""
    fail_on: str = "documented"
    timeout_seconds: float = 30.0


# --- at the boundary -------------------------------------------------------------------------------------


def boundary(change: Callable[[Request, Response, Ask], Response]) -> Plant:
    """Changes what goes over the wire: `change(request, response, ask)`; `ask` sends the mock another request."""

    def plant(service: Service) -> None:
        honest = service.exchange

        def exchange(request: Request) -> Response:
            return change(request, honest(request), honest)

        service.exchange = exchange  # type: ignore[method-assign]

    return plant


def asked(change: Callable[[Request], Request]) -> Plant:
    """Changes each request before the mock sees it."""

    def plant(service: Service) -> None:
        honest = service.exchange
        service.exchange = lambda request: honest(change(request))  # type: ignore[method-assign]

    return plant


def taken(method: str, other: str) -> Plant:
    """Takes one method for another, whatever the path."""
    return asked(lambda request: request._replace(method=other) if request.method == method else request)


def answered(method: str, path: str, wrong: int) -> Plant:
    """Answers a method of one path with another status."""

    def changed(request: Request, response: Response, ask: Ask) -> Response:
        return response._replace(status=wrong) if (request.method, request.path) == (method, path) else response

    return boundary(changed)


def removes(folder: str, kind: str, status: int = 405) -> Plant:
    """Removes a record by a DELETE below this path, which no operation documents, and answers this status."""

    def plant(service: Service) -> None:
        honest = service.exchange

        def exchange(request: Request) -> Response:
            response = honest(request)
            above, _, key = request.path.rpartition("/")
            space = service.spaces.name_of(service._key(request))
            if request.method != "DELETE" or above != folder or space is None:
                return response
            with service.spaces.store.transaction(space) as transaction:
                State(transaction, service.spec.provider, service.spec.records).delete(kind, key)
            return response._replace(status=status)

        service.exchange = exchange  # type: ignore[method-assign]

    return plant


def of(response: Response, operation: str, status: int | None = None) -> bool:
    """Whether a response is that operation's, with that status if one is given."""
    mine = dict(response.headers).get("x-ringback-operation") == operation
    return mine and (status is None or response.status == status)


def answer(operation: str, change: Callable[[Any], Any], *, status: int | None = None) -> Plant:
    """Changes the JSON body of an operation's answers (those of one status, if given); `change` may edit in place."""

    def changed(request: Request, response: Response, ask: Ask) -> Response:
        if not of(response, operation, status):
            return response
        body = json.loads(response.body)
        result = change(body)
        return response._replace(body=json.dumps(body if result is None else result).encode())

    return boundary(changed)


def put(operation: str, status: int = 200, **values: Any) -> Plant:
    """Answers these values whatever the operation says."""
    return answer(operation, lambda body: body.update(values), status=status)


def drop(operation: str, name: str, *, status: int = 200) -> Plant:
    """Leaves a key out of an operation's answers."""
    return answer(operation, lambda body: {key: body[key] for key in body if key != name}, status=status)


def renamed(operation: str, old: str, new: str, *, status: int = 200) -> Plant:
    """Answers a key under another name."""
    return answer(operation, lambda body: {new if key == old else key: body[key] for key in body}, status=status)


def text(operation: str, old: str, new: str, *, status: int | None = None) -> Plant:
    """Writes one text in place of another wherever the encoded answer has it."""

    def changed(request: Request, response: Response, ask: Ask) -> Response:
        if not of(response, operation, status):
            return response
        return response._replace(body=response.body.replace(old.encode(), new.encode()))

    return boundary(changed)


def rows(operation: str, at: str | None, change: Callable[[list[Any]], list[Any]], *, count: bool = False) -> Plant:
    """Changes the rows of a list that stand at a key of the answer, or are the whole of it; `count` follows them."""

    def changed(body: Any) -> Any:
        if at is None:
            return change(body)
        body[at] = change(body[at])
        if count:
            body["count"] = len(body[at])
        return body

    return answer(operation, changed, status=200)


def status(operation: str, honest: int, wrong: int) -> Plant:
    """Answers one status in place of another."""

    def changed(request: Request, response: Response, ask: Ask) -> Response:
        return response._replace(status=wrong) if of(response, operation, honest) else response

    return boundary(changed)


def answer_status(operation: str, wrong: Callable[[Any], int]) -> Plant:
    """Answers a status that is made of the body."""

    def changed(request: Request, response: Response, ask: Ask) -> Response:
        return response._replace(status=wrong(json.loads(response.body))) if of(response, operation, 200) else response

    return boundary(changed)


def media_type(operation: str, wrong: str | None) -> Plant:
    """Answers with another Content-Type, or with none."""

    def changed(request: Request, response: Response, ask: Ask) -> Response:
        if not of(response, operation):
            return response
        headers = [(name, value) for name, value in response.headers if name.lower() != "content-type"]
        return response._replace(headers=(*headers, *([("content-type", wrong)] if wrong else [])))

    return boundary(changed)


def lenient(operation: str, honest: int, body: Callable[[Any], Any]) -> Plant:
    """Accepts what it should refuse: a refused request is made again with another body, made of the one sent."""

    def changed(request: Request, response: Response, ask: Ask) -> Response:
        if not of(response, operation, honest) or not request.body:
            return response
        try:
            sent = json.loads(request.body)
        except ValueError:
            sent = {}
        other = ask(request._replace(body=json.dumps(body(sent if isinstance(sent, dict) else {})).encode()))
        return other if other.status < 300 else response

    return boundary(changed)


def careless(operation: str, method: str, path: str, body: Any) -> Plant:
    """Changes something although it refuses: a refused request of the operation brings about this other one."""

    def changed(request: Request, response: Response, ask: Ask) -> Response:
        if of(response, operation) and response.status >= 400 and response.status != 401:
            ask(request._replace(method=method, path=path, query="", body=json.dumps(body).encode()))
        return response

    return boundary(changed)


def remembers(operation: str, shown: str, at: str, change: Callable[[dict[str, Any], int], Any]) -> Plant:
    """Refuses a request, and shows that key the rows of a list otherwise after each; they stand at a key of it."""
    refused: Counter[str | None] = Counter()

    def changed(request: Request, response: Response, ask: Ask) -> Response:
        key = request.headers.get("authorization")
        if of(response, operation) and response.status >= 400 and response.status != 401:
            refused[key] += 1
        if not of(response, shown, 200) or not refused[key]:
            return response
        body = json.loads(response.body)
        for row in body[at]:
            change(row, refused[key])
        return response._replace(body=json.dumps(body).encode())

    return boundary(changed)


def crash(operation: str) -> Plant:
    """Answers a body that is no JSON with a server error and a traceback."""

    def changed(request: Request, response: Response, ask: Ask) -> Response:
        if not of(response, operation) or not request.body:
            return response
        try:
            json.loads(request.body)
        except ValueError:
            trace = b"Traceback (most recent call last):\n  File app.py, line 1\njson.JSONDecodeError"
            return response._replace(status=500, body=trace, headers=(("content-type", "text/plain"),))
        return response

    return boundary(changed)


def any_key(header: str, known: str, *, missing_only: bool = False) -> Plant:
    """Takes every key for a known one, or the lack of one."""

    def changed(request: Request, response: Response, ask: Ask) -> Response:
        if response.status != 401 or (missing_only and header in request.headers):
            return response
        return ask(request._replace(headers={**request.headers, header: known}))

    return boundary(changed)


def among_accounts(header: str, change: Callable[[Request, Response, Callable[[], Response]], Response]) -> Plant:
    """Changes what a key gets that has not made the newest record: `change(request, response, theirs)`.

    `theirs` asks the same with the key that made it.
    """
    makers: list[str] = []

    def changed(request: Request, response: Response, ask: Ask) -> Response:
        key = request.headers.get(header, "")
        if request.method == "POST" and response.status < 300:
            makers[:] = [key]
        if key in makers or not makers:
            return response
        return change(request, response, lambda: ask(request._replace(headers={**request.headers, header: makers[0]})))

    return boundary(changed)


def lets_in(method: str, header: str, *, secretly: bool = False) -> Plant:
    """Does for a key of another account what its own key may do, and answers so or (`secretly`) refuses it."""

    def changed(request: Request, response: Response, theirs: Callable[[], Response]) -> Response:
        if request.method != method or response.status < 400 or response.status == 401:
            return response
        done = theirs()
        return done if done.status < 300 and not secretly else response

    return among_accounts(header, changed)


def lists_all(operation: str, at: str | None, header: str) -> Plant:
    """Lists the rows of another account too; they stand at a key of the answer, or are the whole of it."""

    def changed(request: Request, response: Response, theirs: Callable[[], Response]) -> Response:
        if not of(response, operation, 200):
            return response
        body, more = json.loads(response.body), json.loads(theirs().body)
        rows, others = (body, more) if at is None else (body[at], more[at])
        rows += [row for row in others if row not in rows]
        return response._replace(body=json.dumps(body).encode())

    return among_accounts(header, changed)


@dataclass(frozen=True)
class Front:
    """A defect of what stands before the mock: `change` rewrites the path as it is encoded on the wire."""

    change: Callable[[str], str]

    def __call__(self, service: Service) -> None:
        """Nothing is planted in the mock itself."""


@dataclass(frozen=True)
class Crowd(Front):
    """A defect that shows only when two requests meet: `meet` is asked for the answers to both, in the order they came.

    A request that `method` and `path` (a regular expression) name is held until another one comes, or nobody does.
    """

    method: str = "PUT"
    path: str = ".*"
    meet: str = "swap"
    """`swap` gives each the other's answer; `lose` and `repeat` never pass the second on, and give it the first's."""

    def holds(self, method: str, path: str) -> bool:
        """Whether such a request is held."""
        return method == self.method and re.fullmatch(self.path, path) is not None


def crowd(method: str, path: str, meet: str) -> Crowd:
    """A server that gets two requests mixed up when they come at the same time."""
    return Crowd(lambda path: path, method, path, meet)


@dataclass(frozen=True)
class Stalling(Front):
    """A defect of one kind of request: it is answered only after some seconds, or not at all (0), whatever it is."""

    method: str = "GET"
    path: str = ".*"
    seconds: float = 0.0

    def stalls(self, method: str, path: str) -> bool:
        """Whether such a request is left waiting."""
        return method == self.method and re.fullmatch(f"/[^/]+{self.path}", path) is not None


def stalling(method: str, path: str, seconds: float = 0.0) -> Stalling:
    """A server that leaves one kind of request waiting, or without an answer."""
    return Stalling(lambda path: path, method, path, seconds)


@dataclass(frozen=True)
class Mangling(Front):
    """A defect of the bytes of one kind of answer; `how` is one of `WAYS`."""

    method: str = "GET"
    path: str = ".*"
    how: str = "short"

    WAYS = ("short", "long", "unpacked", "chunks")
    """Shorter or longer than its head says, said to be compressed and not so, cut in pieces of a wrong length."""

    def mangles(self, method: str, path: str) -> bool:
        """Whether the answer to such a request is mangled."""
        return method == self.method and re.fullmatch(f"/[^/]+{self.path}", path) is not None

    def written(self, content: bytes) -> tuple[list[tuple[str, str]], bytes]:
        """The headers about the body, and what stands behind the head."""
        match self.how:
            case "short":
                return [("Content-Length", str(len(content) + 7))], content
            case "long":
                return [("Content-Length", str(len(content) - 2))], content
            case "unpacked":
                return [("Content-Encoding", "gzip"), ("Content-Length", str(len(content)))], content
            case _:
                return [
                    ("Transfer-Encoding", "chunked")
                ], f"{len(content) + 9:x}\r\n".encode() + content + b"\r\n0\r\n\r\n"


def mangling(method: str, path: str, how: str) -> Mangling:
    """A server that writes one kind of answer wrongly."""
    return Mangling(lambda path: path, method, path, how)


UNDECODED = Front(lambda path: path.replace("%", "%25"))
"""Percent-encoding is not undone, so that only a path as the pages write it is understood."""


# --- in a behaviour --------------------------------------------------------------------------------------


def behaviour(operation: str, change: Callable[[Call, State, Behaviour], Answer]) -> Plant:
    """Puts another function in the place of a behaviour: `change(call, state, honest)`."""

    def plant(service: Service) -> None:
        honest = service.behaviours[operation]
        table = dict(service.behaviours)
        table[operation] = lambda call, state: change(call, state, honest)
        service.behaviours = table

    return plant


def sees(operation: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Plant:
    """The behaviour sees another body than the one that was sent."""
    return behaviour(operation, lambda call, state, honest: honest(call._replace(body=change(dict(call.body))), state))


def forgets(operation: str, kind: str, *fields: str, key: str = "id") -> Plant:
    """The answer is right, but the record keeps the old value of these fields (of all, when none is named)."""

    def changed(call: Call, state: State, honest: Behaviour) -> Answer:
        before = {record_key(row, state, kind): row for row in state.all(kind)}
        said = honest(call, state)
        for row in list(state.all(kind)):
            old = before.get(record_key(row, state, kind))
            if old is not None and old != row:
                state.put(kind, old if not fields else {**row, **{name: old.get(name) for name in fields}})
        return said

    return behaviour(operation, changed)


def keeps_links(operation: str, kind: str) -> Plant:
    """Deletes, and leaves what refers to the deleted record as it was."""

    def changed(call: Call, state: State, honest: Behaviour) -> Answer:
        before = list(state.all(kind))
        said = honest(call, state)
        for row in before:
            state.put(kind, row)
        return said

    return behaviour(operation, changed)


def afterwards(operation: str, change: Callable[[Call, State, Answer], Any]) -> Plant:
    """Does something more once the behaviour has done its work."""

    def changed(call: Call, state: State, honest: Behaviour) -> Answer:
        said = honest(call, state)
        change(call, state, said)
        return said

    return behaviour(operation, changed)


def edits(operation: str, kind: str, change: Callable[[Call, dict[str, Any]], Any], *, mine: bool = True) -> Plant:
    """Edits the records that the behaviour wrote or was told to (`mine`), or else all the others of that kind."""

    def changed(call: Call, state: State, honest: Behaviour) -> Answer:
        before = list(state.all(kind))
        said = honest(call, state)
        for row in list(state.all(kind)):
            written = row not in before or any(value in row.values() for value in call.path.values())
            if written == mine:
                change(call, row)
                state.put(kind, row)
        return said

    return behaviour(operation, changed)


def record_key(row: dict[str, Any], state: State, kind: str) -> str:
    """The key under which a record is kept."""
    return str(row[state._shapes[kind].key])


def field(operation: str, name: str, change: Callable[[Any], Any]) -> Plant:
    """Keeps another value of one field of the body than the one that was sent; `change` sees it wherever it is sent."""
    return sees(operation, lambda body: {**body, name: change(body[name])} if body.get(name) is not None else body)


def refuses(operation: str, method: str, wanted: Callable[[Any], bool], status: int, said: Any) -> Plant:
    """Refuses a request that it should take, with a documented status: `wanted` sees the body, nothing is changed."""

    def plant(service: Service) -> None:
        honest = service.exchange
        pattern = re.compile(re.sub(r"\{[^}]+\}", "[^/]+", service.spec.operations[operation].path))

        def exchange(request: Request) -> Response:
            mine = request.method == method and pattern.fullmatch(request.path) is not None
            try:
                body = json.loads(request.body) if mine and request.body else None
            except ValueError:
                body = None
            if not isinstance(body, dict) or not wanted(body):
                return honest(request)
            response = honest(request._replace(body=b'{"'))
            return response._replace(status=status, body=json.dumps(said).encode())

        service.exchange = exchange  # type: ignore[method-assign]

    return plant


def keeps_some(operation: str, *names: str, required: tuple[str, ...] = ()) -> Plant:
    """Keeps these fields of a request that it refuses."""

    def changed(request: Request, response: Response, ask: Ask) -> Response:
        if not of(response, operation) or response.status < 400 or response.status == 401:
            return response
        try:
            sent = json.loads(request.body or b"")
        except ValueError:
            return response
        if isinstance(sent, dict) and any(name in sent for name in names):
            kept = {name: sent[name] for name in (*names, *required) if name in sent}
            ask(request._replace(body=json.dumps(kept).encode()))
        return response

    return boundary(changed)


def overlooks(operation: str, name: str, wrong: Callable[[Any], bool]) -> Plant:
    """Takes a request with a wrong value in one field, and does the rest of it."""

    def changed(request: Request, response: Response, ask: Ask) -> Response:
        if not of(response, operation) or response.status < 400 or response.status == 401:
            return response
        try:
            sent = json.loads(request.body or b"")
        except ValueError:
            return response
        if not isinstance(sent, dict) or name not in sent or not wrong(sent[name]):
            return response
        other = ask(request._replace(body=json.dumps({k: v for k, v in sent.items() if k != name}).encode()))
        return other if other.status < 300 else response

    return boundary(changed)


def takes_for(method: str, folder: str, key: str, other: str) -> Plant:
    """Takes one record of a folder for another, whatever is done with it."""

    def changed(request: Request) -> Request:
        path = unquote(request.path)
        mine = request.method == method and (path == f"{folder}/{key}" or path.startswith(f"{folder}/{key}/"))
        return request._replace(path=path.replace(key, other, 1)) if mine else request

    return asked(changed)
