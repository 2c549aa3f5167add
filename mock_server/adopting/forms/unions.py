"""Records of several forms (`oneOf`, `anyOf`): what tells the forms apart, bodies brought to the shown ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mock_server.adopting.forms.merging import forms, merged
from mock_server.adopting.forms.narrowing import narrowed
from mock_server.adopting.forms.samples import fits, sample


def tag_of(schema: Any) -> tuple[str, list[Any]] | None:
    """The field by which the forms of a record are told apart, and its value in each of them."""
    every = forms(schema)
    for name in merged(every[0])["properties"] if every else ():
        values = [_only(merged(one)["properties"].get(name)) for one in every]
        if all(value is not None for value in values) and len(set(map(str, values))) == len(values):
            return name, values
    return None


def _only(schema: Any) -> Any:
    """The one value that a schema allows."""
    if not isinstance(schema, Mapping):
        return None
    if "const" in schema:
        return schema["const"]
    values = schema.get("enum")
    return values[0] if isinstance(values, list) and len(values) == 1 else None


def brought(body: dict[str, Any], shown: Any, fields: Mapping[str, str]) -> tuple[dict[str, Any] | None, list[str]]:
    """A body that makes a record of one of the forms that are shown: each of its forms narrowed to one of those.

    None where no form of it is one; the remarks say what was left out.
    """
    remarks: list[str] = []
    taken, known = [], forms(shown) or [shown]
    for number, form in enumerate(forms(body) or [body], start=1):
        pair = next((made for made in (_as(form, one, fields) for one in known) if made is not None), None)
        if pair is None:
            remarks.append(f"the {_ordinal(number)} form of the body is refused: no form that answers show can hold it")
            continue
        made, left = pair
        taken.append(made)
        remarks += [f"{name} is refused in the {_ordinal(number)} form of the body" for name in left]
    if not taken:
        return None, remarks
    whole = {"type": "object", "properties": {name: {} for name in fields}}
    return ({**whole, "oneOf": taken} if len(taken) > 1 else {**taken[0], "type": "object"}), remarks


def _as(form: Any, record: Any, fields: Mapping[str, str]) -> tuple[dict[str, Any], list[str]] | None:
    """One form of a body, narrowed to what one form of a record can show; what it cannot show of it is refused."""
    sent, shown = merged(form), merged(record)["properties"]
    properties: dict[str, Any] = {}
    left = []
    for name, target in fields.items():
        if name not in sent["properties"]:
            # It is another form's.
            properties[name] = False
            continue
        less = narrowed(sent["properties"][name], [shown[target]]) if target in shown else None
        if less is None and name in sent["required"]:
            return None
        if less is None:
            left.append(name)
        properties[name] = False if less is None else less
    made = {"type": "object", "properties": {**sent["properties"], **properties}}
    if sent["required"]:
        made["required"] = sorted(sent["required"])
    value = sample(form)
    known = [value] if isinstance(value, dict) and fits(made, value) else []
    made = {**made, "examples": known} if known else made
    return (made, left) if fits(made, sample(made)) else None


def of_form(tag: tuple[str, list[Any]], values: list[Any]) -> dict[str, Any]:
    """The source of a field that has another value in each form of a record; None stands for a form without it."""
    name, known = tag
    source: dict[str, Any] | None = None
    for value, form in reversed(list(zip(values, known, strict=True))):
        if value is not None:
            source = {"if": {name: form}, "then": value, **({"else": source} if source is not None else {})}
    assert source is not None
    return source


def examples(body: Any) -> Iterator[Any]:
    """A value of each form of a body that the whole of it allows."""
    for form in forms(body):
        value = sample(form)
        if fits(body, value):
            yield value


def _ordinal(number: int) -> str:
    return f"{number}{('th', 'st', 'nd', 'rd', *['th'] * 6)[number % 10 if number % 100 not in (11, 12, 13) else 0]}"
