"""A schema that is made of the same parts many times is looked through part by part, not place by place."""

from __future__ import annotations

from typing import Any

from mock_server.spec import SchemaCheck
from mock_server.spec.terms.checking import _holds_secret, _plain


def _doubled(inner: dict[str, Any], levels: int) -> dict[str, Any]:
    """A schema in which the inner one stands in 2 ** levels places."""
    for _ in range(levels):
        inner = {"x-evidence": {"grade": "doc"}, "properties": {"left": inner, "right": inner}}
    return inner


def test_a_part_that_stands_in_many_places_is_looked_through_once() -> None:
    """Place by place there would be 2 ** 60 of them."""
    schema = _doubled({"type": "string", "x-variable": "id"}, 60)
    assert not _holds_secret(schema, set())
    plain: Any = _plain(schema, {})
    for _ in range(60):
        assert list(plain) == ["properties"]
        assert plain["properties"]["left"] is plain["properties"]["right"]
        plain = plain["properties"]["left"]
    assert plain == {"type": "string"}


def test_a_secret_in_a_shared_part_is_found_and_not_quoted() -> None:
    words = {"enum": ["one", "other"]}
    schema = _doubled({**words, "x-secret": True}, 3)
    assert _holds_secret(_doubled({**words, "x-secret": True}, 60), set())
    value = {"left": {"right": {"left": "sk-my-own-key"}}}
    (violation,) = SchemaCheck(schema).differences(value)
    assert violation.field == "left.right.left"
    assert "sk-my-own-key" not in violation.message
    (quoted,) = SchemaCheck(_doubled(words, 3)).differences(value)
    assert "sk-my-own-key" in quoted.message


def test_a_schema_without_extensions_and_one_with_them_say_the_same() -> None:
    bare = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    extended = {**bare, "x-evidence": {"grade": "doc"}, "properties": {"name": {"type": "string", "x-variable": "v"}}}
    for value in ({}, {"name": 1}, {"name": "x"}, []):
        assert SchemaCheck(bare).differences(value) == SchemaCheck(extended).differences(value)
