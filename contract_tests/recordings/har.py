"""Recordings: HAR 1.2 out and in, with every secret masked in headers and bodies before it is kept."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from contract_tests.endpoint.transport import MASK, Exchange, Reply, reply_of
from contract_tests.recordings.masking import Mask, secret_names
from contract_tests.words.findings import printable, show
from contract_tests.words.secrets.keys import NONE, OWN, WRONG, KeyKinds
from mock_server import __version__
from mock_server.spec import Router, Spec, WireRequest

LARGEST_BYTES = 512 << 20
LONGEST_MILLISECONDS = 86_400_000
"""What is told to have taken longer is not believed."""

__all__ = ["MASK", "BadRecording", "Recorded", "Recording", "document", "entry", "read", "text"]


class BadRecording(Exception):
    """A file that is no recording; the text says what is wrong with it."""


class Recorded(NamedTuple):
    """One recorded exchange: the vendor it belongs to, the request under the vendor's own path, and the reply.

    `entry` is its index in the file. `key` is own, other, wrong or none; `space` tells the keys of one kind apart, and
    `alone` that nobody else used this one. `stripped` says that the recording may have lost the key. `began` and
    `ended` are seconds since 1970, both 0 where the recording does not tell.
    """

    provider: str
    request: WireRequest
    reply: Reply
    entry: int
    origin: str
    key: str
    space: int
    alone: bool
    stripped: bool
    began: float = 0.0
    ended: float = 0.0

    @property
    def day(self) -> str:
        """The day on which it was made, empty where the recording does not tell."""
        try:
            return datetime.fromtimestamp(self.began, UTC).date().isoformat() if self.began else ""
        except (ValueError, OverflowError, OSError):
            return ""

    def header(self, name: str) -> str | None:
        """The value of a header of the request, however its name is written."""
        return next((value for known, value in self.request.headers.items() if known.lower() == name.lower()), None)


@dataclass
class Recording:
    """The exchanges of known vendors in their order, and how many others there are."""

    file: Path
    exchanges: list[Recorded] = field(default_factory=list)
    elsewhere: int = 0
    unanswered: int = 0
    label: str = ""
    """What its entries are called by, where there are several recordings."""

    def __iter__(self) -> Iterator[Recorded]:
        return iter(self.exchanges)

    @property
    def providers(self) -> list[str]:
        """The vendors that it has exchanges of, in alphabetical order."""
        return sorted({one.provider for one in self.exchanges})


# --- out -------------------------------------------------------------------------------------------------


def document(
    exchanges: Iterable[Exchange], keys: Iterable[str], names: frozenset[str], kinds: KeyKinds | None = None
) -> dict[str, Any]:
    """The exchanges as HAR 1.2; `keys` are masked wherever they stand, and the values of properties named `names`."""
    mask = Mask(keys, names)
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "ringback", "version": __version__},
            "entries": [written(exchange, mask, kinds) for exchange in exchanges],
        }
    }


def text(exchanges: Iterable[Exchange], keys: Iterable[str], specs: Iterable[Spec], others: Iterable[str] = ()) -> str:
    """The file's text; `others` are what stands for the keys of other accounts."""
    specs = list(specs)
    har = document(exchanges, keys, secret_names(specs), KeyKinds(specs, others))
    return json.dumps(har, indent=1, ensure_ascii=False) + "\n"


def written(exchange: Exchange, mask: Mask, kinds: KeyKinds | None) -> dict[str, Any]:
    """One exchange as an entry of a HAR, masked."""
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
    if kinds is not None:
        # What reading needs and the masked file does not tell: which key it was, and where the vendor's path begins.
        key = kinds.of(request.headers)
        prefix = urlsplit(exchange.origin).path
        entry["_ringback"] = {"key": key.kind, "space": key.space, "alone": key.alone, "prefix": prefix}
    return entry


# --- in --------------------------------------------------------------------------------------------------


def read(file: Path, specs: Mapping[str, Spec], wanted: Iterable[str] = ()) -> Recording:
    """What was recorded of known vendors (of the `wanted` ones, if any are named); BadRecording for what is no HAR.

    An exchange belongs to the vendor whose host it names, or whose name its path begins with (as on Ringback),
    or that alone of the wanted ones knows its path.
    """
    entries = _entries(file)
    reader = _Reader(specs, list(wanted) or list(specs))
    recording = Recording(file)
    for index, entry in enumerate(entries):
        try:
            found = reader.recorded(index, entry)
            answered = bool(entry["response"]["status"])
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
            what = f"lacks {error}" if isinstance(error, KeyError) else printable(str(error)[:200])
            raise BadRecording(f"{file}: entry {index} is broken: {what}") from None
        if found is None:
            recording.elsewhere += 1
        elif not answered:
            recording.unanswered += 1  # A browser writes status 0 for what was blocked or given up.
        else:
            recording.exchanges.append(found)
    recording.exchanges = [reader.judged_by_its_fate(one) for one in recording.exchanges]
    return recording


