"""A recording, judged again: every exchange as if it were made now, and nothing is sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from contract_tests.endpoint.guard import Guard
from contract_tests.endpoint.transport import Reply, Transport
from contract_tests.judging.assumptions import Assumptions
from contract_tests.judging.judge import Judge
from contract_tests.judging.model import Model
from contract_tests.recordings import har
from contract_tests.recordings.bursts import bursts
from contract_tests.recordings.har import Recorded, Recording
from contract_tests.recordings.naming import (
    KEY_STAND_IN,
    NOT_NOW,
    Recognised,
    Recogniser,
    counts_as_none,
    literals,
)
from contract_tests.words.facts import Verdict
from contract_tests.words.findings import NotCovered
from contract_tests.words.secrets.keys import NONE, OTHER, WRONG, WRONG_KEY
from contract_tests.world.absence import NOT_THERE, said
from contract_tests.world.world import World
from mock_server.messages import Json
from mock_server.spec import NamedRequest, Spec, WireRequest


class Offline(Transport):
    """Sends nothing; only the origin is known, for the lines that repeat a request."""

    def send(self, request: WireRequest, *, expected: int = 0) -> Reply:
        """Raises NotCovered: what is not in the recording is not known."""
        raise NotCovered("a recording is checked, and nothing is sent")

    def keep(self, request: WireRequest, reply: Reply) -> None:
        """Keeps every answer, which the recording holds anyway."""
        self._kept[id(request)] = (request, reply)


class Judged(NamedTuple):
    """What an exchange of the recording says: the verdicts on it, and on earlier exchanges that it shows wrong."""

    recorded: Recorded
    verdicts: list[Verdict]


@dataclass
class Rechecked:
    """What the recording of one vendor says; `left_out` counts the exchanges that say nothing, by the reason."""

    world: World
    assumptions: Assumptions
    judged: list[Judged] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)

    def leave_out(self, reason: str) -> None:
        """Counts an exchange that is not judged."""
        self.left_out[reason] = self.left_out.get(reason, 0) + 1


class Listener:
    """Judges the exchanges of one vendor one after another, those of each key by themselves."""

    def __init__(
        self,
        spec: Spec,
        specs: Mapping[str, Spec],
        origin: str,
        offline: type[Offline] = Offline,
        assumptions: Callable[[World], Assumptions] = Assumptions,
    ) -> None:
        world = World(spec, offline(origin, Guard(spec, ())), key=KEY_STAND_IN, own=False)
        self.done = Rechecked(world, assumptions(world))
        self._recogniser = Recogniser(spec, specs)
        self._judges: dict[int, Judge] = {}
        self._done: set[str] = set()
        self._absent: set[tuple[int, str]] = set()

    def hear(self, recorded: Recorded, burst: int = 0) -> Judged | None:
        """What an exchange says; None where it says nothing. Those of one `burst` overlap in time."""
        done, spec = self.done, self._recogniser.spec
        world = done.world
        if recorded.key == OTHER:
            done.leave_out("by the key of another account")
            return None
        recognised = self._recogniser.recognised(recorded)
        if recognised is None:
            done.leave_out("to no documented operation")
            return None
        key = _key(recorded, spec)
        if not recognised.json and not recognised.names and key == world.key:
            done.leave_out("with a body that is not sent as JSON")
            return None
        operation, reply = recognised.operation, recorded.reply
        if reply.status in NOT_NOW and reply.status not in operation.responses:
            done.leave_out("that the server had no time for")
            return None
        if key == world.key and self._lacks(recognised, reply):
            done.leave_out("to an operation that the server does not have")
            return None
        space = recorded.space if key == world.key else 0
        judge = self._judges.setdefault(space, Judge(world, alone=recorded.alone))
        recognised = _named(self._recogniser, recognised, reply, judge.model)
        request, sent = recognised.request, recognised.sent
        if recognised.masked and not request.answer and reply.status >= 300:
            done.leave_out("refused with a secret that is masked")
            return None
        world.transport.keep(sent.wire, reply)
        judge.see(operation, request, sent, reply, key, burst)
        verdicts = [_pointing(verdict, recorded) for verdict in judge.verdicts]
        judge.verdicts.clear()
        done.assumptions.see(operation, request, sent, reply, key, verdicts, recorded.entry, recorded.day)
        return Judged(recorded, verdicts)

    def _lacks(self, recognised: Recognised, reply: Reply) -> bool:
        """Whether the server has left out an operation that is not on the pages the project began with.

        As far as the recording shows it has never done it, and answers with a status that no page gives for it, or as
        it does where an operation is left out.
        """
        operation = recognised.operation
        if reply.status not in NOT_THERE:
            self._done |= {operation.id}
        if operation.evidence.grade == "seed" or operation.id in self._done:
            return False
        answered = said(recognised.sent.wire, reply)
        if reply.status not in operation.responses:
            self._absent.add(answered)
        return answered in self._absent


def judged(
    recording: Recording,
    spec: Spec,
    specs: Mapping[str, Spec],
    assumptions: Callable[[World], Assumptions] = Assumptions,
) -> Rechecked:
    """Judges the exchanges of one vendor in their order."""
    mine = [one for one in recording if one.provider == spec.provider]
    origin, together = mine[0].origin if mine else spec.origin, bursts(mine)
    listener = Listener(spec, specs, origin, assumptions=assumptions)
    listener.done.assumptions.file = recording.label
    for recorded in mine:
        with har.entry(recording.file, recorded.entry):
            heard = listener.hear(recorded, together.get(recorded.entry, 0))
        if heard is not None:
            verdicts = [_of(verdict, recording.label) for verdict in heard.verdicts]
            listener.done.judged.append(heard._replace(verdicts=verdicts))
    return listener.done


def _of(verdict: Verdict, label: str) -> Verdict:
    """The verdict with the recording in its title, where there are several."""
    return verdict._replace(request=f"{verdict.request} of {label}") if label else verdict


def _key(recorded: Recorded, spec: Spec) -> str | None:
    """The key as the judge takes it; one that may have been stripped from the recording was there if it worked."""
    if recorded.key == NONE:
        return KEY_STAND_IN if recorded.stripped and recorded.reply.status not in (401, 403) else None
    if recorded.key != WRONG:
        return KEY_STAND_IN
    return None if counts_as_none(recorded, spec) else WRONG_KEY


def _named(recogniser: Recogniser, recognised: Recognised, reply: Reply, model: Model) -> Recognised:
    """The request under its name in the spec, or unnamed where what must be answered depends on what is not known."""
    spec, operation = recogniser.spec, recognised.operation
    names = {name.answer: name for name in reversed(recognised.names)}
    fitting = [name for name in names.values() if spec.answer(operation, name.answer).status == reply.status]
    if len(names) != 1 and (len(fitting) != 1 or recognised.masked):
        return recognised
    name = (fitting or list(names.values()))[0]
    if fitting or _is_certain(recogniser, recognised, name, model):
        return recogniser.named(recognised, name)
    return recognised


def _is_certain(recogniser: Recogniser, recognised: Recognised, name: NamedRequest, model: Model) -> bool:
    """Whether a documented request must get its documented answer after what the recording has shown."""
    spec, operation = recogniser.spec, recognised.operation
    kind, effect = operation.contract.get("record"), operation.contract.get("effect")
    if spec.answer(operation, name.answer).status < 300:
        certain = effect != "create"  # What can be made once only may have been there before.
    else:
        certain = recogniser.is_forbidden(recognised) or not model.wrote(kind)
    return certain and all(_is_there(model, value) for value in literals(spec, operation, name))


def _is_there(model: Model, value: Json) -> bool:
    """Whether the recording has shown a record by that name, or with that value, which is still there."""
    for kind in model.spec.records:
        for record in model.known(kind):
            if str(value) in record.names or any(value in shown.values() for shown in record.shown.values()):
                return True
    return False


def _pointing(verdict: Verdict, recorded: Recorded) -> Verdict:
    """The verdict with the entry in its title that tells it."""
    if re.search(rf"\bentry {recorded.entry}\b", verdict.request):
        return verdict
    return verdict._replace(request=f"{verdict.request}, entry {recorded.entry}")


def chosen(recording: Recording, providers: Collection[str]) -> list[str]:
    """The vendors to look at: the named ones, else all that the recording has exchanges of."""
    return list(providers) or recording.providers
