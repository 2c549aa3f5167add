"""`GET /_ringback/health`: the server is up, and what it serves."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app

from mock_server import __version__

blueprint = Blueprint("health", __name__)


@blueprint.get("/health")
def health() -> dict[str, Any]:
    """`{"status", "version", "providers": [...], "spaces": N}`: `ok`, `stopping`, or `degraded` with a `reason`.

    It is degraded while nothing is kept, and stopping from the first signal on.
    """
    gateway = current_app.extensions["ringback"]
    problem = gateway.spaces.store.problem
    if gateway.stopping:
        problem = None
    return {
        **(
            {"status": "stopping" if gateway.stopping else "ok"}
            if problem is None
            else {"status": "degraded", "reason": problem}
        ),
        "version": __version__,
        "providers": list(gateway.services),
        "spaces": gateway.spaces.count(),
    }
