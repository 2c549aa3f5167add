"""Draws requests from a spec alone: schemathesis generates, and what it generated is kept.

A draw knows no server: where a request means a record that is there, it holds a number that picks one. So the draws of
an operation depend on its part of the spec, the seed and the libraries' versions, and the same ones serve every
property, every target and every later run.
"""

from __future__ import annotations

import base64
import json
import platform
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, NamedTuple
from unittest.mock import patch

import hypothesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

from mock_server.messages import Json
from mock_server.spec.reading.document import read_yaml, resolve
from mock_server.spec.reading.keeping import Shelf

Mode = Literal["positive", "negative"]
VALID: Mode = "positive"
INVALID: Mode = "negative"

_NO_CONSTANTS = Constants()
BATCH = 30
"""So many draws of an operation are made at once, and kept."""
_SHELF = Shelf("draws", most_files=2_000)
_FORM = f"1 {hypothesis.__version__} {version('schemathesis')} {platform.python_version()}"
"""Changes whenever the same seed would draw something else."""
_PICKS, _PICK_BELOW = 4, 120


class Drawn(NamedTuple):
    """One draw: what to send, and which of the known records to mean; `raw` is a body that is no JSON."""

    picks: tuple[int, ...]
    path: dict[str, str]
    query: dict[str, str | int | float | bool]
    body: Json
    raw: bytes | None


def drawn(file: str, path: str, method: str, mode: Mode, *, draws: int, seed: int) -> list[Drawn]:
    """So many draws of an operation, always the same; fewer, or none, where the schema allows no more.

    Whoever needs few has the first of a batch that all share, so that nothing is drawn twice.
    """
    return _kept(_part(file, path, method), mode, max(draws, BATCH), seed)[:draws]


def strategy(file: str, path: str, method: str, mode: Mode) -> st.SearchStrategy[Drawn]:
    """What `drawn` draws from."""
    return _strategy(_part(file, path, method), mode)


@lru_cache(maxsize=1024)
def _kept(part: str, mode: Mode, draws: int, seed: int) -> list[Drawn]:
    made_of = json.dumps([_FORM, part, mode, draws, seed])
    body = _SHELF.read(made_of)
    if body is not None:
        return [_from_json(one) for one in json.loads(body)]
    found: list[Drawn] = []
    with suppress(Unsatisfiable):
        explored(_strategy(part, mode), found.append, draws=draws, seed=seed, shrink=False)
    with suppress(TypeError, ValueError):
        _SHELF.write(made_of, json.dumps([_as_json(one) for one in found]).encode())
    return found


def _as_json(one: Drawn) -> list[Any]:
    raw = None if one.raw is None else base64.b64encode(one.raw).decode()
    return [one.picks, one.path, one.query, one.body, raw]


def _from_json(kept: list[Any]) -> Drawn:
    picks, path, query, body, raw = kept
    return Drawn(tuple(picks), path, query, body, None if raw is None else base64.b64decode(raw))


@lru_cache(maxsize=256)
def _strategy(part: str, mode: Mode) -> st.SearchStrategy[Drawn]:
    """Hypothesis looks every new strategy through once, which takes a while."""
    # It takes longer to import than a whole check of what was drawn before.
    import schemathesis
    from schemathesis import GenerationMode

    document = json.loads(part)
    schema: Any = schemathesis.openapi.from_dict(document, config=schemathesis.Config.from_dict({}))
    ((path, item),) = document["paths"].items()
    (method,) = (name for name in item if name != "parameters")
    cases: st.SearchStrategy[Any] = schema[path][method].as_strategy(generation_mode=GenerationMode(mode))
    names = re.findall(r"{(.+?)}", path)

    @st.composite
    def draws(draw: st.DrawFn) -> Drawn:
        picks = tuple(draw(st.integers(0, _PICK_BELOW - 1)) for _ in range(_PICKS))
        case = draw(cases)
        raw = case.body if isinstance(case.body, bytes) else None
        body = None if raw is not None else _sendable(case.body)
        assume(mode != VALID or interoperable(body))
        parameters = case.path_parameters or {}
        return Drawn(
            picks,
            {name: plain_text(parameters[name]) for name in names if name in parameters},
            {key: value for key, value in (case.query or {}).items() if isinstance(value, str | int | float | bool)},
            body,
            raw,
        )

    return draws()


def plain_text(value: Json) -> str:
    """A path segment that survives every client: letters and digits."""
    return re.sub(r"[^A-Za-z0-9]", "", str(value)) or "x"


def _sendable(value: Json) -> Json:
    """The generated body as JSON; schemathesis marks an absent one with an object of its own."""
    return value if isinstance(value, dict | list | str | int | float | bool) or value is None else {}


def interoperable(value: Json) -> bool:
    """Whether every whole number in a value is one that JSON carries unharmed everywhere (RFC 8259, section 6)."""
    if isinstance(value, dict):
        return all(map(interoperable, value.values()))
    if isinstance(value, list):
        return all(map(interoperable, value))
    return not isinstance(value, int) or abs(value) < 2**53


@lru_cache(maxsize=1024)
def _part(file: str, path: str, method: str) -> str:
    """A document of one operation's requests, and of nothing that does not belong to them.

    Keys are the transport's business; left in, half of the negative draws would only lack the key.
    """
    document = _resolved(file)
    item = document["paths"][path]
    asked = {key: item[method.lower()][key] for key in ("parameters", "requestBody") if key in item[method.lower()]}
    shared = {"parameters": item["parameters"]} if "parameters" in item else {}
    answers = {"responses": {"default": {"description": "an answer"}}}
    part = {
        "openapi": document["openapi"],
        "info": {"title": "one operation", "version": "1"},
        "servers": [{"url": "http://127.0.0.1"}],
        "paths": {path: {**shared, method.lower(): {**asked, **answers}}},
    }
    return json.dumps(part)


@lru_cache(maxsize=16)
def _resolved(file: str) -> Any:
    return resolve(read_yaml(Path(file)), file)


def explored(
    cases: st.SearchStrategy[Any], check: Callable[[Any], None], *, draws: int, seed: int, shrink: bool
) -> None:
    """Lets `check` see that many draws; the same seed gives the same draws. A failure is shrunk if allowed."""
    phases = [Phase.generate, Phase.shrink] if shrink else [Phase.generate]

    @seeded(seed)
    @settings(
        max_examples=draws,
        phases=phases,
        database=None,
        deadline=None,
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(cases)
    def each(one: Any) -> None:
        check(one)

    with no_local_constants():
        each()


@contextmanager
def no_local_constants() -> Iterator[None]:
    """Within it Hypothesis draws no constants of the modules that it finds in the folder it runs in.

    With another folder, or after another test in the same process, the same seed would send other requests.
    """
    providers.CONSTANTS_CACHE.cache.clear()
    with patch.object(providers, "_get_local_constants", lambda: _NO_CONSTANTS):
        yield
    providers.CONSTANTS_CACHE.cache.clear()
