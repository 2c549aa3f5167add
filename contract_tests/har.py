"""Recordings: HAR 1.2 out and in, with every secret masked in headers and bodies before it is kept."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from contract_tests.transport import MASK, Exchange, Reply, reply_of
from mock_server import __version__
from mock_server.messages import Json
from mock_server.spec import Spec, WireRequest

_SECRET_HEADERS = frozenset(("authorization", "cookie", "set-cookie", "x-api-key", "proxy-authorization"))


class BadRecording(Exception):
    """A file that is no recording; the text says what is wrong with it."""


class Recorded(NamedTuple):
    """One recorded exchange: the vendor it belongs to, the request under the vendor's own path, and the reply."""

    provider: str
    request: WireRequest
    reply: Reply


def secret_names(specs: Iterable[Spec]) -> frozenset[str]:
    """The names of the body properties that hold secrets (`x-secret`), of all these vendors."""
    return frozenset(
        path.rpartition(".")[2]
        for spec in specs
        for operation in spec.operations.values()
        for path in operation.body_secrets
    )


def document(exchanges: Iterable[Exchange], keys: Iterable[str], names: frozenset[str]) -> dict[str, Any]:
    """The exchanges as HAR 1.2; `keys` are masked wherever they stand, and the values of properties named `names`."""
    mask = _Mask([key for key in keys if key], names)
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "ringback", "version": __version__},
            "entries": [_entry(exchange, mask) for exchange in exchanges],
        }
    }


def write(file: Path, exchanges: Iterable[Exchange], keys: Iterable[str], specs: Iterable[Spec]) -> None:
    har = document(exchanges, keys, secret_names(specs))
    file.write_text(json.dumps(har, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


class _Mask:
    def __init__(self, keys: list[str], names: frozenset[str]) -> None:
        self._keys = sorted(keys, key=len, reverse=True)
        self._names = names

    def text(self, text: str) -> str:
        for key in self._keys:
            text = text.replace(key, MASK)
        return text

    def body(self, body: bytes | None) -> str:
        text = (body or b"").decode("utf-8", "replace")
        try:
            return self.text(json.dumps(self._node(json.loads(text)), ensure_ascii=False))
        except ValueError:
            return self.text(text)

    def _node(self, node: Json) -> Json:
        if isinstance(node, dict):
            return {name: MASK if name in self._names else self._node(child) for name, child in node.items()}
        return [self._node(child) for child in node] if isinstance(node, list) else node

    def headers(self, headers: Mapping[str, str]) -> list[dict[str, str]]:
        return [
            {"name": name, "value": MASK if name.lower() in _SECRET_HEADERS else self.text(value)}
            for name, value in headers.items()
        ]


def _entry(exchange: Exchange, mask: _Mask) -> dict[str, Any]:
    request, reply = exchange.request, exchange.reply
    url = mask.text(exchange.origin + request.target)
    entry: dict[str, Any] = {
        "startedDateTime": datetime.fromtimestamp(exchange.at, UTC).isoformat(),
        "time": round(exchange.seconds * 1000, 3),
        "request": {
            "method": request.method,
            "url": url,
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": mask.headers(request.headers),
            "queryString": [{"name": n, "value": mask.text(v)} for n, v in parse_qsl(request.query)],
            "headersSize": -1,
            "bodySize": len(request.body or b""),
        },
        "response": {
            "status": reply.status,
            "statusText": "",
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": mask.headers(reply.headers),
            "content": {"size": len(reply.body), "mimeType": reply.media_type, "text": mask.body(reply.body)},
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": len(reply.body),
        },
        "cache": {},
        "timings": {"send": 0, "wait": round(exchange.seconds * 1000, 3), "receive": 0},
    }
    if request.body is not None:
        entry["request"]["postData"] = {"mimeType": "application/json", "text": mask.body(request.body)}
    return entry


def read(file: Path, specs: Mapping[str, Spec]) -> Iterator[Recorded]:
    """The recorded exchanges of known vendors, in their order; raises BadRecording for a file that is no HAR.

    An exchange belongs to the vendor whose host it names, or whose name its path begins with (as on Ringback),
    or that alone knows its path.
    """
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))["log"]["entries"]
    except OSError as error:
        raise BadRecording(f"{file}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise BadRecording(f"{file}: is no HAR: an object with log.entries is needed") from None
    for index, entry in enumerate(entries):
        try:
            found = _recorded(entry, specs)
        except (KeyError, TypeError, ValueError) as error:
            raise BadRecording(f"{file}: entry {index} is broken: {type(error).__name__} {error}") from None
        if found is not None:
            yield found


def _recorded(entry: dict[str, Any], specs: Mapping[str, Spec]) -> Recorded | None:
    request, response = entry["request"], entry["response"]
    parts = urlsplit(request["url"])
    found = _owner(parts.netloc.lower(), parts.path, specs)
    if found is None:
        return None
    provider, path = found
    headers = {header["name"]: header["value"] for header in request["headers"]}
    text = (request.get("postData") or {}).get("text")
    body = text.encode() if text is not None else None
    content = (response["content"].get("text") or "").encode()
    shown = {header["name"].lower(): header["value"] for header in response["headers"]}
    shown.setdefault("content-type", response["content"].get("mimeType", ""))
    wire = WireRequest(request["method"], path, parts.query, headers, body)
    return Recorded(provider, wire, reply_of(response["status"], shown, content))


def _owner(host: str, path: str, specs: Mapping[str, Spec]) -> tuple[str, str] | None:
    for name, spec in specs.items():
        if host == spec.host:
            return name, path
    first, _, rest = path.lstrip("/").partition("/")
    if first in specs:
        return first, f"/{rest}"
    from mock_server.spec import Router

    knowing = [name for name, spec in specs.items() if Router(spec.operations.values()).match("OPTIONS", path)]
    return (knowing[0], path) if len(knowing) == 1 else None
