"""What a proxy says: a line for each exchange, each finding with its page and line, and the whole at the end."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from contract_tests.endpoint.relay.passed import MOCK, REFUSED, TARGET, UNANSWERED, Passed
from contract_tests.reports.outputs import say
from contract_tests.reports.style import style_for
from contract_tests.reports.table import table
from contract_tests.reports.text import findings, told
from contract_tests.words.faults import Fault
from contract_tests.words.findings import Finding, printable
from contract_tests.words.results import Results
from contract_tests.words.secrets.discretion import Discretion

_WORDS = {MOCK: "answered by the mock", REFUSED: "refused", UNANSWERED: "not answered"}


class Teller:
    """Speaks to a person, or to a program in lines of JSON."""

    def __init__(self, *, as_json: bool, with_notes: bool) -> None:
        self._json = as_json
        self._notes = with_notes
        self._style = style_for(sys.stdout)

    def exchange(self, passed: Passed, discretion: Discretion, operation: str, found: list[Finding]) -> None:
        """One line for an exchange that is over."""
        target = discretion.text(passed.target.decode("utf-8", "replace"))
        milliseconds = round(passed.seconds * 1000, 1)
        if self._json:
            self._line(
                "exchange",
                at=datetime.fromtimestamp(passed.at, UTC).isoformat(),
                method=passed.method,
                target=target,
                operation=operation,
                answered_by=passed.how,
                status=passed.status,
                milliseconds=milliseconds,
                findings=len(found),
            )
            return
        words = _WORDS.get(passed.how, "" if passed.how == TARGET else passed.how)
        more = [words, _several(len(found), "finding") if found else ""]
        text = f"{passed.status} {passed.method} {printable(target)} {milliseconds:g} ms"
        say(self._style.paint("  ".join([text, *filter(None, more)]), "bad" if found else "muted"))

    def fault(self, fault: Fault, results: Results) -> None:
        """A finding of a kind that was not told before."""
        if self._json:
            self._line("finding", **fault.first.as_json())
            return
        say("\n".join(told(fault, "FAIL", results, self._style)) + "\n")

    def broken(self, why: str) -> None:
        """Something that went wrong here, and says nothing of the endpoint."""
        if self._json:
            self._line("broken", reason=why)
        else:
            say(self._style.paint(printable(f"not judged: {why}"), "bad"))

    def whole(
        self,
        results: Results,
        count: Counter[str],
        left_out: Mapping[str, int],
        causes: Mapping[tuple[object, ...], int],
    ) -> None:
        """Everything at the end."""
        counts = results.counts
        numbers = {
            "passed_on": results.requests,
            "judged": count["judged"],
            "answered_by_the_mock": count[MOCK],
            "refused": count[REFUSED],
            "unanswered": count[UNANSWERED],
        }
        if self._json:
            self._line("end", **numbers, left_out=dict(left_out), findings=sum(causes.values()), counts=counts)
            return
        if results.outcomes:
            say("\n".join(["", *table(results, self._style)]))
        if self._notes:
            said = findings(results, self._style, with_notes=True)
            say("\n".join(said))
        if left_out:
            say("\nNot judged: " + ", ".join(f"{times:,} {reason}" for reason, times in left_out.items()))
        shown = ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in numbers.items())
        found = f"{_several(sum(causes.values()), 'finding')} of {_several(len(causes), 'kind')}"
        told = found if causes else "no finding"
        say(f"\n{shown}; {told}, {_several(counts['notes'], 'note')} in {results.seconds:.1f} s")

    @staticmethod
    def _line(event: str, **values: Any) -> None:
        say(json.dumps({"event": event, **values}, ensure_ascii=False, default=str))


def _several(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
