"""`GET /_ringback/metrics`: what this server has done, counted, in Prometheus' text form."""

from __future__ import annotations

from flask import Blueprint, Response

from mock_server.control.asking.inputs import gateway, only
from mock_server.process.metrics import text

blueprint = Blueprint("metrics", __name__)


@blueprint.get("/metrics")
def metrics() -> Response:
    """Of all processes of this server; those on other hosts tell their own."""
    only()
    spaces = gateway().spaces
    shared = spaces.shared
    found = {"ringback_journal_bytes": float(spaces.budget.used)}
    if shared is not None:
        found["ringback_store_seconds_total"] = shared.seconds
        found["ringback_store_conflicts_total"] = float(shared.conflicts)
        found["ringback_store_retries_total"] = float(shared.retries)
    values = {**spaces.metrics.sums(found), "ringback_spaces": float(spaces.count())}
    return Response(text(values), content_type="text/plain; version=0.0.4; charset=utf-8")
