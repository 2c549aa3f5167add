"""A recording, replayed: its requests go to a mock that begins as the recorded server did, in the recorded order."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

import yaml

from contract_tests.endpoint.guard import COSTS, Guard
from contract_tests.endpoint.mock import MockRefused, OwnMock
from contract_tests.endpoint.transport import Transport, Unreachable
from contract_tests.recordings import har
from contract_tests.recordings.beginnings import Beginnings, Known, properties_of
from contract_tests.recordings.bursts import bursts
from contract_tests.recordings.fidelity import Comparison, Fidelity, Issued
from contract_tests.recordings.har import Recorded, Recording
from contract_tests.recordings.masking import holds_mask, stood_in
from contract_tests.recordings.naming import NOT_NOW, Recogniser, counts_as_none
from contract_tests.words.findings import NotCovered
from contract_tests.words.pointers import ABSENT
from contract_tests.words.secrets.keys import NONE, OTHER, OWN, WRONG, WRONG_KEY
from mock_server.messages import Json
from mock_server.spec import Operation, Spec, WireRequest, key_header

_MOST_STARTS = 40
_SOME_TIME = "2026-01-01T00:00:00.000Z"
_MISSING = re.compile(r"(\w+)\[(\d+)\]\S* (?:cannot be completed: KeyError '(\w+)'|.*?(\w+) is required)")
_WRONG = re.compile(r"(\w+)\[(\d+)\](?:\.(\w+))?")


class Replay:
    """Replays the exchanges of one vendor and compares the answers."""

    def __init__(
        self,
        spec: Spec,
        specs: Mapping[str, Spec],
        fidelity: Fidelity,
        known: Mapping[str, list[dict[str, Json]]] | None = None,
    ) -> None:
        """`known` are the fixtures with which an earlier replay of the same recording began."""
        self.spec = spec
        self.fidelity = fidelity
        self.left_out: dict[str, int] = {}
        self.beginnings = Beginnings(spec)
        self.fixtures: dict[str, list[dict[str, Json]]] = {}
        self._known = known
        self._recogniser = Recogniser(spec, specs)
        self._comparisons: dict[tuple[str, int], Comparison] = {}
        self._issued: dict[int, Issued] = {}

    def run(self, recording: Recording) -> None:
        """Derives what was there, starts a mock with it, and replays."""
        mine = [one for one in recording if one.provider == self.spec.provider and self._is_replayed(one)]
        for recorded in mine:
            with har.entry(recording.file, recorded.entry):
                recognised = self._recogniser.recognised(recorded)
                if recognised is not None and (recorded.key == OWN or (recorded.key == NONE and recorded.stripped)):
                    self.beginnings.see(recognised, recorded.reply, recorded.space)
        together = bursts(mine)
        with self._mock() as mock:
            guard = Guard(self.spec, COSTS, own=True)
            transport = Transport(mock.origin(self.spec.provider), guard)
            for recorded in mine:
                with har.entry(recording.file, recorded.entry):
                    self._replay(transport, recorded, overlapped=recorded.entry in together)

    def _is_replayed(self, recorded: Recorded) -> bool:
        found = self._recogniser.operation(recorded)
        if found is None:
            reason = "to no documented operation"
        elif recorded.key == OTHER:
            reason = "by the key of another account"
        elif recorded.reply.status in NOT_NOW and recorded.reply.status not in found[0].responses:
            reason = "that the server had no time for"
        else:
            return True
        self._leave_out(reason)
        return False

    def _leave_out(self, reason: str) -> None:
        self.left_out[reason] = self.left_out.get(reason, 0) + 1

    def _replay(self, transport: Transport, recorded: Recorded, *, overlapped: bool) -> None:
        found = self._recogniser.operation(recorded)
        assert found is not None
        operation = found[0]
        issued = self._issued.setdefault(recorded.space, Issued(self._names()))
        which = (operation.id, recorded.space)
        comparison = self._comparisons.setdefault(which, Comparison(self.spec, operation, issued))
        try:
            reply = transport.send(self._request(operation, recorded, issued))
        except (Unreachable, NotCovered):
            # A magic value of the mock's, say, which breaks the connection.
            self._leave_out("that the mock does not answer")
            return
        fields = comparison.compare(recorded.reply, reply)
        if overlapped and not all(one.agrees for one in fields):
            self._leave_out("that overlapped with others, and may have been answered in another order")
            return
        if self._counts_calls_before(operation, found[1]) and not all(one.agrees for one in fields):
            self._leave_out("that count calls of a campaign from before the recording, of which no list shows whom")
            return
        self.fidelity.add(operation, (recorded.reply.status, reply.status), fields, recorded.entry)

    def _counts_calls_before(self, operation: Operation, path: Mapping[str, str]) -> bool:
        """Whether an operation tells how far a campaign is that was there from the start."""
        said = self.spec.campaigns
        node = said.operations.get(operation.id, {}) if said is not None else {}
        if said is None or "read" not in node:
            return False
        key = self.spec.records[said.record].key
        return any(row.get(key) == path[node["read"]] for row in self.fixtures.get(said.record, ()))

    def _request(self, operation: Operation, recorded: Recorded, issued: Issued) -> WireRequest:
        """The recorded request with the mock's own ids, numbers and cursors, and a key of the mock's."""
        request = recorded.request
        headers = {}
        if recorded.key == WRONG:
            headers = {} if counts_as_none(recorded, self.spec) else key_header(self.spec.security, WRONG_KEY)
        elif recorded.key != NONE or (recorded.stripped and recorded.reply.status not in (401, 403)):
            headers = key_header(self.spec.security, f"test_diff_{self.spec.provider}_{recorded.space}")
        for name in ("Content-Type", *(parameter.name for parameter in operation.parameters_in("header"))):
            value = recorded.header(name)
            if value is not None:
                headers[name] = value
        segments = [unquote(segment) for segment in request.path.split("/")]
        path, query = request.path, request.query
        if issued.put_in(segments) != segments:
            path = "/".join(quote(segment, safe="+~") for segment in issued.put_in(segments))
        pairs = parse_qsl(query, keep_blank_values=True)
        if issued.put_in([list(pair) for pair in pairs]) != [list(pair) for pair in pairs]:
            query = urlencode([(name, issued.put_in(value)) for name, value in pairs])
        return WireRequest(request.method, path, query, headers, self._body(operation, recorded, issued))

    def _body(self, operation: Operation, recorded: Recorded, issued: Issued) -> bytes | None:
        body = recorded.request.body
        try:
            document = json.loads(body or b"")
        except (ValueError, RecursionError):
            return body
        filled = issued.put_in(document)
        if holds_mask(filled):
            # A secret that the refusal speaks of was a bad one, as its mask is; of the others none need be.
            said = recorded.reply.body.decode("utf-8", "replace") if recorded.reply.status >= 300 else ""
            filled = stood_in(self.spec, operation.body_schema, filled, said)
        return body if filled == document else json.dumps(filled, ensure_ascii=False).encode()

    # --- the mock -------------------------------------------------------------------------------

    def _names(self) -> dict[str, str]:
        """The names of the records that were there from the start: they are the same on the mock."""
        names = {}
        for kind, rows in self.fixtures.items():
            record = self.spec.records[kind]
            for row in rows:
                for name in (record.key, *record.aliases):
                    if isinstance(row.get(name), str):
                        names[row[name]] = row[name]
        return names

    @contextmanager
    def _mock(self) -> Iterator[OwnMock]:
        """A mock with the derived fixtures; what it does not take is filled in, or left out in the end."""
        records = self.beginnings.records()
        self.fixtures = {kind: [_row(known) for known in several] for kind, several in records.items() if several}
        if self._known is not None:
            self.fixtures = copy.deepcopy(dict(self._known))
        with TemporaryDirectory(prefix="ringback-diff-") as folder:
            for start in range(_MOST_STARTS + 1):
                if start == _MOST_STARTS:
                    self.fixtures = {}  # What was there cannot be told from the recording.
                self._drop_loose_ends()
                file = Path(folder) / f"{self.spec.provider}.yaml"
                file.write_text(yaml.safe_dump(self.fixtures, sort_keys=False), encoding="utf-8")
                try:
                    mock = OwnMock(fixtures=Path(folder))
                except MockRefused as refused:
                    self._mend(str(refused))
                    continue
                try:
                    yield mock
                finally:
                    mock.stop()
                return
        raise MockRefused("a mock does not start even with nothing in it")

    def _drop_loose_ends(self) -> None:
        """Takes out references to records that the recording made, or that are left out."""
        for kind, rows in self.fixtures.items():
            for name, target in self.spec.records[kind].references.items():
                record = self.spec.records[target]
                fields = (record.key, *record.aliases)
                known = {row.get(field) for row in self.fixtures.get(target, ()) for field in fields}
                for row in rows:
                    if isinstance(row.get(name), str) and row[name] and row[name] not in known:
                        del row[name]

    def _mend(self, said: str) -> None:
        """Changes the fixtures by what the mock said of them: gives what is missing, or drops what is wrong."""
        missing, wrong = _MISSING.search(said), _WRONG.search(said)
        if missing is not None:
            kind, name = missing[1], missing[3] or missing[4]
            invented = [(row, self._invented(kind, name, index)) for index, row in enumerate(self.fixtures[kind])]
            if all(value is ABSENT for row, value in invented if name not in row):
                del self.fixtures[kind][int(missing[2])]
            for row, value in invented:
                if name not in row and value is not ABSENT:
                    row[name] = value
        elif wrong is not None and wrong[1] in self.fixtures:
            rows, index = self.fixtures[wrong[1]], int(wrong[2])
            if wrong[3] in rows[index]:
                del rows[index][wrong[3]]
            else:
                del rows[index]
        else:
            raise MockRefused(said)

    def _invented(self, kind: str, name: str, index: int) -> Json:
        """A value for a field that a record must have and the recording does not show."""
        for other, record in self.spec.records.items():
            rows = self.fixtures.get(other) or [{}]
            if other != kind and record.key == name and name in rows[0]:
                return rows[0][name]
        record = self.spec.records[kind]
        if name in record.references:
            # What a list of its owner did not show belongs to another one.
            key, listed = self.spec.records[record.references[name]].key, self.beginnings.listed
            owners = [row[key] for row in self.fixtures.get(record.references[name], ()) if key in row]
            return next((owner for owner in owners if (kind, name, str(owner)) not in listed), ABSENT)
        value = self.beginnings.template(kind).get(name, _plain(properties_of(record.schema).get(name)))
        if name in (record.key, *record.aliases) and isinstance(value, str):
            digits = f"{index:04d}"
            return value[: -len(digits)] + digits
        return value


def _plain(schema: Any) -> Json:
    """Some value of a field that no answer shows."""
    kind = schema.get("type") if isinstance(schema, Mapping) else None
    if kind in ("integer", "number"):
        return 0
    return _SOME_TIME if kind == "string" and schema.get("format") == "date-time" else "recorded"


def _row(known: Known) -> dict[str, Any]:
    return dict(known.fields) if known.shown else {**known.later, **known.fields}
