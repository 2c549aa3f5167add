"""A fuzzer of a running server: raw requests, control bodies and states, mutated with their structure in mind.

`fuzz(server, seconds, seed)` sends them and returns how many; the corpus beside this file is where mutation begins, and
what once did harm is kept there.
"""

from __future__ import annotations

import copy
import json
import random
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from tests.attack.sockets import connection_to
from tests.conftest import Server

AT_A_TIME = 4
PATIENCE_SECONDS = 0.25
"""For an answer; what waits for the rest of its body gets none."""

CORPUS = Path(__file__).with_name("corpus")
_ODD_VALUES: list[Any] = [
    None, True, 0, -1, 2**63, 2**70, 1e308, "", "x" * 3000, "\u0000\u202e", "+14155551234", [], {}, [[]], [None] * 50,
    {"a": {"a": {"a": 1}}}, "agent_abc123", "test_fuzz", "../..", "%00", {"": ""},
]  # fmt: skip
_ODD_NAMES = ("", "\u0000", "x" * 300, "__proto__", "\u202e", "id", "~notes", "a.b", "%00", "\ud83d")
_ODD_TEXTS = (
    b"", b"\x00", b"\xff\xfe", b"\r\n", b"\r\n\r\n", b"%", b"%zz", b"%ED%A0%80", b"..", b"//", b"?", b"&" * 50, b";",
       b"[" * 200, b'"', b"\\", b'"\\"', b"0" * 30, b"chunked", b"Content-Length: 5\r\n", b"Expect: 100-continue\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Prefer: code=500\r\n", b"Prefer: wait=0.01, example=x\r\n", b"HTTP/1.0",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"Host: api.teli.ai\r\n", b"Origin: null\r\n", b"__code=503", b"-1", b"1e999",
)  # fmt: skip


class Figures(NamedTuple):
    """What was sent: `requests` in all, how many answers came, and the seconds of the slowest connection."""

    requests: int
    answered: int
    slowest: float


def seeds() -> list[bytes]:
    """The requests of the corpus."""
    return [file.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for file in sorted(CORPUS.glob("*.http"))]


def fuzz(server: Server, seconds: float, seed: int) -> Figures:
    """Sends mutated requests for so long; raises AssertionError where the server does not answer as one.

    Several connections at a time, as most of their time is waiting; each has a chance of its own.
    """
    until = time.monotonic() + seconds
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        works = [pool.submit(_fuzz, server, until, random.Random(f"{seed}/{number}")) for number in range(AT_A_TIME)]
        done = [work.result() for work in works]
    return Figures(
        sum(one.requests for one in done), sum(one.answered for one in done), max(one.slowest for one in done)
    )


def _fuzz(server: Server, until: float, chance: random.Random) -> Figures:
    begun, count, answered, slowest = seeds(), 0, 0, 0.0
    while time.monotonic() < until:
        data = b"".join(mutated(chance.choice(begun), chance) for _ in range(chance.choice((1, 1, 1, 2, 20))))
        count += max(1, data.count(b" HTTP/1."))
        started = time.monotonic()
        received = exchanged(server, data, chance)
        slowest = max(slowest, time.monotonic() - started)
        answered += received.count(b"HTTP/1.")
        assert b"Traceback" not in received, data
        assert b"Ringback failed" not in received, data
    return Figures(count, answered, slowest)


def exchanged(server: Server, data: bytes, chance: random.Random) -> bytes:
    """What comes back for these bytes until the server says nothing more for a moment, or ends the connection."""
    received = b""
    with suppress(OSError), connection_to(server, 10) as connection:
        cut = chance.randrange(len(data) + 1) if chance.random() < 0.3 else 0
        connection.sendall(data[:cut] or data)
        if cut:
            connection.sendall(data[cut:])
        if chance.random() < 0.3:
            # Who half-closes may have gone: the server need not answer, and must not carry out half of anything.
            connection.shutdown(socket.SHUT_WR)
        connection.settimeout(PATIENCE_SECONDS)
        while part := connection.recv(65536):
            received += part
            connection.settimeout(0.002)
    return received


def mutated(request: bytes, chance: random.Random) -> bytes:
    """The request with its head or its JSON body changed; its length mostly told as it is."""
    head, _, body = request.partition(b"\r\n\r\n")
    if body and chance.random() < 0.6:
        body = _json_mutated(body, chance)
    if chance.random() < 0.5:
        head = _bytes_mutated(head, chance)
    if chance.random() < 0.2:
        body = _bytes_mutated(body, chance)
    if body and chance.random() < 0.9:
        if chance.random() < 0.2:
            head += b"\r\nTransfer-Encoding: chunked"
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        else:
            head += b"\r\nContent-Length: %d" % len(body)
    return head + b"\r\n\r\n" + body


def _bytes_mutated(data: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(data) + 1)
        kind = chance.randrange(4)
        if kind == 0:
            data = data[:at] + chance.choice(_ODD_TEXTS) + data[at:]
        elif kind == 1:
            data = data[:at] + data[at + chance.randint(1, 8) :]
        elif kind == 2:
            data = data[:at] + bytes((chance.randrange(256),)) + data[at + 1 :]
        else:
            data = data[:at] + data[max(0, at - chance.randint(1, 40)) : at] + data[at:]
    return data


def _json_mutated(body: bytes, chance: random.Random) -> bytes:
    try:
        document = json.loads(body)
    except ValueError:
        return body
    return json.dumps(changed(document, chance)).encode()


def changed(document: Any, chance: random.Random) -> Any:
    """The document with a few of its values replaced, taken out, or put in the place of others; it may be changed."""
    places = list(_places(document))
    for _ in range(chance.randint(1, 3)):
        if not places:
            break
        holder, name = chance.choice(places)
        with suppress(LookupError):
            what = chance.random()
            if what < 0.3:
                del holder[name]
            elif what < 0.5:
                other, at = chance.choice(places)
                holder[name] = copy.deepcopy(other[at])
            elif what < 0.55 and isinstance(holder, dict):
                holder[chance.choice(_ODD_NAMES)] = holder.pop(name)
            else:
                holder[name] = chance.choice(_ODD_VALUES)
    return document


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    pairs = list(node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ())
    for name, child in pairs:
        yield node, name
        yield from _places(child)
