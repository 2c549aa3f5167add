"""`ringback pages`: whether the vendors' pages still say what the specs cite, as a command."""

from __future__ import annotations

import argparse
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from contract_tests.flags import Parser, fail, flags
from contract_tests.pages import comparing, lock, telling
from contract_tests.pages.citing import Source, Statement, cited, source
from contract_tests.pages.comparing import ABSENT, CHANGED, GONE, NEW, UNCHANGED, UNREACHABLE, Result
from contract_tests.pages.lock import BadLock, Kept, Lock
from contract_tests.pages.reading import LARGEST_BYTES, Page, Unreadable
from contract_tests.pages.saved import MAP, BadPages, Saved, mapped, unknown
from contract_tests.patching.yamltext import CannotEdit
from contract_tests.reports.outputs import CannotWrite, Outputs, say
from mock_server.spec import SpecError, spec_files

HOLDS, DRIFTED, OUT_OF_REACH = 0, 1, 3
LOCK = "pages.lock.json"
FETCH_SECONDS = 20.0
_LONGEST_SECONDS = 300.0
_MOST_LATE = 3
"""After so many pages that came too late the others of their host are not waited for."""
_KINDS = ("json", "md")
_REPORTS = ", ".join(f"{kind}=FILE" for kind in _KINDS)


_fail = partial(fail, "pages")


def parser() -> argparse.ArgumentParser:
    """What the command understands."""
    made = Parser(
        prog="ringback pages",
        description="Tell which statements of the specs rest on a page of the vendor that has changed.",
        epilog="Exit codes: 0 unchanged, 1 changed or gone, 2 wrong usage, a page, map or lock that cannot be used,"
        " 3 a page that could not be fetched.",
    )
    add = made.add_argument
    add("provider", nargs="*", metavar="PROVIDER", help="vendors whose pages to look at (default: all)")
    add("--saved", metavar="DIR", help="a folder with saved pages, HTML or text")
    add("--fetch", action="store_true", help="fetch the pages from where the specs say they are")
    add(
        "--map",
        metavar="F.yaml",
        help=f"which file or address is which page, a line SOURCE: FILE each (default DIR/{MAP}, if it is there)",
    )
    add("--lock", metavar="F", help=f"what the pages said (default: {LOCK} in the folder, or here)")
    add("--update", action="store_true", help="keep what the pages say now; exit code 0")
    add("--hashes", action="store_true", help="keep hashes of the sentences in place of the sentences")
    add(
        "--ignore", action="append", default=[], metavar="REGEX", help="sentences that change by themselves; repeatable"
    )
    add("--timeout", metavar="SECONDS", help=f"for fetching one page (default {FETCH_SECONDS:g})")
    flags(add, "--report", "--specs", report="json=FILE or md=FILE (an issue); repeatable")
    return made


def pages(arguments: Sequence[str]) -> int:
    """Compares the pages with what was kept of them; returns the exit code."""
    options = parser().parse_intermixed_args(list(arguments))
    try:
        return _pages(options)
    except (BadPages, BadLock, CannotEdit, SpecError, CannotWrite) as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror or error}" if error.filename else str(error))


def _pages(options: argparse.Namespace) -> int:
    if bool(options.saved) == options.fetch:
        _fail("either --saved DIR or --fetch is needed: pages that you have saved, or those of the vendors now")
    seconds, ignore = _seconds(options.timeout), [_pattern(one) for one in options.ignore]
    files = spec_files()
    for name in options.provider:
        if name.lower() not in files:
            _fail(f"{name}: no such vendor; there are {', '.join(files)}")
    chosen = [name.lower() for name in options.provider] or list(files)
    rests = cited({name: files[name] for name in chosen})
    outputs = _outputs(options.report)
    folder = Path(options.saved) if options.saved else Path()
    named = _map(options, folder)
    kept = lock.read(Path(options.lock) if options.lock else folder / LOCK)
    if named and not options.provider:
        strange = unknown(named, rests)
        if strange:
            _fail(f"{strange[0]}: is named in the map, and no spec cites such a page")
    found = _saved(Saved(folder, named), rests) if options.saved else _fetched(named, rests, seconds)
    results = [_result(name, found[name], rests[name], kept, ignore, options) for name in sorted(rests)]
    _told(results, options)
    wrong = [
        outputs.write(kind, text(results))
        for kind, text in (("json", telling.document), ("md", telling.markdown))
        if kind in outputs
    ]
    # What was seen for the first time is kept; what changed, only where the user agrees.
    if kept.write():
        say(f"kept in {kept.file}")
    elif any(one.state in (CHANGED, GONE) for one in results):
        say(f"{kept.file} still has what they said; --update keeps what they say now")
    for why in wrong:
        if why is not None:
            _fail(why)
    return _code(results, updated=options.update)


def _code(results: Iterable[Result], *, updated: bool) -> int:
    states = {one.state for one in results}
    if states & {CHANGED, GONE} and not updated:
        return DRIFTED
    return OUT_OF_REACH if UNREACHABLE in states else HOLDS


