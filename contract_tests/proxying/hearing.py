"""The process that judges: exchanges that have passed come over a pipe, and are kept, judged and told."""

from __future__ import annotations

import os
import pickle
import re
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache

from contract_tests.endpoint.mask import Mask as Forms
from contract_tests.endpoint.mock import Journal
from contract_tests.endpoint.relay.heads import as_text
from contract_tests.endpoint.relay.passed import MERGED, TARGET, Passed
from contract_tests.endpoint.transport import Exchange, Transport
from contract_tests.endpoint.wire import Broken, decompressed
from contract_tests.judging.citations import Citations
from contract_tests.judging.judge import Tally
from contract_tests.proxying.telling import Teller
from contract_tests.proxying.wanted import FRAME, SPACE, Wanted
from contract_tests.recordings import har
from contract_tests.recordings.growing import Growing
from contract_tests.recordings.har import Recorded
from contract_tests.recordings.masking import Mask, secret_names
from contract_tests.recordings.recheck import Listener, Offline
from contract_tests.words.faults import Fault
from contract_tests.words.findings import Finding
from contract_tests.words.replies import Reply
from contract_tests.words.results import Results
from contract_tests.words.secrets.discretion import Discretion
from contract_tests.words.secrets.keys import OWN, WRONG, KeyKinds
from contract_tests.world.world import LONGEST_SHOWN, World
from mock_server.messages import Json
from mock_server.spec import Spec, WireRequest, key_header

MOST_KEYS = 256
"""So many keys of applications are known at a time, to be taken out wherever they stand."""
MOST_ALIKE = 100
"""So many findings of one cause are kept; the others are counted."""
_UNDERSTOOD = re.compile(r"(?:\s*(?:identity|gzip|x-gzip|deflate)\s*,?)*", re.IGNORECASE)
NICENESS = 15
"""Judging waits while something has to be passed on."""


class _Passing(Offline):
    """Keeps only the last answers: a proxy may run for days."""

    keep = Transport.keep


def hear(pipe: socket.socket, wanted: Wanted, specs: Mapping[str, Spec], control: str) -> None:
    """Judges what comes over the pipe until it ends; then tells the whole, and ends the process with its exit code."""
    # What interrupts the proxy ends the pipe, and what came before that is still judged.
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)
    with suppress(OSError):
        os.nice(NICENESS)
    hearing = Hearing(wanted, specs, Journal(control))
    for passed in _frames(pipe):
        hearing.take(passed)
    os._exit(hearing.end())


def _frames(pipe: socket.socket) -> Iterator[Passed]:
    with pipe, pipe.makefile("rb") as stream:
        while len(head := stream.read(FRAME.size)) == FRAME.size:
            (size,) = FRAME.unpack(head)
            content = stream.read(size)
            if len(content) < size:
                return
            yield from pickle.loads(content)  # noqa: S301 - our own words, from the process that forked this one


