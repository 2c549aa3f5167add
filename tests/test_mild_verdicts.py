"""What no page decides about an answer is told as a note at most: verdicts on single answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from contract_tests.judging.judge import Judge
from contract_tests.judging.readings import unlike
from contract_tests.properties.reads.shown import _another
from contract_tests.properties.writes.fields import FIELDS_AT_ONCE, _together
from contract_tests.words.listed import rows_in
from contract_tests.words.replies import Reply, reply_of
from contract_tests.world import reading
from contract_tests.world.looks import look
from contract_tests.world.reading import Reading
from contract_tests.world.world import Sent, World
from mock_server.spec import NamedRequest, WireRequest
from tests.test_honest_servers import checked, serving

JSON = {"content-type": "application/json"}
NOBODYS = WireRequest("GET", "/", "", {}, None)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """The account of an honest Teli server that shows links by another id, of which nothing has been read yet."""
    with serving("teli", other_names=True) as server:
        run = checked(server, "teli", "quick", draws=0, operations=["getVoiceCampaign"])
        yield run.world("teli")
        run.close()


def test_a_link_by_an_id_that_no_answer_has_shown_is_looked_up(world: World) -> None:
    same = reading.same_names(world, world.spec.operations["updatePhoneAgent"])
    world._names.clear()
    assert not world.same(world.spec.operations["updatePhoneAgent"])("inbound_agent_id", "h2x1", "agent_2honest")
    assert same("inbound_agent_id", "h2x1", "agent_2honest")
    assert not same("inbound_agent_id", "h2x1", "agent_1honest")
    assert not same("nickname", "h2x1", "agent_2honest")


@pytest.mark.parametrize(
    ("nickname", "shown", "notes"),
    [("", None, [True]), ("", "x", [False]), ("a", None, [False]), (" ", "", [False]), ("", "", [])],
)
def test_an_empty_text_that_reads_back_as_nothing_is_a_note(
    nickname: str, shown: str | None, notes: list[bool], world: World
) -> None:
    operations = world.spec.operations
    seen = Reading(operations["listPhoneNumbers"], {"nickname": shown}, (), NOBODYS)
    found = unlike(operations["updatePhoneAgent"], {"nickname": nickname}, seen)
    assert [one.grade == "assumed" for one in found] == notes


def test_of_two_statuses_of_success_either_may_be_answered(world: World) -> None:
    operation = world.spec.operations["createAgent"]
    answer = world.spec.answer(operation, "voice-created")
    replies = [reply_of(status, JSON, b"{}") for status in (200, 201, 202)]
    told = [[one.grade for one in _another(operation, answer, reply) if one.at == "status"] for reply in replies]
    assert told == [["assumed"], [], [None]]


@pytest.mark.parametrize(
    ("words", "broken"),
    [
        ({"error": "A user with email ada@example.org already exists in this organization"}, False),
        ({"error": "No valid fields to update. Allowed: name, email, permission, phone, status"}, False),
        ({"reason": "That will not do"}, True),
    ],
)
def test_a_further_key_makes_no_refusal_another_one(words: dict[str, str], broken: bool, world: World) -> None:
    operation = world.spec.operations["updateUser"]
    body = {"email": "ada@example.org"}
    request = NamedRequest("generated", "", {}, {}, {}, body, True, None, (), operation.evidence)
    reply: Reply = reply_of(400, JSON, b"{}")._replace(
        json={**words, "success": False, "powered_by": "Teli", "trace": "7f"}
    )
    sent = Sent({}, {}, body, NOBODYS)
    found = [
        one
        for verdict in Judge(world, alone=False)._some_error(operation, request, sent, reply)
        for one in verdict.differences
    ]
    assert any(one.grade != "assumed" for one in found) == broken


def test_every_two_of_many_fields_stand_in_one_request() -> None:
    names = [f"field_{index}" for index in range(27)]
    some = list(_together(names))
    assert {frozenset((a, b)) for one in some for a in one for b in one if a != b} == {
        frozenset((a, b)) for a in names for b in names if a != b
    }
    assert len(some) < 70
    assert {len(set(one)) for one in some} == {FIELDS_AT_ONCE}
    assert list(_together(names[:3])) == [("field_0", "field_1"), ("field_0", "field_2"), ("field_1", "field_2")]


def test_a_refused_create_shows_in_a_list_that_names_only_keys() -> None:
    looked: list[str] = []
    world: Any = _Looking(looked)
    look(world, world.spec.operations["createAgent"])
    assert "listAgents" in looked


class _Looking:
    """A world in which only what is looked at is of interest."""

    pristine = False

    def __init__(self, looked: list[str]) -> None:
        from mock_server.spec import load_all

        self.spec, self.first_looks, self._looked = load_all()["uponai"], {}, looked

    def named(self, operation: Any, name: str) -> Any:
        return operation.requests[name]

    def send(self, operation: Any, request: Any) -> Any:
        self._looked.append(operation.id)
        return Sent({}, {}, None, NOBODYS), reply_of(500, {}, b"")


def test_rows_are_found_three_envelopes_deep(world: World) -> None:
    rows = [{"phone_number": "+14155551234"}]
    body = {"data": {"page": {"items": rows, "others": []}}, "took_ms": 3}
    assert rows_in(world.spec.operations["listPhoneNumbers"], body) == rows
