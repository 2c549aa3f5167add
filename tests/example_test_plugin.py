"""The example of the README: a test of code that calls Teli, with a world of its own."""

import json
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest


def create_number(base_url, api_key):
    """Stands for the code under test: it only knows a base URL and a key."""
    body = {"area_code": "313", "user_id": "u1", "organization_id": "o1", "tenant_id": "t1"}
    headers = {"X-API-Key": api_key, "Content-Type": "application/json"}
    url = f"{base_url}/v1/voice/phone-numbers/create"
    with urlopen(Request(url, json.dumps(body).encode(), headers)) as answer:
        return json.load(answer)


def test_a_number_is_created(ringback_space):
    ringback_space.clock.freeze("2030-01-01T00:00:00Z")
    number = create_number(ringback_space.url("teli"), ringback_space.api_key)
    assert number["phone_number"].startswith("+1313")
    ringback_space.requests.verify(operation="createPhoneNumber", body={"area_code": "313"}, times="exactly 1")


def test_the_second_attempt_succeeds_after_a_429(ringback_space):
    answer = {"status": 429, "headers": {"Retry-After": "1"}}
    ringback_space.faults.add("teli", "createPhoneNumber", answer=answer, times=1)
    with pytest.raises(HTTPError, match="429"):
        create_number(ringback_space.url("teli"), ringback_space.api_key)
    assert create_number(ringback_space.url("teli"), ringback_space.api_key)["phone_number"]


def test_every_test_has_a_world_of_its_own(ringback_space):
    assert ringback_space.requests.count() == 0
    before = ringback_space.state.export()["providers"]
    create_number(ringback_space.url("teli"), ringback_space.api_key)
    ringback_space.state.reset()
    assert ringback_space.state.export()["providers"] == before


def test_the_phone_rings(ringback_space):
    ringback_space.clock.freeze("2030-01-01T00:00:00Z")
    call = ringback_space.call("+1234567890", to="interactly", say=["Are you open?"])
    assert call["agent"]["name"] == "Receptionist"
    ringback_space.clock.advance(300)
    [ended] = ringback_space.calls()
    assert [line["text"] for line in ended["transcript"]][1:] == ["Are you open?"]
