"""`POST /_ringback/provoke`: a documented answer, brought about now, as the console's buttons do."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from mock_server.control.asking.inputs import body, gateway, only, open_space, unknown_name
from mock_server.control.asking.problems import Problem
from mock_server.provoking import CannotProvoke, provoke

blueprint = Blueprint("provoke", __name__)


@blueprint.post("/provoke")
def provoked() -> dict[str, Any]:
    """`{"space", "status", "expected", "requests", "number"}`: what came, what the pages say, the journal's entry."""
    only()
    wanted = body("Provocation")
    front = gateway()
    if wanted["provider"] not in front.specs:
        raise Problem(400, "No such vendor", unknown_name(wanted["provider"], list(front.specs)))
    spec = front.specs[wanted["provider"]]
    if wanted["operation"] not in spec.operations:
        raise Problem(400, "No such operation", unknown_name(wanted["operation"], list(spec.operations)))
    operation = spec.operations[wanted["operation"]]
    if wanted["answer"] not in operation.answers:
        raise Problem(400, "No such answer", unknown_name(wanted["answer"], list(operation.answers)))
    answer = operation.answers[wanted["answer"]]
    space = open_space(wanted.get("space"))
    key = front.spaces.key_of(space.name)
    if key is None:
        raise Problem(409, "Secret key", f"The key that opens {space.name!r} is not known here; use a test_ space.")
    try:
        done = provoke(front, spec, operation, answer, wanted.get("way", "natural"), key)
    except CannotProvoke as cannot:
        raise Problem(409, "Cannot be provoked", f"{cannot}.") from None
    return {
        "space": space.name,
        "status": done.status,
        "expected": answer.status,
        "requests": done.requests,
        "number": front.spaces.last_number(space.name),
    }
