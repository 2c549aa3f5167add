"""Hours of the week at which calls may be made.

A schedule is `{days: [{dayOfWeek, timeSlots: [{startTime, endTime}]}], timezone, disableSchedule}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from mock_server.messages import Json

_DAYS_AHEAD = 8
"""A week, and the day on which it began."""


def opening(schedule: Mapping[str, Json], now: datetime) -> datetime | None:
    """The first moment from `now` on that lies within a slot; None where there is none, ever.

    A zone that nobody knows is UTC, and a slot whose times cannot be read is none.
    """
    if schedule.get("disableSchedule"):
        return now
    zone = _zone(schedule.get("timezone"))
    today = now.astimezone(zone).date()
    # A slot of yesterday may reach over midnight where the zone's clocks are moved.
    dates = [today + timedelta(days=ahead) for ahead in range(-1, _DAYS_AHEAD)]
    slots = (slot for on in dates for slot in _slots(schedule, on, zone))
    return min((max(begins, now) for begins, ends in slots if ends > now), default=None)


def daily(from_hour: Json, until_hour: Json, zone: Json) -> dict[str, Json] | None:
    """The schedule of calling between these hours of every day; None where they are no such hours."""
    for hour in (from_hour, until_hour):
        if isinstance(hour, bool) or not isinstance(hour, int):
            return None
    if not 0 <= from_hour < until_hour <= 24:
        return None
    until = "23:59:59.999999" if until_hour == 24 else f"{until_hour:02}:00"
    slots = [{"startTime": f"{from_hour:02}:00", "endTime": until}]
    return {"timezone": zone, "days": [{"dayOfWeek": day, "timeSlots": slots} for day in range(7)]}


def _slots(schedule: Mapping[str, Json], on: date, zone: tzinfo) -> Iterator[tuple[datetime, datetime]]:
    """The slots of a date in UTC; Sunday is day 0."""
    for day in schedule.get("days") or ():
        if day.get("dayOfWeek") != on.isoweekday() % 7:
            continue
        for slot in day.get("timeSlots") or ():
            begins, ends = (_clock(slot.get(name)) for name in ("startTime", "endTime"))
            if begins is not None and ends is not None and begins < ends:
                yield _moment(on, begins, zone), _moment(on, ends, zone)


def _moment(on: date, at: time, zone: tzinfo) -> datetime:
    return datetime.combine(on, at, zone).astimezone(UTC)


def _clock(text: Json) -> time | None:
    try:
        found = time.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo is None else None


def _zone(name: Json) -> tzinfo:
    try:
        return ZoneInfo(str(name))
    except (KeyError, ValueError, OSError):
        return UTC
