"""In Python a number is rung, an event awaited and a stub written by one line each."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.request import Request, urlopen

import pytest

from ringback import Server, Space
from tests.receiver import Receiver


@pytest.fixture
def space(ringback: Server) -> Iterator[Space]:
    with ringback.space() as one:
        one.clock.freeze("2030-01-01T00:00:00Z")
        yield one


def test_a_number_is_rung_and_its_events_are_awaited(space: Space, receiver: Receiver) -> None:
    space.deliveries.send_to("interactly", f"{receiver.url}/hook", secret="shh", failures=[500])
    call = space.call("+1234567890", to="interactly", outcome="answered", say=["Hello?"])
    assert call["agent"]["name"] == "Receptionist"
    space.clock.advance(300)
    (report,) = space.deliveries.wait_for("end-of-call-report", call=call["id"])
    assert report["body"]["message"]["messages"][1]["text"] == "Hello?"
    assert next(one["state"] for one in space.deliveries.list(event="status-update")) == "failed"
    assert space.calls()[0]["state"] == "ended"
    with pytest.raises(AssertionError, match="expected 2 of end-of-call-report, found 1"):
        space.deliveries.wait_for("end-of-call-report", count=2, seconds=0.1)


def test_a_stub_is_written_listed_and_cleared(space: Space) -> None:
    space.stubs.add("vogent", "POST", "/api/tts", status=201, body={"id": "{{body.text}}"}, headers={"X-A": "b"})
    headers = {"Authorization": f"Bearer {space.api_key}", "Content-Type": "application/json"}
    with urlopen(Request(space.url("vogent") + "/api/tts", b'{"text": "Hi"}', headers), timeout=10) as answer:
        assert (answer.status, answer.read(), answer.headers["X-A"]) == (201, b'{"id":"Hi"}', "b")
    assert [stub["hits"] for stub in space.stubs.list()] == [1]
    space.stubs.clear()
    assert space.stubs.list() == []
