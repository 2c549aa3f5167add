"""`/_ringback/stubs`: answers for what a vendor's spec does not have."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, url_for

from mock_server.control.asking.inputs import body, gateway, only, open_space
from mock_server.control.asking.keeping import Keeping
from mock_server.control.asking.problems import Problem
from mock_server.desk.stub_texts import BadStub, read_stub
from mock_server.desk.stub_texts import as_json as text_of
from mock_server.desk.stubs import Stub, StubLimit
from mock_server.spaces import Space

blueprint = Blueprint("stubs", __name__)


def as_json(stub: Stub, space: Space) -> dict[str, Any]:
    """A stub as it was written, with `hits`."""
    return {"id": stub.id, "space": space.name, **text_of(stub)}


Keeping("stub", lambda space: space.stubs, as_json).add_routes(blueprint, "/stubs")


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
    return as_json(stub, space), 201, {"Location": url_for("stubs.one", id=stub.id, space=space.name)}
