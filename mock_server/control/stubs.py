"""`/_ringback/stubs`: answers for what a vendor's spec does not have."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request, url_for

from mock_server.control.inputs import body, gateway, known_space, only, open_space
from mock_server.control.problems import Problem
from mock_server.desk.stub_texts import BadStub, as_json, read_stub
from mock_server.desk.stubs import Stub, StubLimit
from mock_server.spaces import Space

blueprint = Blueprint("stubs", __name__)


@blueprint.get("/stubs")
def listed() -> dict[str, Any]:
    only("space")
    return {"stubs": [as_json(stub) for stub in known_space(request.args.get("space")).stubs.all()]}


@blueprint.post("/stubs")
def written() -> tuple[dict[str, Any], int, dict[str, str]]:
    """Adds a stub, in the place of one for the same method and path; refused where a served operation has the path."""
    only()
    wanted = body("NewStub")
    try:
        stub = read_stub(wanted, gateway().specs)
    except BadStub as bad:
        raise Problem(400, "Invalid stub", f"{bad}.") from None
    space = open_space(wanted.get("space"))
    try:
        space.stubs.add(stub)
    except StubLimit as limit:
        raise Problem(409, "Too many stubs", f"{limit}.") from None
    return as_json(stub), 201, {"Location": url_for("stubs.one", id=stub.id, space=space.name)}


@blueprint.delete("/stubs")
def cleared() -> tuple[str, int]:
    only("space")
    known_space(request.args.get("space")).stubs.clear()
    return "", 204


@blueprint.get("/stubs/<id>")
def one(id: str) -> dict[str, Any]:
    only("space")
    return as_json(_find(id)[1])


@blueprint.delete("/stubs/<id>")
def deleted(id: str) -> tuple[str, int]:
    only("space")
    space, stub = _find(id)
    space.stubs.delete(stub.id)
    return "", 204


def _find(id: str) -> tuple[Space, Stub]:
    space = known_space(request.args.get("space"))
    stub = space.stubs.get(id)
    if stub is None:
        known = ", ".join(stub.id for stub in space.stubs.all()) or "none"
        raise Problem(404, "No such stub", f"The space {space.name!r} has no stub {id!r}; it has {known}.")
    return space, stub
