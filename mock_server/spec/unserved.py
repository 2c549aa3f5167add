"""What a vendor documents and nobody serves: found by method and path, and told with the way out."""

from __future__ import annotations

from mock_server.spec.routing import path_values
from mock_server.spec.terms.model import Missing, Spec


def unserved(spec: Spec, method: str, path: str) -> Missing | None:
    """The documented operation of that method and path (decoded) that the spec lists as missing, or None."""
    return next(
        (one for one in spec.missing if one.method == method and path_values(one.segments, path) is not None), None
    )


def hint(spec: Spec, missing: Missing) -> str:
    """One line: where the operation is known from, and how to have an answer all the same."""
    return (
        f"{missing.method} {missing.path} is not served ({missing.evidence.grade}: {missing.evidence.source});"
        f" for an answer: ringback stubs add {spec.provider} {missing.method} '{missing.path}' --body @answer.json"
    )
