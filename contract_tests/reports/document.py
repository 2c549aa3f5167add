"""The report as one JSON document, as `report.schema.json` describes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from contract_tests.words.results import Results
from mock_server import __version__

JSON_VERSION = 1


def document(results: Results) -> dict[str, Any]:
    """The whole run; `version` changes when its shape does."""
    return {
        "version": JSON_VERSION,
        "tool": "ringback check",
        "tool_version": __version__,
        "started": results.started.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "seconds": results.seconds,
        "targets": {name: origin or "own mock" for name, origin in results.targets.items()},
        "depth": results.depth,
        "seed": results.seed,
        "fail_on": results.fail_on,
        "properties": dict(results.properties),
        "counts": results.counts,
        "ended": results.ended,
        "left_behind": list(results.left_behind),
        "flaky": [one._asdict() for one in results.flaky],
        "late": dict(results.late),
        "outcomes": [outcome.as_json() for outcome in results.outcomes],
    }


def text(results: Results, more: Mapping[str, Any] | None = None) -> str:
    """The document as text, with `more` that a command adds to it."""
    return json.dumps({**document(results), **(more or {})}, indent=2, ensure_ascii=False, default=str) + "\n"
