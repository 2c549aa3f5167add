"""The Flask application: the control API, and the vendors taken at the WSGI boundary ahead of Flask's router."""

from __future__ import annotations

from collections.abc import Iterable
from time import sleep
from typing import TYPE_CHECKING, Any

from flask import Flask

from mock_server import control
from mock_server.answering.bodies import MAX_BODY_BYTES
from mock_server.catalogue import open_services
from mock_server.console import pages
from mock_server.gateway import CONTROL, MAX_CONTROL_BYTES, Gateway
from mock_server.messages import Request, Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def create_app(gateway: Gateway | None = None) -> Flask:
    """The whole server as a WSGI application; without a gateway, of all vendors with their own fixtures."""
    app = Flask("ringback", static_folder=None)
    # Flask types `json` by its interface, which lacks the default provider's switches.
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.url_map.merge_slashes = False  # or the answer to two slashes would be a redirection, in HTML
    app.config["MAX_CONTENT_LENGTH"] = MAX_CONTROL_BYTES
    gateway = gateway or Gateway(open_services())
    control.register(app, gateway)
    app.register_blueprint(pages.blueprint, url_prefix=f"/{CONTROL}")
    # Wrapping `wsgi_app` is the documented way; to mypy it is a method.
    app.wsgi_app = _Boundary(gateway, app.wsgi_app)  # type: ignore[method-assign]
    return app


class _Boundary:
    """Vendors' traffic goes to their service; everything else to Flask."""

    def __init__(self, gateway: Gateway, flask: WSGIApplication) -> None:
        self._gateway = gateway
        self.flask = flask

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "/").encode("latin-1").decode("utf-8", "replace")
        destination = self._gateway.route(environ.get("HTTP_HOST", ""), path)
        if destination.service is None:
            probed = self._gateway.probe(Request(environ["REQUEST_METHOD"], path, "", {}))
            if probed is None:
                return self.flask(environ, start_response)
            start_response(f"{probed.status} Ringback", list(probed.headers))
            return [probed.body]
        response = self._gateway.exchange(destination.service, _request(environ, destination.path))
        if response.release is not None:
            response.release()
        if response.fault in ("reset", "empty", "hang"):
            raise ConnectionResetError(f"the fault {response.fault!r} cuts the connection")
        if response.delay_seconds:
            sleep(response.delay_seconds)
        headers = [*response.headers, ("content-length", str(len(response.body)))]
        start_response(f"{response.status} Ringback", headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else response.body]


def _request(environ: WSGIEnvironment, path: str) -> Request:
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers[name.replace("_", "-").lower()] = environ[name]
    length = int(environ.get("CONTENT_LENGTH") or 0)
    too_large = length > MAX_BODY_BYTES
    body = b"" if too_large else environ["wsgi.input"].read(length)
    return Request(environ["REQUEST_METHOD"], path, environ.get("QUERY_STRING", ""), headers, body, too_large)


def call_flask(app: Flask, request: Request, server: tuple[str, int], scheme: str) -> Response:
    """Lets Flask answer one request that came over another interface than WSGI."""
    from io import BytesIO

    path = request.path if request.path.startswith("/") else f"/{request.path}"
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path.encode("utf-8", "replace").decode("latin-1"),
        "QUERY_STRING": request.query.encode("utf-8", "replace").decode("latin-1"),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": str(MAX_CONTROL_BYTES + 1 if request.too_large else len(request.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.input": BytesIO(request.body),
        "wsgi.errors": BytesIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.items():
        key = name.upper().replace("-", "_")
        if key == "CONTENT_TYPE":
            environ[key] = value
        elif key not in ("CONTENT_LENGTH", "TRANSFER_ENCODING"):
            environ[f"HTTP_{key}"] = value
    status, headers, body = 500, [], b""

    def start_response(line: str, fields: list[tuple[str, str]], exc_info: Any = None) -> Any:
        nonlocal status, headers
        status, headers = int(line.split(" ", 1)[0]), fields
        return lambda data: None

    boundary: Any = app.wsgi_app
    chunks = boundary.flask(environ, start_response)
    try:
        body = b"".join(chunks)
    finally:
        if hasattr(chunks, "close"):
            chunks.close()
    kept = tuple((name.lower(), value) for name, value in headers if name.lower() != "content-length")
    return Response(status, body, kept)
