"""What has changed on a page, sentence by sentence, and which statements speak of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from contract_tests.pages.citing import Statement
from contract_tests.pages.lock import Kept, digest

UNCHANGED, CHANGED, NEW, GONE, ABSENT, UNREACHABLE = "unchanged", "changed", "new", "gone", "not saved", "unreachable"
_MOST_PAIRED = 60
_ALIKE = 0.4


class Pair(NamedTuple):
    """A sentence as it was and as it is; empty where it was not there, or is not any more."""

    before: str
    now: str


@dataclass
class Result:
    """What became of one page, and what rests on it."""

    source: str
    state: str
    came_from: str = ""
    why: str = ""
    pairs: list[Pair] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)

    def about(self, pair: Pair) -> list[Statement]:
        """The statements that speak of what a sentence says."""
        text = f"{pair.before} {pair.now}"
        return [one for one in self.statements if one.speaks_of(text)]

    @property
    def touched(self) -> list[Statement]:
        """The statements that speak of some sentence that changed."""
        found = {id(one) for pair in self.pairs for one in self.about(pair)}
        return [one for one in self.statements if id(one) in found]

    def as_json(self) -> dict[str, Any]:
        """The page for a machine."""
        touched = {id(one) for one in self.touched}
        return {
            "page": self.source,
            "state": self.state,
            "from": self.came_from,
            "why": self.why,
            "changes": [pair._asdict() for pair in self.pairs],
            "statements": [{**one.as_json(), "speaks_of_it": id(one) in touched} for one in self.statements],
        }


def pairs(kept: Kept, now: Sequence[str]) -> list[Pair]:
    """The sentences that are others now, each beside the one it was; what only moved has not changed."""
    names = [digest(one) for one in now] if kept.hashed else list(now)
    said = dict(zip(names, now, strict=True))
    more, fewer = Counter(names), Counter(kept.sentences)
    added, removed = more - fewer, fewer - more
    if not added and not removed:
        return []
    found: list[Pair] = []
    for word, i, j, k, m in SequenceMatcher(None, kept.sentences, names, autojunk=False).get_opcodes():
        if word == "equal":
            continue
        old = list(_only(kept.sentences[i:j], removed))
        new = [said[one] for one in _only(names[k:m], added)]
        if kept.hashed:
            found += [Pair("", one) for one in new] or [Pair("(a sentence that was not kept)", "") for _ in old]
        else:
            found += _paired(old, new)
    return found


def _only(names: Iterable[str], left: Counter[str]) -> Iterator[str]:
    for name in names:
        if left[name] > 0:
            left[name] -= 1
            yield name


def _paired(old: list[str], new: list[str]) -> Iterator[Pair]:
    """Each old sentence beside the new one that is most like it, if any is."""
    left = list(new)
    for one in old:
        best = max(left[:_MOST_PAIRED], key=lambda other: _likeness(one, other), default="")
        if best and (_likeness(one, best) >= _ALIKE):
            left.remove(best)
            yield Pair(one, best)
        else:
            yield Pair(one, "")
    yield from (Pair("", one) for one in left)


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one.split()[:200], other.split()[:200], autojunk=False).ratio()