class Hearing:
    """One vendor's exchanges as they come."""

    def __init__(self, wanted: Wanted, specs: Mapping[str, Spec], journal: Journal) -> None:
        self._journal = journal
        self._wanted = wanted
        self._spec: Spec = specs[wanted.provider]
        self._listener = Listener(self._spec, specs, wanted.origin, _Passing)
        self._world: World = self._listener.done.world
        self._tally = Tally(self._world, wanted.fail_on)
        self._citations = Citations(self._spec)
        self._names = secret_names(specs.values())
        self._kinds = KeyKinds([self._spec])
        self._header = self._spec.security.header.lower()
        self._keys: dict[str, None] = dict.fromkeys([wanted.key] if wanted.key else [])
        self._masks()
        self._worked: set[int] = set()
        self._har = Growing(wanted.record) if wanted.record is not None else None
        self._causes: Counter[tuple[object, ...]] = Counter()
        self._count: Counter[str] = Counter()
        self._lost = ""
        self._started = time.time()
        self.teller = Teller(as_json=wanted.as_json, with_notes=wanted.notes)

    def _masks(self) -> None:
        self._forms = Forms(self._keys)
        self._mask = Mask(self._keys, self._names)
        self._discretion = Discretion(self._keys)

    # --- one exchange -----------------------------------------------------------------------------

    def take(self, passed: Passed) -> None:
        """Keeps, judges and tells one exchange; what goes wrong with that is told, and ends nothing."""
        self._count[passed.how] += 1
        try:
            self._learn_key(passed)
            found = self._judged(passed) if passed.how in (TARGET, MERGED) else []
        except Exception as error:
            self._count["broken"] += 1
            self.teller.broken(f"{passed.method} {passed.target!r}: {type(error).__name__}: {error}")
            return
        self.teller.exchange(passed, self._discretion, self._world.transport.guard.operation_of(_wire(passed)), found)
        for finding in found:
            self._tell(finding)
        if passed.how in (TARGET, MERGED):
            self._journal.keep(f"{SPACE}_{passed.space}", self._entry(passed, found))

    def _learn_key(self, passed: Passed) -> None:
        """Remembers the application's key for as long as the process runs, to take it out of what is kept."""
        value = next((v for k, v in as_text(passed.headers).items() if k.lower() == self._header), "")
        for one in (value.strip(), value.strip().rpartition(" ")[2]):
            if one and one not in self._keys:
                self._keys[one] = None
                while len(self._keys) > MOST_KEYS:
                    del self._keys[next(key for key in self._keys if key != self._wanted.key)]
                self._masks()

    def _judged(self, passed: Passed) -> list[Finding]:
        wire, reply = self._sent(passed), self._reply(passed)
        exchange = Exchange(self._wanted.origin, wire, reply, "", passed.at, passed.seconds)
        key = self._kinds.of(wire.headers)
        coding = reply.headers.get("content-encoding", "")
        if passed.cut or not _UNDERSTOOD.fullmatch(coding):
            what = "that is too large to be kept" if passed.cut else "of a compression that is not understood here"
            self._listener.done.leave_out(f"with a body {what}")
            return []
        number = self._count["recorded"]
        self._keep(exchange)
        kind = key.kind
        if kind == OWN and reply.status == 401 and passed.space not in self._worked:
            kind = WRONG
        elif reply.status < 400:
            self._worked.add(passed.space)
        times = (passed.at, passed.at + passed.seconds)
        origin = self._wanted.origin
        heard = self._listener.hear(
            Recorded(self._spec.provider, wire, reply, number, origin, kind, passed.space, False, False, *times),
            passed.burst,
        )
        verdicts = heard.verdicts if heard is not None else []
        self._count["judged"] += heard is not None
        found = self._tally.add(verdicts)
        for verdict in verdicts:
            del self._tally.outcomes[verdict.operation.id, verdict.property].notes[MOST_ALIKE:]
        return found

    def _sent(self, passed: Passed) -> WireRequest:
        """The request as it went to the endpoint, with a name in place of the key that the proxy put in."""
        wire = _wire(passed)
        headers = {name: value for name, value in as_text(passed.headers).items() if name.lower() != "host"}
        if self._wanted.key is not None:
            headers = {name: value for name, value in headers.items() if name.lower() != self._header}
            headers |= key_header(self._spec.security, self._wanted.name)
        return wire._replace(headers=headers, body=passed.body or None)

    def _reply(self, passed: Passed) -> Reply:
        headers = {name.lower(): value for name, value in as_text(passed.reply_headers).items()}
        flaws = list(passed.flaws)
        try:
            content = decompressed(headers.get("content-encoding", ""), passed.reply_body, flaws)
        except Broken as why:
            content = b""
            flaws.append(str(why))
        return self._forms.reply(passed.status, headers, content, tuple(flaws))

    def _entry(self, passed: Passed, found: list[Finding]) -> dict[str, Json]:
        """The exchange for the mock's journal."""
        wire, mask = _wire(passed), self._mask
        operation = self._world.transport.guard.operation_of(wire)
        said = [f"{one.at or 'body'}: {one.message} ({one.source}, {one.place})" for one in map(self._clean, found)]
        return {
            "at": datetime.fromtimestamp(passed.at, UTC).isoformat(),
            "provider": self._spec.provider,
            "operation": operation if operation in self._spec.operations else None,
            "method": passed.method,
            "path": mask.text(wire.path),
            "query": mask.text(wire.query),
            "request_headers": {one["name"]: one["value"] for one in mask.headers(as_text(passed.headers))},
            "request_body": mask.body(passed.body) if passed.body else "",
            "status": passed.status,
            "response_body": mask.body(self._reply(passed).body)[:LONGEST_SHOWN],
            "milliseconds": round(passed.seconds * 1000, 3),
            "findings": [text[:2000] for text in said[:20]],
        }

    def _clean(self, finding: Finding) -> Finding:
        """A finding with its page and line, without a key."""
        return self._discretion.finding(self._citations.explained(finding))

    def _keep(self, exchange: Exchange) -> None:
        if self._har is None:
            self._count["recorded"] += 1
            return
        try:
            self._har.add(har.written(exchange, self._mask, self._kinds))
            self._count["recorded"] += 1
        except OSError as error:
            if not self._lost:
                self._lost = f"{self._har.file} could not be written: {error.strerror or error}"
                self.teller.broken(self._lost)

    def _tell(self, finding: Finding) -> None:
        clean = self._clean(finding)
        outcome = self._tally.outcomes[finding.operation, finding.property]
        fault = Fault(outcome, (clean,))
        self._causes[fault.cause] += 1
        if self._causes[fault.cause] == 1:
            self.teller.fault(fault, self.results())
        elif self._causes[fault.cause] > MOST_ALIKE:
            outcome.findings[:] = [one for one in outcome.findings if one is not finding]

    # --- the whole --------------------------------------------------------------------------------

    def results(self) -> Results:
        """What was found until now, without a secret, as the reports read it."""
        order = list(self._spec.operations)
        return Results(
            targets={self._spec.provider: self._wanted.origin},
            outcomes=tuple(
                replace(one, findings=list(map(self._clean, one.findings)), notes=list(map(self._clean, one.notes)))
                for one in sorted(self._tally.outcomes.values(), key=lambda one: order.index(one.operation))
            ),
            properties={} if self._wanted.as_json else _promises(),
            depth="what passed",
            fail_on=self._wanted.fail_on,
            started=datetime.fromtimestamp(self._started, UTC),
            seconds=round(time.time() - self._started, 3),
            requests=self._count[TARGET] + self._count[MERGED],
        )

    def end(self) -> int:
        """Tells the whole; the exit code."""
        results = self.results() if self._count["judged"] else Results()
        self._journal.close()
        if self._har is not None:
            self._har.close()
        self.teller.whole(results, self._count, self._listener.done.left_out, dict(self._causes))
        return 1 if results.counts["failed"] or self._count["broken"] or self._lost else 0


@lru_cache(maxsize=1)
def _promises() -> dict[str, str]:
    """What each property promises; the generators come along, so that it is asked for only when it is said."""
    from contract_tests.properties.table import PROPERTIES

    return {one.name: one.sentence for one in PROPERTIES}


def _wire(passed: Passed) -> WireRequest:
    path, _, query = passed.target.partition(b"?")
    return WireRequest(passed.method, path.decode("latin-1"), query.decode("latin-1"), {}, None)
