"""`GET /` and `/_ringback/`: where the vendors are and what the control API has, for a program or a browser."""

from __future__ import annotations

from difflib import get_close_matches
from html import escape

from flask import Blueprint, Response, current_app, jsonify, request

from mock_server import __version__
from mock_server.control.asking.problems import Problem, answer
from mock_server.desk.happened.nearby import HINT, header_value
from mock_server.exchange import Service
from mock_server.gateway import CONTROL

blueprint = Blueprint("index", __name__)

LOOKS = (
    "health",
    "info",
    "operations",
    "specs",
    "spaces",
    "requests",
    "requests/unmatched",
    "faults",
    "openapi.yaml",
)
"""What can be looked at with a browser's GET."""


@blueprint.get("/")
@blueprint.get(f"/{CONTROL}")
@blueprint.get(f"/{CONTROL}/")
def index() -> Response:
    """`{"providers": {name: url}, "control": url}`; a page with the same for a browser."""
    root = request.host_url.rstrip("/")
    gateway = current_app.extensions["ringback"]
    providers = {name: root if name == gateway.only else f"{root}/{name}" for name in gateway.services}
    if request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html":
        return _page(providers, f"{root}/{CONTROL}")
    return jsonify({"providers": providers, "control": f"{root}/{CONTROL}"})


def _page(providers: dict[str, str], control: str) -> Response:
    services = current_app.extensions["ringback"].services
    rows = "".join(
        f'<tr><th scope="row">{escape(services[name].spec.title)}'
        f"<td><code>https://{escape(services[name].spec.host)}</code><td><code>{escape(url)}</code>"
        for name, url in providers.items()
    )
    control = escape(control)
    links = " · ".join(f'<a href="{control}/{path}">{path}</a>' for path in LOOKS)
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>Ringback</title>'
        f'<link rel="stylesheet" href="{control}/console/console.css">'
        f'<link rel="icon" href="{control}/console/icon.svg"><main class="first">'
        f"<h1>Ringback {__version__}</h1>"
        "<p class=lead>Put a vendor's whole path behind its origin here, and nothing else changes. Any API key that"
        " begins with <code>test_</code> works, and opens a world of its own."
        f'<p class=row><a class="button main" href="{control}/console">Open the console</a>'
        '<div class=scroll tabindex=0 role=region aria-label="Origins"><table>'
        '<thead><tr><th scope="col">vendor<th scope="col">its origin<th scope="col">here'
        f"<tbody>{rows}</table></div>"
        f"<h2>The control API</h2><p>{links}</main></html>"
    )
    response = Response(page, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'self'; img-src 'self'"
    return response


def nowhere(error: Exception) -> Response:
    """A path that belongs to nobody; the answer says which prefixes there are."""
    if request.path.startswith(f"/{CONTROL}/"):
        detail = f"The control API has no {request.path}; /{CONTROL}/openapi.yaml lists what it has."
        return answer(Problem(404, "Nothing here", detail))
    prefixes = ", ".join(f"/{name}" for name in current_app.extensions["ringback"].services)
    hint = _meant()
    detail = (
        f"{request.path} belongs to no vendor. The vendors' origins are {prefixes}: put the vendor's whole path behind"
        f" one of them. The control API is under /{CONTROL}/."
    )
    if hint is None:
        return answer(Problem(404, "Nothing here", detail))
    response = answer(Problem(404, "Nothing here", f"{hint} {detail}"))
    response.headers[HINT] = header_value(hint)
    return response


def _meant() -> str | None:
    """The vendor's path that a request forgot, or mistyped, the prefix of."""
    services: dict[str, Service] = current_app.extensions["ringback"].services
    asked = f"{request.method} {request.path}"
    for name, service in services.items():
        match = service.router.match(request.method, request.path)
        if match is not None and match.operation is not None:
            return f"{asked}: did you mean /{name}{request.path}?"
    first, _, rest = request.path[1:].partition("/")
    near = get_close_matches(first.lower(), services, n=1) if len(first) < 50 else []
    return f"{asked}: did you mean /{near[0]}/{rest}?" if near else None
