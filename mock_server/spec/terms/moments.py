"""Moments as vendors write them: ISO 8601 with or without a zone, seconds or milliseconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime

from mock_server.messages import Json

_MILLISECONDS_FROM = 100_000_000_000
"""So many seconds are in the year 5138: a number from here on counts milliseconds."""


def moment(value: Json) -> datetime | None:
    """The moment that a value stands for, in UTC; None where it stands for none."""
    if isinstance(value, bool):
        return None
    try:
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value / 1000 if value >= _MILLISECONDS_FROM else value, UTC)
        found = datetime.fromisoformat(str(value))
    except (ValueError, OverflowError, OSError):
        return None
    return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
