"""Hours of the week: when a schedule next opens, in its own zone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from mock_server.telephone.campaigning.schedules import opening

MONDAY = {
    "dayOfWeek": 1,
    "timeSlots": [{"startTime": "09:00", "endTime": "12:00"}, {"startTime": "13:00", "endTime": "17:00"}],
}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "zone", "opens"),
    [
        ("2026-03-02T10:00", "UTC", "2026-03-02T10:00"),
        ("2026-03-02T12:00", "UTC", "2026-03-02T13:00"),
        ("2026-03-02T17:00", "UTC", "2026-03-09T09:00"),
        ("2026-03-01T23:59", "UTC", "2026-03-02T09:00"),
        ("2026-03-02T09:00", "America/New_York", "2026-03-02T14:00"),
        # On the eighth of March New York's clocks are put forward.
        ("2026-03-03T09:00", "America/New_York", "2026-03-09T13:00"),
        ("2026-03-01T21:30", "Pacific/Kiritimati", "2026-03-01T21:30"),
        ("2026-03-02T10:00", "Nowhere/Land", "2026-03-02T10:00"),
        ("2026-03-02T10:00", "../../etc/passwd", "2026-03-02T10:00"),
    ],
)
def test_a_schedule_opens_in_its_own_zone(now: str, zone: str, opens: str) -> None:
    assert opening({"days": [MONDAY], "timezone": zone}, at(now)) == at(opens)


@pytest.mark.parametrize(
    "days",
    [
        [],
        [{"dayOfWeek": 7, "timeSlots": [{"startTime": "09:00", "endTime": "10:00"}]}],
        [{"dayOfWeek": 1, "timeSlots": [{"startTime": "10:00", "endTime": "09:00"}]}],
        [{"dayOfWeek": 1, "timeSlots": [{"startTime": "nine", "endTime": "10:00"}]}],
    ],
)
def test_a_schedule_without_a_slot_never_opens_unless_it_is_switched_off(days: list[Any]) -> None:
    assert opening({"days": days, "timezone": "UTC"}, at("2026-03-02T09:30")) is None
    now = at("2026-03-02T09:30")
    assert opening({"days": days, "timezone": "UTC", "disableSchedule": True}, now) == now
