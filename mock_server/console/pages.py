"""`/_ringback/console`: the page, its style and its scripts, each with a digest by which a browser knows it again."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from flask import Blueprint, Response, abort, request

blueprint = Blueprint("console", __name__)

ASSETS = Path(__file__).with_name("assets")
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        # lit-html makes its templates, which stand in our own files, into markup; nobody else may.
        "trusted-types lit-html",
    ]
)
"""What a browser may do on this page: nothing but load these files and speak to this server."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Another version of the server has other files under the same names: the browser asks each time.
    "Cache-Control": "no-cache",
}


class Asset(NamedTuple):
    """One file, its type, and the digest of what is in it."""

    content: bytes
    type: str
    digest: str


@cache
def assets() -> dict[str, Asset]:
    """All files by name."""
    found = {}
    for file in sorted(ASSETS.iterdir()):
        content = file.read_bytes()
        found[file.name] = Asset(content, TYPES[file.suffix], sha256(content).hexdigest()[:32])
    return found


@blueprint.get("/console")
def page() -> Response:
    return _served("index.html")


@blueprint.get("/console/<file>")
def asset(file: str) -> Response:
    return _served(file)


def _served(name: str) -> Response:
    found = assets().get(name)
    if found is None:
        abort(404)
    response = Response(found.content, content_type=f"{found.type}; charset=utf-8", headers=HEADERS)
    response.set_etag(found.digest)
    response.make_conditional(request)
    return response
