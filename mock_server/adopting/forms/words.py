"""The words that files name things by: rows and envelopes, pages and cursors, ids, owners, verbs."""

from __future__ import annotations

import re
from collections.abc import Iterable

ROWS = ("data", "items", "results", "records", "values", "entries", "list", "rows", "content", "objects", "resources")
ENVELOPES = ("data", "item", "result", "record", "object", "response", "payload")
PAGING = {
    "size": "limit perpage pagesize maxresults maxitems maxpagesize size count take top first resultsperpage",
    "cursor": "cursor after startingafter pagetoken nexttoken continuationtoken continuation bookmark marker "
    "startcursor paginationtoken nextcursor nextpagetoken pagecursor offset",
    "offset": "offset skip startindex start from",
    "number": "page pagenumber pageno pageindex",
    "after": "startingafter after afterid sinceid",
}
NEXT = (
    "nextcursor nextpagetoken nexttoken nextpage next cursor continuationtoken continuation bookmark marker after "
    "nextmarker endcursor paginationtoken offset"
)
AROUND_NEXT = "meta paging pagination page responsemetadata nextpage cursors pageinfo links metadata"
MORE = "hasmore more hasnext hasnextpage hasmoreitems"
COUNTS = ("count", "length")
VERBS = {
    "resume": ("active", "running", "in-progress", "in_progress", "enabled"),
    "activate": ("active",),
    "deactivate": ("inactive",),
    "unpause": ("active", "running", "in-progress", "in_progress"),
    "start": ("running", "in-progress", "in_progress", "active", "processing"),
    "begin": ("running", "in-progress", "in_progress", "active"),
    "stop": ("stopped", "inactive"),
    "hangup": ("completed", "ended", "finished"),
    "hang-up": ("completed", "ended", "finished"),
    "end": ("completed", "finished", "closed"),
    "finish": ("completed", "ended", "done"),
    "complete": ("done", "finished"),
    "enable": ("active",),
    "disable": ("inactive",),
    "reopen": ("open", "opened"),
    "unarchive": ("active",),
    "restore": ("active",),
    "unsuspend": ("active",),
    "unpublish": ("draft",),
    "cancel": ("void", "voided"),
    "pay": ("paid",),
    "send": ("sent",),
    "ship": ("shipped",),
    "hold": ("held", "on-hold", "on_hold"),
}
"""Statuses that a verb leads to, where none is made of the verb itself."""


def plain(word: str) -> str:
    """A word without its capitals and separators: `next_page-Token` is `nextpagetoken`."""
    return re.sub(r"[\W_]", "", word).lower()


def is_one(word: str, known: str) -> bool:
    """Whether a word is one of those known, however it is written."""
    return plain(word) in known.split()


def singular(word: str) -> str:
    """`companies` is one `company`, `boxes` one `box`, `status` remains."""
    word = word.lower()
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def snake(word: str) -> str:
    """`taskId` is `task_id`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", word).lower()


def reached(verb: str, statuses: Iterable[str]) -> str | None:
    """The status that a verb leads to, if exactly one of them is what it is called after."""
    known = list(statuses)
    stem = verb.lower().removesuffix("e").removesuffix("y")
    made = [
        status
        for status in known
        if re.fullmatch(rf"{re.escape(stem)}{re.escape(stem[-1:])}?(e?d|ied|en|ing)", status.lower())
    ]
    done = [status for status in made if not status.lower().endswith("ing")] or made
    if len(done) == 1:
        return done[0]
    if not done:
        for word in (verb.lower(), *VERBS.get(verb.lower(), ())):
            found = [status for status in known if status.lower() == word]
            if found:
                return found[0]
    return None
