"""Corrections, tried before they are offered: the spec is loaded and the recordings are judged and replayed with it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from contract_tests.endpoint.transport import Reply
from contract_tests.judging.assumptions import Assumption, Assumptions, together
from contract_tests.judging.citations import Citations
from contract_tests.judging.judge import Tally
from contract_tests.patching.changes import loaded
from contract_tests.patching.items import REPLACE, Item
from contract_tests.patching.yamltext import CannotEdit
from contract_tests.recordings.fidelity import Fidelity
from contract_tests.recordings.har import Recording
from contract_tests.recordings.recheck import judged
from contract_tests.recordings.replay import Replay
from contract_tests.words.findings import Finding
from mock_server.messages import Json
from mock_server.spec import SchemaCheck, Spec
from mock_server.spec.reading.places import SPECS

GRADES = ("assumed", "observed")


def is_ours(reply: Reply) -> bool:
    """Whether Ringback itself gave an answer: that says what the spec says, and proves nothing."""
    return "x-ringback-evidence" in reply.headers


@dataclass
class Said:
    """What recordings say with one spec: of each statement, and where they break what a page says."""

    assumed: list[Assumption]
    findings: list[Finding] = field(default_factory=list)

    def of(self, item: Item) -> list[Assumption]:
        """What is said of the statement that an item corrects."""
        return [one for one in self.assumed if one.statement == item.statement and one.operation in item.operations]

    @property
    def broken(self) -> set[tuple[str, str, str, str]]:
        """Where a page is contradicted."""
        return {(one.operation, one.property, one.at, one.request) for one in self.findings}

    @property
    def against(self) -> dict[tuple[str, str], int]:
        """How many exchanges contradict each statement that a recording contradicts."""
        return {(one.operation, one.statement): one.contradicted for one in self.assumed if one.contradicted}


class Trying:
    """Tries changes of one vendor's spec with the recordings."""

    def __init__(self, spec: Spec, specs: Mapping[str, Spec], recordings: Sequence[Recording]) -> None:
        self.spec = spec
        self.file = Path(spec.file)
        with self.file.open(encoding="utf-8", newline="") as handle:
            self.text = handle.read()
        self._specs = dict(specs)
        self._recordings = recordings
        self.before = self.said(spec)
        self._fidelity: dict[str, Fidelity] = {}
        self._began: dict[Path, dict[str, list[dict[str, Json]]]] = {}

    def said(self, spec: Spec) -> Said:
        """What the recordings say with a spec."""
        specs = {**self._specs, spec.provider: spec}
        make = partial(Assumptions, grades=GRADES, but=is_ours)
        done = [judged(recording, spec, specs, make) for recording in self._recordings]
        findings: list[Finding] = []
        for each in done:
            tally = Tally(each.world, "documented")
            for one in each.judged:
                if not is_ours(one.recorded.reply):
                    findings += tally.add(one.verdicts)
        return Said(together(each.assumptions for each in done), findings)

    def contradictions(self) -> list[Finding]:
        """Where the recordings contradict a page, with the page and the line that says so."""
        explain = Citations(self.spec).explained
        return [explain(one) for one in self.before.findings]

    def alone(self, item: Item) -> str:
        """The text with one item, once it is found right; CannotEdit says what is wrong with it."""
        text = item.change(self.text)
        if text == self.text:
            raise CannotEdit("nothing of it is left to change")
        said = self._right(text)
        mine = said.of(item)
        item.after = {name: sum(getattr(one, name) for one in mine) for name in ("supported", "contradicted")}
        better = item.after["contradicted"] < item.contradicted if item.word == REPLACE else item.after["supported"]
        if not better or item.after["supported"] <= (item.supported if item.word == REPLACE else 0):
            raise CannotEdit("with the change as many exchanges speak against it as before")
        self._same_statements(said, item)
        if item.word == REPLACE:
            self._replayed(text)
        return text

    def all(self, items: Sequence[Item]) -> str:
        """The text with several items, once it is found right."""
        text = self.text
        for item in items:
            text = item.change(text)
        if text != self.text:
            self._right(text)
            self._replayed(text)
        return text

    def fidelity(self, text: str) -> Fidelity:
        """How faithful a mock with this spec is to the recordings."""
        if text not in self._fidelity:
            with _written(self.spec.provider, text) as file, _served(file.parent):
                spec = loaded(text, file)
                self._fidelity[text] = found = Fidelity()
                for recording in self._recordings:
                    began = self._began.get(recording.file)
                    replay = Replay(spec, {**self._specs, spec.provider: spec}, found, began)
                    replay.run(recording)
                    self._began[recording.file] = replay.fixtures
        return self._fidelity[text]

    def _right(self, text: str) -> Said:
        """What the recordings say with a changed spec, which must load, fit its own examples and break no page."""
        with _written(self.spec.provider, text) as file:
            spec = loaded(text, file)
            said = self.said(spec)
        for operation in spec.operations.values():
            for answer in operation.answers.values():
                schema = operation.responses[answer.status].schema
                wrong = SchemaCheck(schema).differences(answer.value) if schema is not None else []
                if wrong and not self._is_wrong_already(operation.id, answer.name):
                    raise CannotEdit(f"{operation.id} could not answer so: {wrong[0].message}")
        worse = said.broken - self.before.broken
        if worse:
            raise CannotEdit(f"with it {sorted(worse)[0][0]} would contradict a page")
        return said

    def _is_wrong_already(self, operation: str, name: str) -> bool:
        answer = self.spec.operations[operation].answers.get(name)
        schema = self.spec.operations[operation].responses[answer.status].schema if answer else None
        return answer is not None and schema is not None and bool(SchemaCheck(schema).differences(answer.value))

    def _same_statements(self, said: Said, item: Item) -> None:
        """What was right must not become wrong beside it."""
        before = self.before.against
        for (operation, statement), count in said.against.items():
            if count > before.get((operation, statement), 0) and statement != item.statement:
                raise CannotEdit(f"with it {statement} of {operation} would be contradicted")

    def _replayed(self, text: str) -> None:
        before, after = self.fidelity(self.text).total, self.fidelity(text).total
        if after.agreeing_fields * before.fields < before.agreeing_fields * after.fields:
            raise CannotEdit(f"a mock with it is less like the recording: {before.percent} % became {after.percent} %")


@contextmanager
def _written(provider: str, text: str) -> Iterator[Path]:
    """Within it, there is a file with this text as that vendor's spec."""
    with TemporaryDirectory(prefix="ringback-patch-") as folder:
        file = Path(folder) / f"{provider}.yaml"
        file.write_text(text, encoding="utf-8", newline="")
        yield file


@contextmanager
def _served(folder: Path) -> Iterator[None]:
    """Within it, a mock that is started serves the specs of that folder."""
    before = os.environ.get(SPECS)
    os.environ[SPECS] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ[SPECS]
        else:
            os.environ[SPECS] = before
