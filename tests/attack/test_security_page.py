"""SECURITY.md says what the code does: its table of limits is the code's, its fixed bounds are the constants'."""

from __future__ import annotations

from mock_server.answering.bodies import MAX_BODY_BYTES
from mock_server.choosing.preferences import MAX_LENGTH
from mock_server.desk.stub_texts import MAX_PLACEHOLDERS
from mock_server.exchange import MAX_QUERY_FIELDS
from mock_server.gateway import MAX_CONTROL_BYTES
from mock_server.process.limits import DEFAULTS, MEANINGS, flag, names
from mock_server.spec.reading.document import MAX_DEPTH
from mock_server.text.jsontext import MAX_NESTING, MAX_VALUES
from mock_server.wire.keeper import CROWDED_SILENT_SECONDS, IDLE_SECONDS, SILENT_SECONDS
from mock_server.wire.receiving import BODY_SECONDS, MAX_CHUNKS
from mock_server.wire.sending import UNREAD_SECONDS
from tests.conftest import ROOT

PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


def table() -> str:
    """The limits as the page must show them."""
    rows = [
        f"| `{flag(name)}` | {MEANINGS[name][0]} | {getattr(DEFAULTS, name)} | {MEANINGS[name][1]} |"
        for name in names()
    ]
    return "\n".join(["| flag | bounds | default | then |", "|---|---|---|---|", *rows])


def test_the_page_shows_the_table_of_limits() -> None:
    shown = PAGE.partition("<!-- limits -->\n")[2].partition("\n<!-- /limits -->")[0]
    assert shown == table()


def test_the_page_shows_the_fixed_bounds() -> None:
    bounds = {
        "a vendor's request body": f"{MAX_BODY_BYTES} bytes",
        "values in a JSON body": f"{MAX_VALUES}",
        "levels of a JSON body": f"{MAX_NESTING}",
        "a control request's body": f"{MAX_BODY_BYTES} bytes, a state {MAX_CONTROL_BYTES}",
        "a `Prefer` header": f"{MAX_LENGTH} characters",
        "pieces of a chunked body": f"{MAX_CHUNKS}",
        "placeholders in a stub, and what fills them": f"{MAX_PLACEHOLDERS}, {MAX_BODY_BYTES} bytes",
        "fields in a query": f"{MAX_QUERY_FIELDS}",
        "time for a request's head, and for its body": f"{BODY_SECONDS:g} seconds",
        "a connection that says nothing at all": (
            f"{SILENT_SECONDS:g} seconds, {CROWDED_SILENT_SECONDS:g} where three quarters of the places are taken"
        ),
        "a connection on which nothing comes or goes": f"{IDLE_SECONDS:g} seconds",
        "a reader that takes nothing of its answer": f"{UNREAD_SECONDS:g} seconds",
        "levels of a spec or a fixture": f"{MAX_DEPTH}",
    }
    for what, bound in bounds.items():
        assert f"| {what} | {bound} |" in PAGE
