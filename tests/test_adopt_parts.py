"""What adopting is made of: verbs and the statuses they lead to, texts for patterns, circles; and forms and paths."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_server.adopting.forms.circles import circles
from mock_server.adopting.forms.narrowing import contained, narrowed
from mock_server.adopting.forms.patterns import issued_by, matching
from mock_server.adopting.forms.samples import fits, forget
from mock_server.adopting.forms.words import reached
from mock_server.spec.routing import path_values
from mock_server.text import formtext


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


_plain_schemas = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["string", "integer", "number", "object", "array", ["string", "null"], "null"]),
        "minimum": st.integers(-1, 2),
        "maximum": st.integers(0, 3),
        "minLength": st.integers(0, 2),
        "maxLength": st.integers(1, 3),
        "enum": st.lists(st.sampled_from(["a", 1, None, "abc"]), min_size=1, max_size=3, unique=True),
    },
)
_schemas = st.recursive(
    _plain_schemas,
    lambda inner: st.one_of(
        st.fixed_dictionaries(
            {},
            optional={
                "properties": st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
                "additionalProperties": st.just(False) | inner,
                "required": st.just(["a"]),
                "items": inner,
                "prefixItems": st.lists(inner, min_size=1, max_size=1),
                "minItems": st.integers(0, 1),
            },
        ),
        st.fixed_dictionaries({"anyOf": st.lists(inner, min_size=1, max_size=2)}),
        st.fixed_dictionaries({"oneOf": st.lists(inner, min_size=1, max_size=2)}),
        st.fixed_dictionaries({"allOf": st.lists(inner, min_size=1, max_size=2)}),
    ),
    max_leaves=4,
)
_VALUES = (
    *(None, 0, 1, 1.5, 2, -1, 4, "", "a", "abc", "abcd", [], [1], ["a", 1], [None]),
    *({}, {"a": 1}, {"a": "a", "b": 1}, {"b": None}, {"c": 1}),
)


@settings(max_examples=100, deadline=None)
@given(sent=_schemas, shown=_schemas)
def test_what_is_said_to_be_contained_is_and_what_is_narrowed_fits_both(sent: Any, shown: Any) -> None:
    forget()
    allowed = [value for value in _VALUES if fits(sent, value)]
    if contained(sent, shown):
        assert [value for value in allowed if not fits(shown, value)] == []
    less = narrowed(sent, [shown])
    if less is not None:
        left = [value for value in _VALUES if fits(less, value)]
        assert left == [value for value in allowed if fits(shown, value)] or less is sent
    forget()
