"""The words every other module speaks: what is asked, what is answered, what is refused.

Messages are values. They hold no behaviour beyond reading themselves, know no HTTP library
and no vendor, and nothing in this package changes one after it was made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from random import Random
from typing import Any, NamedTuple

Json = Any
"""A JSON document: dict, list, str, int, float, bool or None."""

FRAMING = ("content-length", "transfer-encoding", "connection", "upgrade", "keep-alive", "te", "trailer")
"""Headers that are the server's business: an answer of somebody's choice must not set them."""


class Request(NamedTuple):
    """One HTTP request as it came off the wire.

    `path` is percent-decoded with `+` left alone; `query` is the raw query string; `headers`
    have lower-case names, repeated ones joined with a comma; `body` is whole, at most 1 MiB.
    `too_large` says that the body was longer than that and was not read.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = {}
    body: bytes = b""
    too_large: bool = False


class Response(NamedTuple):
    """One HTTP answer: `body` is the encoded body, `delay_seconds` is waited before sending it.

    `fault` says how the wire breaks while it is sent (`reset`, `empty`, `truncate`, `hang`, `slow-drip`), if it
    does; `fault_seconds` how long a hang or a drip takes; `release` is called when the connection is let go.
    """

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    delay_seconds: float = 0.0
    fault: str | None = None
    fault_seconds: float = 0.0
    release: Callable[[], None] | None = None


class Call(NamedTuple):
    """A valid, authenticated call of one operation, as a behaviour sees it.

    `path`, `query` and `body` hold the values under the vendor's own names, the query's
    converted to the types the spec gives. Time and chance come in here and nowhere else.
    """

    operation: str
    path: Mapping[str, str]
    query: Mapping[str, Json]
    body: Json
    now: datetime
    random: Random


class Answer(NamedTuple):
    """What a behaviour says: the spec's answer of that `name`, with these values.

    `body` may be a dict (the named example's constant keys are added to it), a list, or None
    for the example exactly as it stands in the spec. A list operation's rows may be any iterable:
    they are taken, checked and encoded a batch at a time, and counted where the answer counts them.
    """

    name: str
    body: Json = None


class Refusal(Exception):
    """Stops a call, takes back what it did, and is answered with the spec's example of that name.

    `values` (and whatever else is named) replace the literals that the example's `x-placeholders` names.
    `assumed` marks an answer whose words are documented but whose use for this input is not; `refused` is how we know
    that the input is refused at all, in whatever words.
    """

    def __init__(
        self,
        name: str,
        /,
        *,
        assumed: bool = False,
        refused: str | None = None,
        values: Mapping[str, Json] | None = None,
        **named: Json,
    ) -> None:
        super().__init__(name)
        self.name = name
        self.assumed = assumed
        self.refused = refused
        self.values: Mapping[str, Json] = {**(values or {}), **named}


class Violation(NamedTuple):
    """One way in which a message differs from the spec.

    `place` is `body`, `path`, `query`, `header`, `status` or `media-type`; `field` is the
    dotted path of the value inside it (empty for the whole); `kind` is the JSON Schema keyword
    that failed, or `null` (a null where none is allowed), `empty` (an empty string where one
    character or more is required); `message` says what was found and what would be right.
    """

    place: str
    field: str
    kind: str
    message: str
    value: Json = None

    def __str__(self) -> str:
        where = f"{self.place} {self.field}" if self.field else self.place
        return f"{where}: {self.message}"
