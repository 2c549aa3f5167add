"""`GET /_ringback/health`: the server is up, and what it serves."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app

from mock_server import __version__

blueprint = Blueprint("health", __name__)


@blueprint.get("/health")
def health() -> dict[str, Any]:
    """`{"status": "ok", "version", "providers": [...], "spaces": N}`."""
    gateway = current_app.extensions["ringback"]
    return {
        "status": "ok",
        "version": __version__,
        "providers": list(gateway.services),
        "spaces": len(gateway.spaces.names()),
    }
