"""The control API under `/_ringback`: JSON only, for loopback or a bearer token, never for a vendor's Host."""

from __future__ import annotations

from flask import Flask

from mock_server.control import (
    calls,
    clock,
    deliveries,
    faults,
    provoke,
    records,
    requests,
    reset,
    spaces,
    state,
    stubs,
    webhooks,
)
from mock_server.control.asking import guard, problems
from mock_server.control.itself import health, index, info, metrics, specs
from mock_server.gateway import CONTROL, Gateway


def register(app: Flask, gateway: Gateway) -> None:
    """Puts the control API on the Flask application."""
    app.extensions["ringback"] = gateway
    app.before_request(guard.check)
    app.register_error_handler(Exception, problems.answer)
    # Not as a route for every path, which would hide that a known path has no such method.
    app.register_error_handler(404, index.nowhere)
    app.register_blueprint(index.blueprint)
    worlds = (reset, spaces, state, records, clock)
    for noun in (health, info, metrics, specs, *worlds, faults, stubs, calls, webhooks, deliveries, requests, provoke):
        app.register_blueprint(noun.blueprint, url_prefix=f"/{CONTROL}")
