"""Secrets in recordings: taken out before anything is kept, and stood in for when a recording is used again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from contract_tests.words.secrets.discretion import MASK, Discretion
from mock_server.messages import Json
from mock_server.spec import Spec

_SECRET_HEADERS = frozenset(("authorization", "cookie", "set-cookie", "x-api-key", "proxy-authorization"))
_SCHEMES = frozenset(("basic", "bearer", "digest", "dpop", "negotiate", "oauth", "token", "apikey"))
"""What may stand before a key in a header and is none: it stays, so that other tools see how the key was sent."""
_STAND_IN = "a-masked-secret"


def secret_names(specs: Iterable[Spec]) -> frozenset[str]:
    """The names of the body properties that hold secrets (`x-secret`), of all these vendors."""
    return frozenset(
        path.rpartition(".")[2]
        for spec in specs
        for operation in spec.operations.values()
        for path in operation.body_secrets
    )


class Mask:
    """Takes the keys out of texts, and the values of properties of these names out of bodies."""

    def __init__(self, keys: Iterable[str], names: frozenset[str]) -> None:
        self._keys = Discretion(keys)
        self._names = names

    def text(self, text: str) -> str:
        """The text without any key."""
        return self._keys.text(text)

    def body(self, body: bytes | None) -> str:
        """The body as text without any secret."""
        text = (body or b"").decode("utf-8", "replace")
        try:
            return self.text(json.dumps(self.node(json.loads(text)), ensure_ascii=False))
        except (ValueError, RecursionError):
            return self.text(text)

    def node(self, node: Json) -> Json:
        """The JSON value without any secret; its shape stays, so that the same request can be recognised."""
        if isinstance(node, dict):
            return {name: _hidden(child) if name in self._names else self.node(child) for name, child in node.items()}
        return [self.node(child) for child in node] if isinstance(node, list) else node

    def headers(self, headers: Mapping[str, str]) -> list[dict[str, str]]:
        """The headers as HAR lists them, those that carry secrets masked."""
        return [
            {"name": name, "value": _secret(value) if name.lower() in _SECRET_HEADERS else self.text(value)}
            for name, value in headers.items()
        ]


def _secret(value: str) -> str:
    """A header that carries a secret, masked but for its scheme; an empty one tells nothing and stays."""
    scheme, space, rest = value.strip().partition(" ")
    if scheme.lower() in _SCHEMES:
        return f"{scheme} {MASK}" if space and rest.strip() else scheme
    return MASK if scheme else ""


def _hidden(node: Json) -> Json:
    """A secret's shape: what is empty, true, false or null tells nothing and stays."""
    if isinstance(node, dict):
        return {name: _hidden(child) for name, child in node.items()}
    if isinstance(node, list):
        return [_hidden(child) for child in node]
    if isinstance(node, str):
        return MASK if node else node
    return node if isinstance(node, bool) or node is None else 0


def holds_mask(node: Json) -> bool:
    """Whether some value in it is a masked one."""
    if isinstance(node, dict):
        return any(holds_mask(child) for child in node.values())
    return any(holds_mask(child) for child in node) if isinstance(node, list) else bool(node == MASK)


def stood_in(spec: Spec, schema: Any, node: Json, said: str = "") -> Json:
    """The value with something lawful in place of each masked secret: the documented one, where there is one.

    A secret whose name is in what was `said` of the request stays masked.
    """
    if not isinstance(schema, Mapping):
        schema = {}
    if isinstance(node, dict):
        properties = schema.get("properties") or {}
        return {
            name: child if name in said and child == MASK else stood_in(spec, properties.get(name), child, said)
            for name, child in node.items()
        }
    if isinstance(node, list):
        return [stood_in(spec, schema.get("items"), child, said) for child in node]
    if node != MASK:
        return node
    variable = spec.variables.get(str(schema.get("x-variable")))
    documented = [variable.default] if variable else list(schema.get("examples") or ())
    return documented[0] if documented else _STAND_IN
