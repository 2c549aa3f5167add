"""Exchanges of a recording that overlap in time: which of them the server did first is not known."""

from __future__ import annotations

from collections.abc import Iterable

from contract_tests.recordings.har import Recorded


def bursts(exchanges: Iterable[Recorded]) -> dict[int, int]:
    """The burst of every entry that is in one, numbered from 1: overlapping ones with a write among them.

    Exchanges of different keys are none of each other's business. Those that began at the very same time are no
    burst: a recording that gives all of them one time does not tell when they were made.
    """
    spaces: dict[tuple[str, int], list[Recorded]] = {}
    for each in exchanges:
        if each.ended > each.began > 0:
            spaces.setdefault((each.key, each.space), []).append(each)
    found: dict[int, int] = {}
    number = 0
    for mine in spaces.values():
        group: list[Recorded] = []
        end = 0.0
        ordered: list[Recorded | None] = [*sorted(mine, key=lambda one: one.began), None]
        for one in ordered:
            if one is not None and group and one.began < end:
                group.append(one)
                end = max(end, one.ended)
                continue
            if len({each.began for each in group}) > 1 and any(map(_writes, group)):
                number += 1
                found.update((each.entry, number) for each in group)
            if one is not None:
                group, end = [one], one.ended
    return found


def _writes(one: Recorded) -> bool:
    return one.request.method not in ("GET", "HEAD")
