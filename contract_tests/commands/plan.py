"""What a check would send: a rehearsal against a mock of our own, printed as if it went to the target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

from contract_tests.endpoint.guard import COSTS
from contract_tests.endpoint.transport import Exchange
from contract_tests.options import DEFAULT_KEY
from contract_tests.run import Run
from contract_tests.words.findings import ContractBroken, NotCovered
from mock_server.spec import Spec


def lines(run: Run) -> Iterator[str]:
    """Each request with its cost, in order, and how many there are of each cost; nothing reaches the target.

    The rehearsal keeps to everything that was asked for: depth, permissions, budget, numbers. What a target would
    answer decides which records stand in the place of the documented ones, so these are printed instead.
    """
    for provider in run.providers:
        spec, origin = run.specs[provider], run.target(provider) or "a mock of its own"
        before = len(run.outcomes)
        for case in run.all_cases([provider]):
            with suppress(NotCovered, ContractBroken):
                case.check()
        yield f"Plan for {provider} at {origin}; nothing is sent. Records found there take the place of the pages' own:"
        yield ""
        texts = _stand_ins(run, spec)
        transport = run.world(provider).transport
        numbers = transport.guard.stood_in
        # Each vendor has a mock of its own, where it was asked too whether it is the right server.
        sent = [exchange for exchange in run.exchanges if exchange.origin == transport.origin]
        costs: Counter[str] = Counter()
        for number, exchange in enumerate(sent, start=1):
            costs[exchange.cost] += 1
            yield f"{number:>5}  {exchange.cost:<8}  {_line(exchange, texts, numbers)}"
        counted = ", ".join(f"{costs[cost]} {cost}" for cost in COSTS if costs[cost]) or "none"
        yield ""
        yield f"{len(sent)} requests: {counted}"
        reasons: dict[str, list[str]] = {}
        for outcome in run.outcomes[before:]:
            if outcome.verdict == "not covered":
                reasons.setdefault(outcome.reason, []).append(f"{outcome.operation} [{outcome.property}]")
        for reason, places in reasons.items():
            yield f"left out: {reason} ({len(places)}: {', '.join(places[:4])}{', ...' if len(places) > 4 else ''})"
        yield ""


def _line(exchange: Exchange, texts: dict[str, str], stood_in: dict[str, str]) -> str:
    request = exchange.request
    body = f" {request.body.decode('utf-8', 'replace')}" if request.body is not None else ""
    known = any("$" in value or DEFAULT_KEY in value for value in request.headers.values())
    target = request.target
    for documented, given in stood_in.items():
        target = target.replace(documented, given)
    line = f"{request.method:<6} {target}{body}{'' if known else '  (no key, or no such key)'}"
    for documented, given in texts.items():
        line = line.replace(documented, given)
    return line


def _stand_ins(run: Run, spec: Spec) -> dict[str, str]:
    """What is printed in the place of the documented records: what was given by --var."""
    texts = {}
    for name, value in run.settings.variables.items():
        variable = spec.variables.get(name)
        # A short literal may stand for something else.
        if variable is not None and variable.found_operation and len(str(variable.default)) > 3:
            texts[str(variable.default)] = value
    return texts
