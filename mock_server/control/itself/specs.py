"""`GET /_ringback/specs`: the vendors' OpenAPI files, as `ringback spec` prints them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import orjson
from flask import Blueprint, Response, request

from mock_server.control.asking.inputs import gateway, only, switch
from mock_server.control.asking.problems import Problem
from mock_server.gateway import CONTROL
from mock_server.spec.publishing import as_yaml, published

blueprint = Blueprint("specs", __name__)

FORMS = {"yaml": "application/yaml", "json": "application/json"}


@blueprint.get("/specs")
def specs() -> dict[str, Any]:
    """`{"specs": {vendor: {"yaml": url, "json": url}}}`."""
    only()
    root = f"{request.host_url.rstrip('/')}/{CONTROL}/specs"
    return {"specs": {name: {form: f"{root}/{name}.{form}" for form in FORMS} for name in gateway().services}}


@blueprint.get("/specs/<file>")
def spec(file: str) -> Response:
    """One vendor's file; `?plain=true` leaves Ringback's extensions out."""
    only("plain")
    services = gateway().services
    name, _, form = file.partition(".")
    if name not in services or form not in FORMS:
        there = ", ".join(f"{one}.yaml and {one}.json" for one in services)
        raise Problem(404, "No such spec", f"{file!r}: there are {there}.")
    return Response(_text(services[name].spec.file, form, switch("plain")), content_type=FORMS[form])


@cache
def _text(file: str, form: str, plain: bool) -> bytes:
    """The file in that form; a file does not change while it is served."""
    document = published(Path(file), plain=plain)
    return as_yaml(document).encode() if form == "yaml" else orjson.dumps(document, option=orjson.OPT_INDENT_2)
