"""What a server must hold after the calls so far, as the contracts say: a model that each exchange is compared with."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator

from contract_tests.endpoint.transport import Reply
from contract_tests.judging import readings
from contract_tests.judging import rows as row_rules
from contract_tests.words import paging
from contract_tests.words.facts import Fact, Record, Verdict, Write
from contract_tests.words.findings import NOTHING, Difference, show
from contract_tests.words.listed import record_in, rows_in
from contract_tests.words.pointers import ABSENT
from contract_tests.words.schemas import same, shows
from contract_tests.words.statements import contract_evidence, weakest, written_evidence
from contract_tests.world import reading
from contract_tests.world.reading import Reading
from contract_tests.world.world import Sent
from mock_server.messages import Json
from mock_server.spec import Evidence, NamedRequest, Operation, Spec

_NO_READING = frozenset((401, 403, 408, 413, 429, 502, 503, 504))
"""Statuses that say nothing of whether a record is there."""


class Model:
    """Sees the successful and the refused exchanges of one key in their order, and says what each of them breaks."""

    def __init__(self, spec: Spec, *, alone: bool) -> None:
        self.spec = spec
        self._alone = alone
        """Nobody else writes to this server, so that a record which nobody made is a finding."""
        self._step = 0
        self._records: dict[str, list[Record]] = {kind: [] for kind in spec.records}
        self._writes: list[Write] = []
        self._bursts: dict[int, list[Write]] = {}
        self._answers: dict[str, list[Json]] = {}
        self._pages: dict[tuple[str, str], list[Json]] = {}
        self._complete: dict[str, int] = {}

    def see(
        self, operation: Operation, request: NamedRequest, sent: Sent, reply: Reply, burst: int = 0
    ) -> Iterator[Verdict]:
        """What an exchange says about records, the ones that were written before it included.

        In a `burst`, exchanges that overlap in time, nothing is said of what was before and after one of them.
        """
        self._step += 1
        effect, kind = operation.contract.get("effect"), operation.contract.get("record")
        if kind not in self.spec.records:
            if effect == "list" and reply.status < 300:
                yield from self._as_a_list(operation, request, sent, reply)
            return
        if effect in ("create", "update", "delete"):
            yield from self._written(operation, request, sent, reply, burst)
        elif effect == "list" and burst and reply.status < 300:
            yield from self._as_a_list(operation, request, sent, reply)
        elif burst:
            return
        elif effect == "read":
            yield from self._read(operation, request, sent, reply)
        elif effect == "list" and reply.status < 300:
            yield from self._as_a_list(operation, request, sent, reply)
            yield from self._listed(operation, request, sent, reply)

    # --- writes ---------------------------------------------------------------------------------

    def _written(
        self, operation: Operation, request: NamedRequest, sent: Sent, reply: Reply, burst: int
    ) -> Iterator[Verdict]:
        kind, contract = operation.contract["record"], operation.contract
        key = (
            reading.key_of(operation, sent, reply) if reply.status < 300 else readings.addressed_key(operation, request)
        )
        record = self._find(kind, key)
        write = Write(self._step, operation, request, sent.wire, reply.status < 300, record, burst=burst)
        self._writes.append(write)
        if not write.accepted:
            return
        written = reading.sent_fields(operation, sent)
        write.names = frozenset(written)
        if contract["effect"] == "create":
            yield from self._is_new(write, record, sent, reply)
        if record is None and key is not ABSENT:
            record = Record(kind, key, {str(key)})
            self._records[kind].append(record)
            if contract["effect"] == "create":
                record.born = write
        if record is None:
            return
        record.owners.update(reading.owners_of(operation, sent))
        rivals = [one for one in self._rivals(write) if one.record is record]
        if any("delete" in (one.effect, write.effect) for one in rivals):
            # Whether it is there now is not known.
            self._records[kind] = [one for one in self._records[kind] if one is not record]
            return
        write.again = record.last is not None and _same(record.last, write)
        write.record, record.last = record, write
        if contract["effect"] == "delete":
            record.gone = write
            self._forget_links(record)
            return
        record.gone = None
        mine = set((contract.get("fields") or {}).values()) | set(contract.get("immutable") or ())
        if contract["effect"] == "update" and not contract.get("partial"):
            mine = set(contract.get("immutable") or ())
        for name in [name for name in record.facts if name not in mine]:
            del record.facts[name]
        for shown in record.shown.values():
            for name in [name for name in shown if name not in mine or name in written]:
                del shown[name]
        for name, value in written.items():
            record.facts[name] = Fact(value, write, self._step)
        for name in [name for name in written if any(_wrote(one, name) for one in rivals)]:
            del record.facts[name], written[name]  # Which of the two came last is not known.
        answer = reading.answered(operation, sent, reply)
        if answer is not None:
            self._learn_names(record, answer.record)
            evidence = weakest(written_evidence(operation, operation), answer.evidence, request.evidence)
            differences = list(readings.unlike(operation, written, answer, self._same(kind)))
            yield Verdict("read-back", operation, request.name, evidence, differences, sent.wire)
            if burst:
                return
            since = record.looked.get(operation.id, 0)
            record.looked[operation.id] = self._step
            yield from self._kept(record, answer, since)

    def _rivals(self, write: Write) -> list[Write]:
        """The other accepted writes of the same burst until now."""
        before = self._bursts.setdefault(write.burst, []) if write.burst else []
        before.append(write)
        return before[:-1]

    def _is_new(self, write: Write, record: Record | None, sent: Sent, reply: Reply) -> Iterator[Verdict]:
        operation, contract = write.operation, write.operation.contract
        if not contract.get("unique"):
            return
        answer = record_in(operation, reply.json, contract["key"]["name"])
        if not isinstance(answer, dict):
            return
        echoed = [sent.value(name) for name in contract.get("echo") or ()]
        earlier = self._answers.setdefault(operation.id, [])
        same = contract.get("idempotent") and (record is not None or echoed in [one["echoed"] for one in earlier])
        if not same:
            # What was deleted may be had again.
            there = [one["answer"] for one in earlier if not self._is_gone(operation, one["answer"])]
            found = list(readings.repeated(operation, answer, there))
            if record is not None and record.gone is None and not found:
                message = f"a new record has the {contract['key']['name']} of one that was there"
                found = [Difference(f"/{contract['key']['name']}", "a new value", "a known one", message)]
            evidence = weakest(contract_evidence(operation, "unique"), write.request.evidence)
            yield Verdict("unique", operation, write.request.name, evidence, found, write.wire)
        earlier.append({"answer": answer, "echoed": echoed})

    def _is_gone(self, operation: Operation, answer: Json) -> bool:
        record = self._find(operation.contract["record"], answer.get(operation.contract["key"]["name"]))
        return record is not None and record.gone is not None

    def _forget_links(self, gone: Record) -> None:
        """What other records say of a deleted one may go with it."""
        for kind, shape in self.spec.records.items():
            links = [name for name, target in shape.references.items() if target == gone.kind]
            going = [name for name in links if shape.links[name].deleted == "remove"]
            if going:
                # What belongs to nobody any more goes too; of what is not known to whom it belongs nothing is known.
                self._records[kind] = [
                    one
                    for one in self._records[kind]
                    if not any(str(one.owners.get(name, gone.key)) in gone.names for name in going)
                ]
            for record in self._records[kind] if links else ():
                for name in links:
                    if name in record.facts and str(record.facts[name].value) in gone.names:
                        del record.facts[name]
                    for shown in record.shown.values():
                        if str(shown.get(name)) in gone.names:
                            del shown[name]

    # --- readings -------------------------------------------------------------------------------

    def _read(self, operation: Operation, request: NamedRequest, sent: Sent, reply: Reply) -> Iterator[Verdict]:
        kind = operation.contract["record"]
        key = sent.path.get(operation.contract["key"]["name"], ABSENT)
        refused = bool(request.answer) and self.spec.answer(operation, request.answer).status >= 300
        plain = self._plain(operation)
        if refused or reply.status in _NO_READING or set(sent.query) != set(plain.query if plain else ()):
            return  # Asked for what is not there, or for another version of it; or it is not answered now.
        record = self._find(kind, key)
        shown = self._shown(operation, reply) if reply.status < 300 else ABSENT
        owners = reading.owners_of(operation, sent)
        if record is not None and any(record.owners.get(name, one) != one for name, one in owners.items()):
            return  # Looked for where it does not belong.
        if record is None:
            if isinstance(shown, dict):
                record = Record(kind, key, {str(key)}, owners=owners)
                self._records[kind].append(record)
            else:
                return
        if shown is ABSENT and str(record.key) != str(key):
            return  # Whether a record goes by another of its names too is no question of what was written.
        seen = Reading(operation, shown, (), sent.wire, reply.status if reply.status < 300 else 200)
        yield from self._compare(record, seen, request)

    def _shown(self, operation: Operation, reply: Reply) -> Json:
        return record_in(operation, reply.json, self.spec.records[operation.contract["record"]].key)

    def _plain(self, operation: Operation) -> NamedRequest | None:
        """The first documented success."""
        for request in operation.requests.values():
            if not request.after and self.spec.answer(operation, request.answer).status < 300:
                return request
        return None

    def _compare(self, record: Record, seen: Reading, request: NamedRequest) -> Iterator[Verdict]:
        """What a reading of a record says about the writes before it."""
        operation, since = seen.operation, record.looked.get(seen.operation.id, 0)
        record.looked[operation.id] = self._step
        if record.gone is not None:
            write = record.gone
            still = Difference("", "gone", "still there", f"deleted, but {operation.id} still shows it")
            found = [still] if seen.record is not ABSENT else []
            yield self._verdict("delete", write, contract_evidence(write.operation), seen, found)
            return
        if seen.record is ABSENT:
            yield from self._missing(record, seen, since)
            return
        self._learn_names(record, seen.record)
        for name, fact in list(record.facts.items()):
            found = list(self._unlike(name, fact, seen))
            if fact.write is not None and fact.step > since:
                cleared = _clears(fact.write.operation, name, fact.value)
                word, key = ("clear", "clears") if cleared else ("read-back", "fields")
                evidence = weakest(contract_evidence(fact.write.operation, key), fact.write.request.evidence)
                yield self._verdict(word, fact.write, evidence, seen, found)
            else:
                yield from self._blame(record, name, seen, since, found)
            if found:
                fact.value, fact.write = reading.field(seen.record, name), None
        yield from self._kept(record, seen, since)

    def _kept(self, record: Record, seen: Reading, since: int) -> Iterator[Verdict]:
        """Whether what nobody has written is shown as the same operation showed it before."""
        operation = seen.operation
        before = record.shown.setdefault(operation.id, {})
        for name in self._fields(record.kind) - set(record.facts):
            value = reading.field(seen.record, name)
            if name in before and since:
                moved = []
                if not same(before[name], value):
                    now = readings.plain(value)
                    message = f"not sent, but {operation.id} shows it changed from {show(before[name])} to {show(now)}"
                    moved = [Difference(_at(name), readings.plain(before[name]), now, message, seen.grade(name))]
                yield from self._blame(record, name, seen, since, moved)
            before[name] = value

    def _unlike(self, name: str, fact: Fact, seen: Reading) -> Iterator[Difference]:
        if fact.write is not None:
            kind = fact.write.operation.contract["record"]
            yield from readings.unlike(fact.write.operation, {name: fact.value}, seen, self._same(kind))
        elif not shows(fact.value, found := reading.field(seen.record, name)):
            message = f"{show(fact.value)} was there, {seen.operation.id} shows {show(found)}"
            yield Difference(_at(name), readings.plain(fact.value), readings.plain(found), message, seen.grade(name))

    def _same(self, kind: str) -> readings.Same | None:
        """Tells whether two values name the same record; a server of our own names them as they were written."""

        def same(field: str, one: Json, other: Json) -> bool:
            target = self.spec.records[kind].references.get(field)
            known = self._find(target, one) if target is not None else None
            return known is not None and str(other) in known.names

        return None if self._alone else same

    def _missing(self, record: Record, seen: Reading, since: int) -> Iterator[Verdict]:
        text = f"written, but {seen.operation.id} does not show it"
        gone = [Difference("", "the record", NOTHING, text, look=seen.wire)]
        if record.born is not None and not since:
            evidence = weakest(contract_evidence(record.born.operation, "fields"), record.born.request.evidence)
            yield self._verdict("read-back", record.born, evidence, seen, gone)
        else:
            yield from self._blame(record, None, seen, since, gone)

    def _blame(
        self, record: Record, name: str | None, seen: Reading, since: int, found: list[Difference]
    ) -> Iterator[Verdict]:
        """The verdict on what was written between two readings of a field (or of the whole record)."""
        later = self._since(since)
        if not later:
            return
        mine = [write for write in later if write.record is record]
        write = (mine or later)[-1]
        operation, contract = write.operation, write.operation.contract
        if not write.accepted:
            word, evidence = ("errors" if write.request.answer else "invalid"), operation.evidence
        elif not mine:
            word, evidence = ("delete" if write.effect == "delete" else "isolation"), contract_evidence(operation)
        elif write.again and contract.get("idempotent"):
            word, evidence = "idempotent", contract_evidence(operation, "idempotent")
        elif name in (contract.get("immutable") or ()):
            word, evidence = "partial", contract_evidence(operation, "immutable")
        elif contract.get("partial") or name is None:
            word, evidence = "partial", contract_evidence(operation, "partial")
        else:
            return
        if write.accepted:
            evidence = weakest(evidence, write.request.evidence)
        for one in found:
            one.beside = record.last is None and record.born is None
            if not mine:
                one.message = f"another record, {record.key}: {one.message}"
        yield self._verdict(word, write, evidence, seen, found)

    def _verdict(self, word: str, write: Write, evidence: Evidence, seen: Reading, found: list[Difference]) -> Verdict:
        title = f"{write.request.name}, read by {seen.operation.id}"
        for difference in found:
            difference.look = seen.wire if seen.wire is not write.wire else None
        known = weakest(evidence, seen.evidence)
        if word not in ("read-back", "clear"):
            # What is broken is said of the write, however sure it is that the reader would show it.
            known = known._replace(source=evidence.source)
        return Verdict(word, write.operation, title, known, found, write.wire)

    # --- lists ----------------------------------------------------------------------------------

    def _as_a_list(self, operation: Operation, request: NamedRequest, sent: Sent, reply: Reply) -> Iterator[Verdict]:
        rows = rows_in(operation, reply.json)
        if rows is None:
            return
        asked = weakest(request.evidence, Reading(operation, None, (), sent.wire, reply.status).evidence)
        for word, found in row_rules.complaints(operation, {**sent.path, **sent.query}, reply.json, rows):
            evidence = weakest(asked, contract_evidence(operation, word))
            yield Verdict("list", operation, request.name, evidence, list(found), sent.wire)

    def _listed(self, operation: Operation, request: NamedRequest, sent: Sent, reply: Reply) -> Iterator[Verdict]:
        rows = [row for row in rows_in(operation, reply.json) or [] if isinstance(row, dict)]
        kind = operation.contract["record"]
        which = _signature(operation, sent)
        known = which in self._complete
        for row in rows:
            record = next((self._find(kind, name) for name in self._names(kind, row) if self._find(kind, name)), None)
            if record is None:
                record = Record(kind, row.get(self.spec.records[kind].key), set(self._names(kind, row)))
                self._records[kind].append(record)
                if known and self._alone and not self._made_since(kind, self._complete[which]):
                    yield from self._appeared(operation, sent, reply, row, self._complete[which])
            record.listed.add(which)
            record.owners.update(reading.owners_of(operation, sent))
            yield from self._compare(record, Reading(operation, row, (), sent.wire, reply.status), request)
        whole = self._whole(operation, which, sent, reply, rows)
        if whole is None:
            return
        if whole is not rows:
            yield self._page_by_page(operation, request, sent, reply, whole)
        present = {name for row in whole for name in self._names(kind, row)}
        for record in self._records[kind]:
            if record.names & present or record.gone is not None or not self._belongs(record, which, operation, sent):
                continue
            since = record.looked.get(operation.id, 0)
            record.looked[operation.id] = self._step
            record.listed.discard(which)
            seen = Reading(operation, ABSENT, (), sent.wire, reply.status)
            if self._since(since):
                yield from self._missing(record, seen, since)
            else:
                message, theirs = "the list showed a record, and now does not", record.last is None
                lost = Difference("", sorted(record.names), NOTHING, message, beside=theirs)
                evidence = weakest(contract_evidence(operation, "page"), seen.evidence)
                yield Verdict("list", operation, request.name, evidence, [lost], sent.wire)
        self._complete[which] = self._step

    def _page_by_page(
        self, operation: Operation, request: NamedRequest, sent: Sent, reply: Reply, whole: list[Json]
    ) -> Verdict:
        """That no page of a list shows what another one showed."""
        names = [str(row.get(operation.contract["key"]["name"])) for row in whole]
        found = []
        if len(set(names)) < len(names):
            message = "page by page, the list shows a record twice"
            found = [Difference("", "each record once", names, message, beside=True)]
        seen = Reading(operation, None, (), sent.wire, reply.status)
        evidence = weakest(contract_evidence(operation, "page"), seen.evidence)
        return Verdict("list", operation, f"{request.name}, page by page", evidence, found, sent.wire)

    def _whole(self, operation: Operation, which: str, sent: Sent, reply: Reply, rows: list[Json]) -> list[Json] | None:
        """All rows of a list once its last page has come; None before, or where its beginning was not seen."""
        page = operation.contract.get("page") or {}
        if not paging.turns(operation):
            # What is not shown may be on a page that nobody can turn to.
            return rows if page.get("size") not in sent.query and not paging.full(operation, {}, len(rows)) else None
        turned = [page[word] for word in ("parameter", "number", "offset", "after") if word in page]
        place = next((str(sent.query[name]) for name in turned if name in sent.query), None)
        before = self._pages.pop((which, place), None) if place is not None else []
        if before is None:
            return None
        _, following = paging.following(operation, sent.query, len(before), rows, reply.json)
        whole = before + rows if before else rows
        if following is ABSENT:
            return whole
        self._pages[(which, str(following))] = whole
        return None

    def _belongs(self, record: Record, which: str, operation: Operation, sent: Sent) -> bool:
        """Whether a list must show a record: it did before, or was asked for what the record was made with.

        A list of those alone `where` a field has a value must show what is known to have it.
        """
        for name, value in (operation.contract.get("where") or {}).items():
            if name not in record.facts or record.facts[name].value != value:
                return False
        filters = operation.contract.get("filters") or {}
        if record.last is not None and set(_fields_of(record.last)) & set(filters.values()):
            return False
        if which in record.listed:
            return True
        if record.born is None:
            return False
        asked = {**sent.path, **sent.query}
        plain = self._plain(operation)
        for name in paging.parameters(operation) & set(asked):
            del asked[name]
        for name, value in plain.query.items() if plain else ():
            if name not in filters and asked.get(name, ABSENT) == value:
                del asked[name]  # As the page shows it, it keeps nothing out.
        made = {**record.born.request.path, **{name: fact.value for name, fact in record.facts.items()}}
        return all(made.get(filters.get(name, name), ABSENT) == value for name, value in asked.items())

    def _made_since(self, kind: str, step: int) -> bool:
        return any(write.accepted and kind in _makes(write.operation) for write in self._since(step))

    def _since(self, step: int) -> list[Write]:
        """The writes after a step; most readings are near the last write, however long a recording is."""
        return self._writes[bisect_right(self._writes, step, key=lambda write: write.step) :]

    def _appeared(self, operation: Operation, sent: Sent, reply: Reply, row: Json, since: int) -> Iterator[Verdict]:
        later = self._since(since)
        if later and not self._is_called(operation):
            found = [Difference("", NOTHING, row, f"another record appeared in {operation.id}")]
            word = "isolation" if later[-1].accepted else "errors" if later[-1].request.answer else "invalid"
            seen = Reading(operation, row, (), sent.wire, reply.status)
            yield self._verdict(word, later[-1], contract_evidence(later[-1].operation), seen, found)

    def _is_called(self, operation: Operation) -> bool:
        """Whether the rows of a list may be calls of a campaign, which come as its time comes."""
        campaigns = self.spec.campaigns
        return (
            campaigns is not None
            and operation.contract.get("record") == self.spec.call_record
            and any(write.accepted and write.operation.id in campaigns.operations for write in self._writes)
        )

    # --- names ----------------------------------------------------------------------------------

    def _find(self, kind: str, key: Json) -> Record | None:
        return next((record for record in self._records[kind] if str(key) in record.names), None)

    def known(self, kind: str) -> list[Record]:
        """The records of a kind that are there, as far as is known."""
        return [record for record in self._records[kind] if record.gone is None]

    def wrote(self, kind: str | None) -> bool:
        """Whether a request that was accepted has written a record of the kind (None: of any kind)."""
        kinds = [write.operation.contract["record"] for write in self._writes if write.accepted]
        return kind in kinds if kind is not None else bool(kinds)

    def _names(self, kind: str, row: Json) -> list[str]:
        shape = self.spec.records[kind]
        return [str(row[name]) for name in (shape.key, *shape.aliases) if row.get(name) not in (None, "")]

    def _learn_names(self, record: Record, shown: Json) -> None:
        if isinstance(shown, dict):
            record.names |= set(self._names(record.kind, shown))

    def _fields(self, kind: str) -> set[str]:
        """Every field of a kind of record that some contract speaks of."""
        names: set[str] = set()
        for operation in self.spec.operations.values():
            if operation.contract.get("record") == kind:
                names |= set((operation.contract.get("fields") or {}).values())
                names |= set(operation.contract.get("immutable") or ())
        return names


def _fields_of(write: Write) -> Iterable[str]:
    """The fields of its record that an update sent."""
    body = write.request.body if isinstance(write.request.body, dict) and write.effect == "update" else {}
    return [target for source, target in (write.operation.contract.get("fields") or {}).items() if source in body]


def _clears(operation: Operation, name: str, value: Json) -> bool:
    return value in reading.clears(operation).get(name, ())


def _wrote(write: Write, name: str) -> bool:
    """Whether a write may have given a field its value, by sending it or by leaving it out."""
    return name in write.names or write.effect == "create" or not write.operation.contract.get("partial")


def _same(one: Write, other: Write) -> bool:
    return one.operation is other.operation and one.wire[:3] == other.wire[:3] and one.wire.body == other.wire.body


def _makes(operation: Operation) -> Iterator[str]:
    """The kinds of record that a write makes: its own, and those it makes of what it is sent."""
    contract = operation.contract
    if contract.get("effect") == "create":
        yield str(contract.get("record"))
    yield from (str(one["record"]) for one in (contract.get("makes") or {}).values())


def _signature(operation: Operation, sent: Sent) -> str:
    turning = paging.parameters(operation)
    query = {name: value for name, value in sent.query.items() if name not in turning}
    return json.dumps([operation.id, dict(sent.path), query], sort_keys=True, default=str)


def _at(name: str) -> str:
    return f"/{name.lstrip('/')}"