def _seconds(text: str | None) -> float:
    try:
        seconds = FETCH_SECONDS if text is None else float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= _LONGEST_SECONDS:
        _fail(f"--timeout {text}: seconds above 0, up to {_LONGEST_SECONDS:g}, are needed")
    return seconds


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        _fail(f"--ignore {text}: is no regular expression: {error}")
    return text


def _outputs(reports: Sequence[str]) -> Outputs:
    outputs = Outputs()
    for text in reports:
        kind, _, file = text.partition("=")
        if kind not in _KINDS or not file:
            _fail(f"--report {text}: {_REPORTS} is needed")
        outputs.add(kind, f"--report {text}", file)
    return outputs


def _map(options: argparse.Namespace, folder: Path) -> dict[str, str]:
    if options.map:
        return mapped(Path(options.map))
    return mapped(folder / MAP) if options.saved and (folder / MAP).is_file() else {}


Found = tuple[Page | None, str, str, str]
"""The page if it came, where from, the state if it did not, and why."""


def _saved(saved: Saved, sources: Iterable[str]) -> dict[str, Found]:
    found: dict[str, Found] = {}
    taken: set[Path] = set()
    for name in sources:
        which = source(name)
        assert which is not None
        file = saved.find(which)
        if file is None:
            found[name] = None, "", ABSENT, ""
        else:
            taken.add(file)
            found[name] = saved.page(file), file.relative_to(saved.folder).as_posix(), "", ""
    for file, why in saved.unreadable.items():
        if file not in taken:
            raise BadPages(f"{why}; it may be a page that a spec cites: repair it, or take it out of the folder")
    return found


def _fetched(named: Mapping[str, str], sources: Iterable[str], seconds: float) -> dict[str, Found]:
    """Fetches page by page; where a host cannot be reached at all, the others of it are not waited for."""
    from contract_tests.endpoint.fetching import NotFetched, fetch

    found: dict[str, Found] = {}
    dead: dict[str, str] = {}
    late: Counter[str] = Counter()
    for name in sources:
        which = source(name)
        assert which is not None
        address = named.get(name) or _address(which)
        if address is None:
            found[name] = None, "", ABSENT, "has no address of its own; name one with --map"
            continue
        host = urlsplit(address).netloc
        if host in dead:
            found[name] = None, address, UNREACHABLE, dead[host]
            continue
        try:
            came = fetch(address, seconds, LARGEST_BYTES)
            found[name] = Page(came.content, came.charset), address, "", ""
        except NotFetched as why:
            found[name] = None, address, GONE if why.gone else UNREACHABLE, str(why)
            late[host] += why.late
            if why.everywhere or late[host] >= _MOST_LATE:
                dead[host] = str(why)
        except Unreadable as why:
            found[name] = None, address, UNREACHABLE, str(why)
    return found


def _address(which: Source) -> str | None:
    return None if which.title or "/" not in which.address else f"https://{which.address}"


def _result(
    name: str, found: Found, statements: list[Statement], kept: Lock, ignore: Sequence[str], options: argparse.Namespace
) -> Result:
    """What became of one page; the lock learns what may be kept of it."""
    page, came_from, state, why = found
    old = kept.pages.get(name)
    if page is None:
        if state == GONE and old is None:
            state = UNREACHABLE  # It was never there, as far as we know.
        if state == ABSENT and old is not None and options.saved:
            raise BadPages(
                f"{name}: was kept from {old.came_from}, and no file of {options.saved} is that page now;"
                f" save it again, or name its file in {Path(options.saved) / MAP}"
            )
        if state == GONE and options.update:
            kept.pages.pop(name, None)
        return Result(name, state, came_from, why, statements=statements)
    said = page.said(ignore)
    now = lock.page(said, came_from, _today(), hashed=options.hashes)
    if old is None:
        kept.pages[name] = now
        return Result(name, NEW, came_from, statements=statements)
    pairs = comparing.pairs(old, said)
    if not pairs:
        if options.update and old.hashed != now.hashed:
            kept.pages[name] = Kept(now.sha256, now.sentences, came_from, old.day, now.hashed)
        return Result(name, UNCHANGED, came_from, statements=statements)
    if options.update:
        kept.pages[name] = now
    return Result(name, CHANGED, came_from, pairs=pairs, statements=statements)


def _today() -> str:
    # SOURCE_DATE_EPOCH is what builds that must come out alike set.
    said = os.environ.get("SOURCE_DATE_EPOCH", "")
    return (datetime.fromtimestamp(int(said), UTC) if said.isdigit() else datetime.now(UTC)).date().isoformat()


def _told(results: list[Result], options: argparse.Namespace) -> None:
    """Prints what is worth a line: of the pages that nobody has saved only how many there are."""
    absent = [one for one in results if one.state == ABSENT]
    say("\n".join(telling.lines([one for one in results if one.state != ABSENT])))
    if absent:
        where = Path(options.saved) / MAP if options.saved else "--map"
        first = ", ".join(one.source for one in absent[:3]) + (", ..." if len(absent) > 3 else "")
        many = f"{len(absent)} cited pages are not here" if len(absent) > 1 else "1 cited page is not here"
        say(f"{many} ({first}); {where} can name them, a line SOURCE: FILE each")
