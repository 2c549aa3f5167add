"""`GET /_ringback/info` and `/operations` and `/openapi.yaml`: what this server is, serves and understands."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from mock_server import __version__
from mock_server.control.asking.inputs import OPENAPI, gateway, only, switch
from mock_server.control.asking.problems import Problem
from mock_server.desk.happened.search import FIELDS
from mock_server.operations import catalogue, missing_operations

blueprint = Blueprint("info", __name__)


@blueprint.get("/info")
def info() -> dict[str, Any]:
    """Version, vendors with their origin, and every bound."""
    only()
    front = gateway()
    return {
        "version": __version__,
        "providers": {
            name: {
                "title": service.spec.title,
                "host": service.spec.host,
                "operations": len(service.spec.operations),
                # Without a way to send them, a vendor's pages name none.
                "events": list(service.spec.webhooks) if service.spec.sending is not None else [],
            }
            for name, service in front.services.items()
        },
        "store": "memory://" if front.spaces.shared is None else front.spaces.shared.backend.address,
        "limits": front.spaces.limits._asdict(),
        "faults": list(front.wire_faults),
        "search": FIELDS,
    }


@blueprint.get("/operations")
def operations() -> list[dict[str, Any]]:
    """What `ringback operations --json` prints; `?provider=` narrows it, `?missing=true` lists what is not served."""
    only("provider", "missing")
    specs = {name: service.spec for name, service in gateway().services.items()}
    name = request.args.get("provider")
    if name is not None and name not in specs:
        raise Problem(404, "No such vendor", f"{name!r}: there are {', '.join(specs)}.")
    chosen = specs if name is None else {name: specs[name]}
    if switch("missing"):
        return missing_operations(chosen)
    return catalogue(chosen, request.host_url.rstrip("/"))


@blueprint.get("/openapi.yaml")
def openapi() -> Response:
    """This API's own description."""
    only()
    return Response(OPENAPI.read_text(encoding="utf-8"), content_type="application/yaml")
