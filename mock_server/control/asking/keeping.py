"""What a space keeps under ids, rules and stubs: listed, looked at, deleted and cleared in the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from flask import Blueprint, request

from mock_server.control.asking.inputs import known_space, known_spaces, only
from mock_server.control.asking.problems import Problem
from mock_server.spaces import DEFAULT_SPACE, Space


class Kept(Protocol):
    """What is kept of one kind in one space."""

    def all(self) -> Iterable[Any]: ...

    def get(self, id: str) -> Any | None: ...

    def delete(self, id: str) -> bool: ...

    def clear(self) -> None: ...


class Keeping:
    """The kind of thing that a blueprint is about: its word, where a space has it, and how it is shown."""

    def __init__(self, word: str, of: Callable[[Space], Kept], as_json: Callable[[Any, Space], dict[str, Any]]) -> None:
        self._word = word
        self._of = of
        self._as_json = as_json

    def add_routes(self, blueprint: Blueprint, path: str) -> None:
        """`GET` and `DELETE` of all, in one space or in every one (`*`), and of one by its id."""
        blueprint.add_url_rule(path, "listed", self._listed, methods=["GET"])
        blueprint.add_url_rule(path, "cleared", self._cleared, methods=["DELETE"])
        blueprint.add_url_rule(f"{path}/<id>", "one", self._one, methods=["GET"])
        blueprint.add_url_rule(f"{path}/<id>", "deleted", self._deleted, methods=["DELETE"])

    def find(self, id: str) -> tuple[Space, Any]:
        """The one of that id in the space that is asked for; a Problem names those that are there."""
        space = known_space(request.args.get("space"))
        found = self._of(space).get(id)
        if found is None:
            known = ", ".join(one.id for one in list(self._of(space).all())[:20]) or "none"
            hint = "" if "space" in request.args else f" Those of another space than {DEFAULT_SPACE!r} need ?space=."
            detail = f"The space {space.name!r} has no {self._word} {id!r}; it has {known}.{hint}"
            raise Problem(404, f"No such {self._word}", detail)
        return space, found

    def _listed(self) -> dict[str, Any]:
        only("space")
        spaces = known_spaces(request.args.get("space"))
        return {request.path.rpartition("/")[2]: [self._as_json(one, s) for s in spaces for one in self._of(s).all()]}

    def _cleared(self) -> tuple[str, int]:
        only("space")
        for space in known_spaces(request.args.get("space")):
            self._of(space).clear()
        return "", 204

    def _one(self, id: str) -> dict[str, Any]:
        only("space")
        space, found = self.find(id)
        return self._as_json(found, space)

    def _deleted(self, id: str) -> tuple[str, int]:
        only("space")
        space, found = self.find(id)
        self._of(space).delete(found.id)
        return "", 204
