"""JSON pointers, as the contracts use them."""

from __future__ import annotations

from mock_server.messages import Json

ABSENT: Json = object()
"""What stands at a place where nothing stands."""


def pointed(document: Json, pointer: str) -> Json:
    """The value at a JSON pointer, the first where `*` stands for every element, or ABSENT."""
    found = pointed_all(document, pointer)
    return found[0] if found else ABSENT


def pointed_all(document: Json, pointer: str) -> list[Json]:
    """All values at a JSON pointer in which `*` stands for every element."""
    nodes = [document]
    for part in pointer.strip("/").split("/") if pointer.strip("/") else []:
        following: list[Json] = []
        for node in nodes:
            if part == "*" and isinstance(node, list):
                following += node
            elif isinstance(node, dict) and part in node:
                following.append(node[part])
            elif isinstance(node, list) and part.isdigit() and int(part) < len(node):
                following.append(node[int(part)])
        nodes = following
    return nodes
