"""Which references of a document lead back to themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable


def circles(starts: Iterable[str], leads_to: Callable[[str], Iterable[str]]) -> dict[str, frozenset[str]]:
    """Each reference that leads back to itself, with all of its circle (its strong component, by Tarjan)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    found: dict[str, frozenset[str]] = {}
    for start in starts:
        if start in order:
            continue
        # With a stack of its own: documents are nested deeper than Python lets functions call each other.
        work = [(start, iter(_entered(start, order, low, stack, on_stack, leads_to)))]
        while work:
            one, rest = work[-1]
            child = next(rest, None)
            if child is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[one])
                if low[one] == order[one]:
                    _closed(one, stack, on_stack, found, leads_to)
            elif child not in order:
                work.append((child, iter(_entered(child, order, low, stack, on_stack, leads_to))))
            elif child in on_stack:
                low[one] = min(low[one], order[child])
    return found


def _entered(
    one: str,
    order: dict[str, int],
    low: dict[str, int],
    stack: list[str],
    on_stack: set[str],
    leads_to: Callable[[str], Iterable[str]],
) -> Iterable[str]:
    order[one] = low[one] = len(order)
    stack.append(one)
    on_stack.add(one)
    return leads_to(one)


def _closed(
    one: str,
    stack: list[str],
    on_stack: set[str],
    found: dict[str, frozenset[str]],
    leads_to: Callable[[str], Iterable[str]],
) -> None:
    members = []
    while True:
        member = stack.pop()
        on_stack.discard(member)
        members.append(member)
        if member == one:
            break
    if len(members) > 1 or one in leads_to(one):
        circle = frozenset(members)
        found.update(dict.fromkeys(members, circle))