def _entries(file: Path) -> list[Any]:
    try:
        with file.open("rb") as handle:
            content = handle.read(LARGEST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise BadRecording(f"{file}: {getattr(error, 'strerror', None) or error}") from None
    if len(content) > LARGEST_BYTES:
        raise BadRecording(f"{file}: is larger than {LARGEST_BYTES >> 20} MiB")
    try:
        entries = json.loads(content.decode("utf-8-sig"))["log"]["entries"]
    except (ValueError, KeyError, TypeError, RecursionError):
        entries = None
    if not isinstance(entries, list):
        raise BadRecording(f"{file}: is no HAR: an object with log.entries is needed")
    return entries


@contextmanager
def entry(file: Path, number: int) -> Iterator[None]:
    """Within it, what cannot be done with an entry of a recording is told as BadRecording, with its number."""
    try:
        yield
    except (BadRecording, KeyboardInterrupt):
        raise
    except Exception as error:
        what = f"{type(error).__name__}: {printable(str(error)[:200])}"
        raise BadRecording(f"{file}: entry {number} cannot be used: {what}") from error


def _text(node: Any, name: str, default: str | None = None) -> str:
    """The text under a name; ValueError for what is none."""
    value = node[name] if default is None else node.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise ValueError(f"{name} is {show(value)}, and no text")
    return value


def _headers(node: Any) -> dict[str, str]:
    """The headers of a request or response; of several of one name the last."""
    found = {}
    for one in node.get("headers") or ():
        name = _text(one, "name")
        if name[:1] != ":":
            found[name] = _text(one, "value", "")
    return found


def _status(node: Any) -> int:
    status = node["status"]
    if isinstance(status, bool) or not isinstance(status, int | float) or not 0 <= status <= 999:
        raise ValueError(f"status {show(status)} is none of HTTP")
    return int(status)


def _times(entry: Mapping[str, Any]) -> tuple[float, float]:
    """When an exchange began and ended; both 0 where that is not told."""
    began, took = entry.get("startedDateTime"), entry.get("time")
    if not isinstance(began, str) or isinstance(took, bool) or not isinstance(took, int | float):
        return 0.0, 0.0
    if not 0 <= took <= LONGEST_MILLISECONDS:
        return 0.0, 0.0
    try:
        seconds = datetime.fromisoformat(began).timestamp()
        return seconds, seconds + took / 1000
    except (ValueError, OverflowError, OSError):
        return 0.0, 0.0


class _Reader:
    def __init__(self, specs: Mapping[str, Spec], wanted: list[str]) -> None:
        self._specs = specs
        self._wanted = wanted
        self._kinds = KeyKinds(specs.values())
        self._worked: set[int] = set()
        self._routers = {name: Router(specs[name].operations.values()) for name in wanted}
        self._hosts = {spec.host: (name, "") for name, spec in specs.items()}
        for name, spec in specs.items():
            for host, base in spec.other_servers:
                self._hosts.setdefault(host, (name, base))

    def recorded(self, index: int, entry: dict[str, Any]) -> Recorded | None:
        request, response = entry["request"], entry["response"]
        method, parts = _text(request, "method").upper(), urlsplit(_text(request, "url"))
        told = entry.get("_ringback") or {}
        prefix = _text(told, "prefix", "")
        found = self._owner((parts.hostname or "").lower(), parts.netloc.lower(), parts.path, prefix)
        if found is None or found[0] not in self._wanted:
            return None
        provider, path = found
        headers = _headers(request)
        posted = request.get("postData") or {}
        body = _content(posted) if posted.get("text") is not None else None
        content = response.get("content") or {}
        shown = {name.lower(): value for name, value in _headers(response).items()}
        shown.setdefault("content-type", _text(content, "mimeType", ""))
        wire = WireRequest(method, path, parts.query, headers, body)
        kind, space = _text(told, "key", "") or None, told.get("space", 1)
        reply = reply_of(_status(response), shown, _content(content))
        if kind is None:
            key = self._kinds.of(headers)
            kind = NONE if key.kind == NONE else OWN
            self._worked |= {key.space} if 0 < reply.status < 400 else set()
        origin = f"{parts.scheme}://{parts.netloc}{parts.path.removesuffix(path)}"
        alone, stripped = bool(told.get("alone")), "key" not in told
        return Recorded(provider, wire, reply, index, origin, kind, int(space), alone, stripped, *_times(entry))

    def judged_by_its_fate(self, one: Recorded) -> Recorded:
        """The exchange, its key told to be wrong where it was refused and never worked in this recording."""
        never = self._kinds.of(one.request.headers).space not in self._worked
        return one._replace(key=WRONG) if one.stripped and one.key == OWN and one.reply.status == 401 and never else one

    def _owner(self, name: str, host: str, path: str, prefix: str) -> tuple[str, str] | None:
        """The vendor that an address belongs to, and its path there."""
        vendor, base = self._hosts.get(host) or self._hosts.get(name) or (None, "")
        if vendor is not None:
            if base and path.startswith(base + "/"):
                return vendor, self._specs[vendor].base_path + path[len(base) :]
            return vendor, path
        if prefix and path.startswith(prefix + "/"):
            first, path = prefix.rstrip("/").rpartition("/")[2], path[len(prefix) :]
        else:
            first, _, rest = path.lstrip("/").partition("/")
            path = f"/{rest}" if first in self._specs else path
        if first in self._specs:
            return first, path
        knowing = [one for one, router in self._routers.items() if router.match("OPTIONS", unquote(path))]
        return (knowing[0], path) if len(knowing) == 1 else None


def _content(node: Mapping[str, Any]) -> bytes:
    """The bytes of a body, which a HAR may hold as base64."""
    text = _text(node, "text", "")
    if node.get("encoding") == "base64":
        return b64decode(text, validate=True)
    # Half a surrogate pair is what a browser made of bytes that are no text.
    return text.encode("utf-8", "replace")
