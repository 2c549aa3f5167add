"""What adopting is made of: verbs and the statuses they lead to, texts for patterns, circles; and forms and paths."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mock_server import formtext
from mock_server.adopting.circles import circles
from mock_server.adopting.patterns import issued_by, matching
from mock_server.adopting.words import reached
from mock_server.spec.routing import path_values


@pytest.mark.parametrize(
    ("verb", "statuses", "status"),
    [
        ("cancel", ["active", "cancelled", "cancelling"], "cancelled"),
        ("cancel", ["active", "canceled"], "canceled"),
        ("pause", ["paused", "active"], "paused"),
        ("resume", ["paused", "active"], "active"),
        ("end", ["queued", "ended"], "ended"),
        ("apply", ["open", "applied"], "applied"),
        ("void", ["open", "void"], "void"),
        ("set", ["settled", "open"], None),
        ("clone", ["closed", "open"], None),
        ("receipt", ["received", "open"], None),
    ],
)
def test_a_verb_leads_to_the_status_that_is_called_after_it(verb: str, statuses: list[str], status: str | None) -> None:
    assert reached(verb, statuses) == status


@pytest.mark.parametrize(
    "pattern",
    [
        r"^PN[0-9a-fA-F]{32}$",
        r"^\+?[1-9]\d{1,14}$",
        r"^(foo|bar)-[a-z]+$",
        r"^[^\s@]+@[^\s@]+\.[a-z]{2,}$",
        r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}Z$",
        r"^(?:[0-9a-f]{8}-){3}x?$",
        r"^[\-a]{2}\/b",
        ".{3,}",
    ],
)
def test_a_text_is_made_that_a_pattern_matches(pattern: str) -> None:
    made = matching(pattern)
    assert made is not None
    assert re.search(pattern, made)


@pytest.mark.parametrize("pattern", ["(", "[", "a)b", "\\"])
def test_what_is_no_pattern_has_no_text_that_would_end_the_process(pattern: str) -> None:
    assert matching(pattern) in (None, "")


def test_an_id_is_issued_in_the_form_that_a_pattern_has() -> None:
    assert issued_by(r"^PN[0-9a-fA-F]{32}$") == ("PN", 32)
    assert issued_by(r"^[A-Z]{2}$") is None


def test_circles_are_found_however_long_they_are() -> None:
    chain = {str(number): [str(number + 1)] for number in range(5_000)}
    chain["4999"] = ["0"]
    chain |= {"alone": ["0"], "self": ["self"]}
    found = circles(chain, lambda one: chain[one])
    assert len(found["0"]) == 5_000
    assert found["self"] == {"self"}
    assert "alone" not in found


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "count": {"type": ["integer", "null"]},
        "open": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "meta": {"type": "object", "properties": {"size": {"type": "number"}}},
        "items": {"type": "array", "items": {"type": "object", "properties": {"id": {"type": "integer"}}}},
    },
}


def test_a_form_is_read_as_it_was_written() -> None:
    value = {
        "name": "1 & 2 = ü",
        "count": 3,
        "open": True,
        "tags": ["a", "b"],
        "meta": {"size": 1.5},
        "items": [{"id": 1}, {"id": 2}],
    }
    assert formtext.read(formtext.written(value), SCHEMA) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"tags=a&tags=b", {"tags": ["a", "b"]}),
        (b"name=a&name=b", {"name": "b"}),
        (b"count=&open=maybe", {"count": None, "open": "maybe"}),
        (b"name=1&name[a]=2", {"name": {"a": "2"}}),
        (b"", {}),
    ],
)
def test_a_form_is_read_as_forms_are_sent(text: bytes, value: Any) -> None:
    assert formtext.read(text, SCHEMA) == value


@pytest.mark.parametrize("text", [b"\xff=1", b"a=1&" * 5_000, b"a" + b"[b]" * 30 + b"=1"])
def test_what_is_no_form_is_refused(text: bytes) -> None:
    with pytest.raises(formtext.BadForm):
        formtext.read(text, SCHEMA)


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("/calls/{sid}.json", "/calls/CA1.json", {"sid": "CA1"}),
        ("/calls/{sid}.json", "/calls/CA1", None),
        ("/calls/{id}:end", "/calls/7:end", {"id": "7"}),
        ("/compare/{base}...{head}", "/compare/main...mine", {"base": "main", "head": "mine"}),
        ("/calls/{id}", "/calls/7:end", {"id": "7:end"}),
    ],
)
def test_a_parameter_may_be_a_part_of_a_segment(template: str, path: str, values: dict[str, str] | None) -> None:
    assert path_values(template.strip("/").split("/"), path) == values
