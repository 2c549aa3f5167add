"""What `ringback diff --patch` offers: the corrections, numbered and tried, what is told only, and their writing."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mock_server
from contract_tests.patching.items import REPLACE, Item, Left, items, unified
from contract_tests.patching.trying import Trying, is_ours
from contract_tests.patching.yamltext import CannotEdit
from contract_tests.recordings.har import Recording
from contract_tests.words.findings import Finding, printable, show
from mock_server.spec import Spec


class NotTaken(Exception):
    """Nothing was written; the sentence says why, and what to do."""


@dataclass
class Offer:
    """Everything that recordings say of the specs of some vendors."""

    tryings: dict[str, Trying] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    contradictions: list[Finding] = field(default_factory=list)
    ours: int = 0
    """How many exchanges Ringback itself answered."""

    @property
    def right(self) -> list[Item]:
        """The items that were tried and found right."""
        return [one for one in self.items if one.diff]


def offered(specs: Mapping[str, Spec], providers: Sequence[str], recordings: Sequence[Recording]) -> Offer:
    """The corrections, numbered; none is tried yet."""
    offer, names = Offer(), [one.file.name for one in recordings]
    offer.ours = sum(is_ours(one.reply) for recording in recordings for one in recording if one.provider in providers)
    for name in providers:
        offer.tryings[name] = trying = Trying(specs[name], specs, recordings)
        assumed = [one for one in trying.before.assumed if one.grade == "assumed"]
        found, left = items(specs[name], assumed, names)
        offer.items += found
        offer.left += left
        offer.contradictions += trying.contradictions()
    offer.items.sort(key=lambda one: one.word != REPLACE)
    for number, one in enumerate(offer.items, 1):
        one.number = number
    return offer


def tried(offer: Offer, wanted: Sequence[int] | None = None) -> None:
    """Tries the items, or those that are wanted; what is not found right is told with the reason."""
    for item in list(offer.items):
        if wanted is not None and item.number not in wanted:
            continue
        trying = offer.tryings[item.provider]
        try:
            item.diff = unified(trying.text, trying.alone(item), shown(trying.file))
        except (CannotEdit, LookupError, TypeError, ValueError, RecursionError) as why:
            # Whatever a server has answered, the other corrections are offered.
            offer.items.remove(item)
            offer.left.append(Left(item.provider, item.operations[0], item.statement, item.line, str(why)))


def numbers(said: str, offer: Offer) -> list[int]:
    """The numbers that `--take` names: `all`, or `1,3-5`."""
    known = [one.number for one in offer.items]
    if said == "all":
        return known
    found: list[int] = []
    for part in said.split(","):
        match = re.fullmatch(r"\s*(\d{1,6})(?:-(\d{1,6}))?\s*", part)
        if match is None or int(match[2] or match[1]) < int(match[1]):
            raise NotTaken(f"--take {said}: numbers such as 1,3-5 are needed, or all")
        found += range(int(match[1]), int(match[2] or match[1]) + 1)
        if found[-1] not in known or int(match[1]) not in known:
            there = f"there are 1 to {known[-1]}" if known else "there is none"
            raise NotTaken(f"--take {said}: there is no correction {part.strip()}; {there}")
    return sorted(set(found))


def take(offer: Offer, wanted: Sequence[int]) -> list[str]:
    """Writes the wanted items into their files, all of them or none; returns what was done."""
    chosen = [one for one in offer.items if one.number in wanted]
    refused = sorted(set(wanted) - {one.number for one in chosen})
    if refused:
        whys = "; ".join(one.why for one in offer.left[-len(refused) :])
        raise NotTaken(f"nothing was written: {', '.join(map(str, refused))} cannot be taken: {whys}")
    texts: dict[Path, tuple[str, str, int]] = {}
    done = []
    for name, trying in offer.tryings.items():
        mine = [one for one in chosen if one.provider == name]
        if not mine:
            continue
        if Path(mock_server.__file__).parent in trying.file.resolve().parents:
            raise NotTaken(
                f"nothing was written: {trying.file} belongs to the installed package; copy it into a folder of yours,"
                " and name that with --specs"
            )
        try:
            text = trying.all(mine)
        except CannotEdit as why:
            raise NotTaken(f"nothing was written: together the corrections of {name} go wrong: {why}") from None
        texts[trying.file] = trying.text, text, len(mine)
        before, after = trying.fidelity(trying.text).total, trying.fidelity(text).total
        done.append(f"{shown(trying.file)}: {len(mine)} taken, fidelity {before.percent} % became {after.percent} %")
    _write({file: (old, new) for file, (old, new, _) in texts.items()})
    return done


def _write(texts: Mapping[Path, tuple[str, str]]) -> None:
    """Replaces files: everything is written beside them first, so that none is ever half written."""
    beside: dict[Path, Path] = {}
    file = Path()
    try:
        for named, (old, new) in texts.items():
            file = named.resolve()
            if file.read_bytes() != old.encode():
                raise NotTaken(f"nothing was written: {named} was changed meanwhile; run it again")
            if not os.access(file, os.W_OK):
                raise NotTaken(f"nothing was written: {named} is write-protected; make it writable, or copy it")
            handle, part = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
            beside[file] = Path(part)
            with os.fdopen(handle, "wb") as out:
                out.write(new.encode())
            beside[file].chmod(file.stat().st_mode & 0o7777)
        for file, done in beside.items():
            done.replace(file)
    except OSError as error:
        raise NotTaken(f"{file} could not be written: {error.strerror or error}") from None
    finally:
        for left in beside.values():
            with suppress(OSError):
                left.unlink(missing_ok=True)


def shown(file: Path) -> str:
    """A file as it is called from here."""
    near = os.path.relpath(file)
    return str(file) if near.startswith("..") else near


def lines(offer: Offer) -> Iterator[str]:
    """The offer for a person to read: each correction with its diff, then what is told only."""
    right = offer.right
    if right:
        yield f"{len(right)} corrections; take some with --take 1,3-5, or with --take all:"
    else:
        yield "there is nothing to correct"
    for one in right:
        yield ""
        yield printable(f"{one.number}  {one.title}")
        if one.word == REPLACE:
            yield printable(f"   assumed   {show(one.assumed)}")
            yield printable(f"   recorded  {show(one.recorded)}")
        left = f", {one.after['contradicted']} still against it" if one.after.get("contradicted") else ""
        count = one.contradicted or one.supported
        many = f"{count:,} exchanges say so" if count > 1 else "1 exchange says so"
        yield printable(f"   {many}{left}; {one.source}")
        yield printable(one.diff.rstrip("\n"), keep="\n")
    if offer.left:
        yield "\nwhat the recording speaks about and you decide:"
        yield from (printable(one.text(), keep="\n") for one in offer.left)
    if offer.contradictions:
        yield "\nwhat contradicts a page, and is never changed:"
        for finding in offer.contradictions:
            yield printable(
                f"  {finding.place}  {finding.provider} {finding.operation} [{finding.property}] {finding.request}"
            )
            yield printable(f"    {finding.at or 'body'}: {finding.message} ({finding.grade}, {finding.source})")
    if offer.ours:
        yield f"\n{offer.ours:,} exchanges were answered by Ringback itself, which proves nothing of a vendor"


def document(offer: Offer) -> dict[str, Any]:
    """The offer for a machine."""
    return {
        "patches": [one.as_json() for one in offer.right],
        "left": [one.as_json() for one in offer.left],
        "contradicts_pages": [one.as_json() for one in offer.contradictions],
        "answered_by_ringback": offer.ours,
    }
