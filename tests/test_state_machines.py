"""Random sequences of every operation of a vendor, held against a model that was written from the vendor's pages.

Two spaces are driven in turn. After every step both are listed and compared with their models, so a record of one that
shows in the other is found as surely as one that is lost. An error answer must leave everything a space holds as it
was, and no stored record may name another that is gone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from typing import Any, ClassVar, Protocol
from urllib.parse import quote, unquote, urlencode

import pytest
import requests
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from mock_server.catalogue import open_services
from mock_server.desk.rewind import export_state
from mock_server.exchange import Service
from mock_server.fixtures import reference_errors
from mock_server.messages import Request
from mock_server.spec import Spec, key_header
from tests.conftest import Server

Record = dict[str, Any]
ABSENT = object()

SPACES = st.sampled_from(["one", "one", "one", "two"])
INDEXES = st.integers(0, 40)
NAMES = st.sampled_from(["Anna", "Ben", "Chris"])


class Driver(Protocol):
    """Sends the requests of one vendor's client, and looks at what a space holds."""

    spec: Spec

    def ask(self, key: str, method: str, path: str, body: Any) -> tuple[int, Any]: ...

    def state(self, key: str) -> Record: ...

    def forget(self, key: str) -> None: ...


class InProcess:
    """The exchange itself, without a server; `driven` are the operations that were asked for."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.spec = service.spec
        self.driven: set[str] = set()

    def ask(self, key: str, method: str, path: str, body: Any) -> tuple[int, Any]:
        route, _, query = path.partition("?")
        headers = {name.lower(): value for name, value in key_header(self.spec.security, key).items()}
        content = b"" if body is None else json.dumps(body).encode()
        response = self.service.exchange(Request(method, unquote(route), query, headers, content))
        self.driven.add(dict(response.headers)["x-ringback-operation"])
        return response.status, json.loads(response.body)

    def state(self, key: str) -> Record:
        space = self.service.spaces.open(key)
        return export_state(self.service.spaces, {self.spec.provider: self.spec}, space)["providers"]

    def forget(self, key: str) -> None:
        self.service.spaces.close(key)


class OverTheWire:
    """A real server."""

    def __init__(self, server: Server, spec: Spec) -> None:
        self.server = server
        self.spec = spec
        self.session = requests.Session()

    def ask(self, key: str, method: str, path: str, body: Any) -> tuple[int, Any]:
        url = self.server.origin(self.spec.provider) + path
        response = self.session.request(method, url, json=body, headers=key_header(self.spec.security, key), timeout=20)
        return response.status_code, response.json()

    def state(self, key: str) -> Record:
        answer = self.session.get(f"{self.server.control}/state", params={"space": key}, timeout=20)
        if answer.status_code == 404:
            return {}
        return {self.spec.provider: answer.json()["providers"][self.spec.provider]}

    def forget(self, key: str) -> None:
        self.session.delete(f"{self.server.control}/spaces/{key}", timeout=20)


_runs = count()


class World:
    """One space: its key, and the model of what it holds."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.key = f"test_machine_{next(_runs)}"
        self.gone: list[str] = []
        """Ids of what was deleted; they may be named nowhere any more."""

    def ask(self, method: str, path: str, body: Any = None, **query: Any) -> tuple[int, Any]:
        """Status and body of an answer; one that says no must have changed nothing."""
        if query:
            path += "?" + urlencode({name: value for name, value in query.items() if value is not ABSENT})
        before = self.driver.state(self.key)
        status, said = self.driver.ask(self.key, method, path, body)
        assert status != 500 or "Internal" not in json.dumps(said), (method, path, body, said)
        if (status >= 400 or method == "GET") and before:
            assert self.driver.state(self.key) == before, (method, path, body, status, said)
        return status, said

    def expect(self, wanted: int, method: str, path: str, body: Any = None, **query: Any) -> Any:
        status, said = self.ask(method, path, body, **query)
        assert status == wanted, (method, path, body, query, wanted, status, said)
        return said


def present(**fields: Any) -> Record:
    """The fields that were not left out."""
    return {name: value for name, value in fields.items() if value is not ABSENT}


def pick(choices: Any, index: int) -> Any:
    return list(choices)[index % len(choices)]


HELD = {"numbers", "agents", "organizations", "users", "assistants", "accounts", "workspaces"}
"""The kinds of records that the models hold. Calls, and what calls, have a life that the clock moves (`test_dials.py`,
`test_campaigns.py`); what is only written and read is walked through by the state machine of the check, from contracts.
"""


class Machine(RuleBasedStateMachine):
    """What the machines of all vendors share: two worlds, and what must hold in both after every step."""

    world_type: ClassVar[type[World]]

    def __init__(self, driver: Driver) -> None:
        super().__init__()
        self.driver = driver
        self.worlds: dict[str, Any] = {name: self.world_type(driver) for name in ("one", "two")}

    @invariant()
    def the_server_shows_what_the_model_holds(self) -> None:
        for world in self.worlds.values():
            world.compare()

    @invariant()
    def nothing_names_what_is_not_there(self) -> None:
        for world in self.worlds.values():
            stored = self.driver.state(world.key)
            if not stored:
                continue
            records = stored[self.driver.spec.provider]["records"]
            assert list(reference_errors(records, self.driver.spec)) == []
            text = json.dumps({kind: rows for kind, rows in records.items() if kind in HELD})
            assert [id for id in world.gone if f'"{id}"' in text] == []

    def teardown(self) -> None:
        for world in self.worlds.values():
            self.driver.forget(world.key)


# Teli

OWN, OTHER = "1762896364768x389173798861431550", "1763070568417x631086913669115287"
OWNERS = ("1762896366429x599348279945132448", "1763072368418x263803518630956376", "somebody-else")
TELI_IDS = ("agent_id", "unique_id", "voice_agent_id", "id")
LINKS = st.one_of(st.just(ABSENT), st.sampled_from([None, "", "agent_nobody"]), INDEXES, INDEXES, INDEXES)


class TeliWorld(World):
    def __init__(self, driver: Driver) -> None:
        super().__init__(driver)
        self.numbers: dict[str, Record] = {}
        self.released: dict[str, Record] = {}
        self.agents: dict[str, Record] = {}
        self.organizations: dict[str, Record] = {}
        self.users: dict[str, Record] = {}
        for row in self.expect(200, "GET", "/v1/organizations")["organizations"]:
            self.organizations[row["unique_id"]] = row
            for user in self.expect(200, "GET", f"/v1/organizations/{row['unique_id']}/users")["users"]:
                self.users[user["unique_id"]] = {"organization": row["unique_id"], **user}
            for agent in self.rows("agents", organization_id=row["unique_id"]):
                self.agents[agent["agent_id"]] = agent
            for kind in ("voice", "sms"):
                for number in self.listed_numbers(row["unique_id"], phone_type=kind, is_admin="true"):
                    self.numbers[number["phone_number"]] = number

    def rows(self, noun: str, **query: Any) -> list[Record]:
        path = {"agents": "/v1/agents", "numbers": "/v1/voice/phone-numbers"}[noun]
        said = self.expect(200, "GET", path, **query)
        rows: list[Record] = said["phone_numbers" if noun == "numbers" else noun]
        assert said["count"] == len(rows)
        return rows

    def listed_numbers(self, organization: str, **query: Any) -> list[Record]:
        return self.rows("numbers", **{"user_id": OWNERS[0], "organization_id": organization, **query})

    def compare(self) -> None:
        for organization in self.organizations:
            own = [agent for agent in self.agents.values() if agent["organization_id"] == organization]
            assert self.rows("agents", organization_id=organization) == own
            for kind in ("voice", "sms"):
                wanted = [
                    number
                    for number in self.numbers.values()
                    if number["organization_id"] == organization and number["phone_type"] == kind
                ]
                assert self.listed_numbers(organization, phone_type=kind, is_admin="true") == wanted
        assert self.expect(200, "GET", "/v1/organizations")["organizations"] == list(self.organizations.values())

    def agent(self, link: Any) -> Any:
        """An index stands for one of the ids of one of the agents, those that are gone included."""
        if not isinstance(link, int) or link == 7:
            return link
        ids = [agent[name] for agent in self.agents.values() for name in TELI_IDS if agent[name]]
        return pick([*ids[:16], *ids[-4:], *self.gone[-2:]] or ["agent_nobody"], link)

    def found(self, id: Any) -> Record | None:
        return next((agent for agent in self.agents.values() if id in [agent[name] for name in TELI_IDS]), None)


class TeliMachine(Machine):
    world_type = TeliWorld

    @rule(
        space=SPACES,
        area=st.sampled_from(["313", "415", "999", "31", ABSENT]),
        owner=st.sampled_from(OWNERS),
        organization=st.sampled_from([OWN, OTHER, ABSENT]),
        nickname=st.sampled_from([ABSENT, "Main", 7]),
    )
    def create_number(self, space: str, area: Any, owner: str, organization: Any, nickname: Any) -> None:
        world: TeliWorld = self.worlds[space]
        body = present(area_code=area, user_id=owner, organization_id=organization, tenant_id="t", nickname=nickname)
        status, said = world.ask("POST", "/v1/voice/phone-numbers/create", body)
        if area is ABSENT or organization is ABSENT or nickname == 7:
            assert status == 400
        elif area in ("999", "31"):
            assert (status, said["message"]) == (500, f"No numbers available in area code {area}")
        else:
            assert status == 200
            e164 = said["phone_number"]
            assert e164.startswith(f"+1{area}")
            assert e164 not in world.numbers
            assert e164 not in world.released
            row = world.listed_numbers(organization, user_id=owner)[-1]
            sent = {"phone_number": e164, "user_id": owner, "organization_id": organization}
            empty = {"inbound_agent_id": None, "outbound_agent_id": None}
            assert row == {**row, **sent, **empty, "nickname": None if nickname is ABSENT else nickname}
            world.numbers[e164] = row

    @rule(
        space=SPACES,
        index=INDEXES,
        method=st.sampled_from(["POST", "PATCH"]),
        inbound=LINKS,
        outbound=st.just(ABSENT) | LINKS,
        nickname=st.sampled_from([ABSENT, ABSENT, ABSENT, ABSENT, "Main", "", 7]),
    )
    def update_number(self, space: str, index: int, method: str, inbound: Any, outbound: Any, nickname: Any) -> None:
        world: TeliWorld = self.worlds[space]
        voice = [e164 for e164, row in world.numbers.items() if row["phone_type"] == "voice"]
        e164 = pick([*voice, *voice, *world.numbers, *world.released, "+14155550000"], index)
        links = present(inbound_agent_id=world.agent(inbound), outbound_agent_id=world.agent(outbound))
        body = {**links, **present(nickname=nickname)}
        status, said = world.ask(method, f"/v1/voice/phone-numbers/{e164}/update-agent", body)
        agents = {name: world.found(id) for name, id in links.items() if id not in ("", None)}
        number = world.numbers.get(e164)
        if not body or nickname == 7:
            assert status == 400
        elif number is None or number["phone_type"] == "sms":
            assert (status, said["error"]) == (500, "Phone number not found or invalid")
        elif any(agent is None or agent["agent_type"] != "voice" for agent in agents.values()):
            assert (status, said["error"]) == (500, "Agent not found or invalid agent ID")
        else:
            assert (status, {name: said[name] for name in body}) == (200, body)
            number.update({name: value or None for name, value in links.items()})
            number.update(present(nickname=nickname))

    @rule(space=SPACES, index=INDEXES)
    def release_number(self, space: str, index: int) -> None:
        world: TeliWorld = self.worlds[space]
        other: TeliWorld = self.worlds["two" if space == "one" else "one"]
        e164 = pick([*world.numbers, *world.released, *other.numbers, "+14155550000"], index)
        status, said = world.ask("DELETE", f"/v1/voice/phone-numbers/{quote(e164)}")
        if e164 in world.numbers and world.numbers[e164]["phone_type"] == "sms":
            assert status == 400
        elif e164 in world.numbers:
            assert (status, said["success"], "already_released" in said) == (200, True, False)
            world.released[e164] = said
            del world.numbers[e164]
        elif e164 in world.released:
            assert (status, said["already_released"]) == (200, True)
            assert said["released_at"] == world.released[e164]["released_at"]
        else:
            assert status == 404

    @rule(
        space=SPACES,
        kind=st.sampled_from(["voice", "voice", "sms", "chat"]),
        name=NAMES,
        owner=st.sampled_from(OWNERS),
        organization=st.sampled_from([OWN, OTHER]),
        voice=st.sampled_from(["11labs-Adrian", ABSENT]),
    )
    def create_agent(self, space: str, kind: str, name: str, owner: str, organization: str, voice: Any) -> None:
        world: TeliWorld = self.worlds[space]
        body = {"agent_type": kind, "agent_name": name, "starting_message": "Hi", "prompt": "Ask", "user_id": owner}
        body |= present(organization_id=organization, voice_id=voice)
        status, said = world.ask("POST", "/v1/agents", body)
        if kind == "chat" or (kind == "voice" and voice is ABSENT):
            assert status == 400
            return
        assert status == 201
        row = world.expect(200, "GET", f"/v1/agents/{said['agent_id']}")["agent"]
        shown = {"agent_name": name, "general_prompt": "Ask", "created_by_user_id": owner, "agent_type": kind}
        assert row == {**row, **shown, "organization_id": organization}
        ids = {row[name] for name in TELI_IDS} - {None}
        assert len(ids) == (4 if kind == "voice" else 2)
        assert not any(world.found(id) for id in ids)
        world.agents[row["agent_id"]] = row

    @rule(space=SPACES, index=INDEXES, name=st.sampled_from([ABSENT, "Dora"]), speed=st.sampled_from([ABSENT, 1.5, 9]))
    def update_agent(self, space: str, index: int, name: Any, speed: Any) -> None:
        world: TeliWorld = self.worlds[space]
        id = world.agent(index)
        agent = world.found(id)
        body = present(agent_name=name, voice_speed=speed)
        status, said = world.ask("PATCH", f"/v1/agents/{id}", body)
        if speed == 9:
            assert status == 400
        elif agent is None:
            assert status == 404
        else:
            assert (status, said["agent_id"]) == (200, id)
            agent.update(body)
            self.stamped(world, agent)

    @rule(space=SPACES, index=INDEXES, names=st.lists(st.sampled_from(["end_call", "hang_up", "stop"]), max_size=3))
    def update_tools(self, space: str, index: int, names: list[str]) -> None:
        world: TeliWorld = self.worlds[space]
        id = world.agent(index)
        agent = world.found(id)
        tools = [{"name": name, "type": "end_call"} for name in names]
        status, said = world.ask("PATCH", f"/v1/agents/{id}/tools", {"tools": tools})
        if agent is None:
            assert status == 404
        elif agent["agent_type"] != "voice" or len(set(names)) < len(names):
            assert status == 400
        else:
            assert (status, said["tools_count"]) == (200, len(names))
            self.stamped(world, agent)

    def stamped(self, world: TeliWorld, agent: Record) -> None:
        """The times of a change are the server's own; nothing else may differ from the model."""
        row = world.expect(200, "GET", f"/v1/agents/{agent['agent_id']}")["agent"]
        times = {name: row[name] for name in ("modified_at", "last_modification_timestamp")}
        assert times["modified_at"] >= agent["modified_at"]
        agent.update(times)
        assert row == agent

    @rule(space=SPACES, index=INDEXES, linked=st.booleans())
    def delete_agent(self, space: str, index: int, linked: bool) -> None:
        world: TeliWorld = self.worlds[space]
        links = [row[f"{side}_agent_id"] for row in world.numbers.values() for side in ("inbound", "outbound")]
        links = [link for link in links if link]
        id = pick(links, index) if linked and links else world.agent(index)
        agent = world.found(id)
        status, _ = world.ask("DELETE", f"/v1/agents/{id}")
        assert status == (404 if agent is None else 200)
        if agent is None:
            return
        ids = [agent[name] for name in TELI_IDS if agent[name]]
        del world.agents[agent["agent_id"]]
        world.gone += ids
        for number in world.numbers.values():
            number.update({link: None for link in ("inbound_agent_id", "outbound_agent_id") if number[link] in ids})
        assert [world.ask("GET", f"/v1/agents/{gone}")[0] for gone in ids] == [404] * len(ids)

    @rule(space=SPACES, name=NAMES, email=st.sampled_from([ABSENT, "a@example.org"]))
    def create_organization(self, space: str, name: str, email: Any) -> None:
        world: TeliWorld = self.worlds[space]
        status, said = world.ask("POST", "/v1/organizations", {"name": name, **present(contact_email=email)})
        if email is ABSENT:
            assert status == 400
            return
        assert status == 201
        row = world.expect(200, "GET", "/v1/organizations")["organizations"][-1]
        assert (row["unique_id"], row["name"]) == (said["organization"]["unique_id"], name)
        got = world.expect(200, "GET", f"/v1/organizations/{row['unique_id']}")["organization"]
        assert got == {field: row[field] for field in got}
        assert world.ask("GET", f"/v1/organizations/{row['id']}")[0] == 404
        world.organizations[row["unique_id"]] = row

    def taken(self, world: TeliWorld, organization: str, email: str, but: str = "") -> bool:
        return any(
            user["organization"] == organization and user["email"].lower() == email.lower() and id != but
            for id, user in world.users.items()
        )

    @rule(space=SPACES, index=INDEXES, name=NAMES, domain=st.sampled_from(["a.org", "A.org", "b.org"]))
    def create_user(self, space: str, index: int, name: str, domain: str) -> None:
        world: TeliWorld = self.worlds[space]
        organization = pick([*world.organizations, "nowhere"], index)
        email = f"{name}@{domain}"
        status, said = world.ask("POST", f"/v1/organizations/{organization}/users", {"name": name, "email": email})
        if organization == "nowhere":
            assert status == 404
        elif self.taken(world, organization, email):
            assert status == 400
        else:
            assert (status, said["user"]["email"]) == (201, email)
            world.users[said["user"]["unique_id"]] = {"organization": organization, **said["user"]}

    @rule(
        space=SPACES,
        index=INDEXES,
        place=INDEXES,
        email=st.sampled_from([ABSENT, "Anna@a.org", "Ben@a.org", "anna@A.ORG"]),
        status=st.sampled_from([ABSENT, "suspended", "gone"]),
    )
    def update_user(self, space: str, index: int, place: int, email: Any, status: Any) -> None:
        world: TeliWorld = self.worlds[space]
        id = pick([*world.users, "nobody"], index)
        user = world.users.get(id, {"organization": OWN})
        organization = user["organization"] if place % 4 else pick(world.organizations, place)
        body = present(email=email, status=status)
        answered, said = world.ask("PATCH", f"/v1/organizations/{organization}/users/{id}", body)
        if not body or status == "gone":
            assert answered == 400
        elif id == "nobody" or organization != user["organization"]:
            assert answered == 404
        elif email is not ABSENT and self.taken(world, organization, email, id):
            assert answered == 400
        else:
            assert (answered, {**said["user"], **body}) == (200, said["user"])
            user.update(body)

    @invariant()
    def every_organization_lists_its_users(self) -> None:
        for world in self.worlds.values():
            for organization in world.organizations:
                said = world.expect(200, "GET", f"/v1/organizations/{organization}/users")
                own = [user for user in world.users.values() if user["organization"] == organization]
                shown = ("unique_id", "name", "email")
                assert said["count"] == len(said["users"])
                assert [[row[field] for field in shown] for row in said["users"]] == [
                    [user[field] for field in shown] for user in own
                ]


# Vogent


class VogentWorld(World):
    def __init__(self, driver: Driver) -> None:
        super().__init__(driver)
        self.numbers = {row["id"]: row for row in self.page("phone_numbers")["data"]}
        self.agents = {row["id"]: row for row in self.page("agents")["data"]}
        self.walk: dict[str, Any] | None = None

    def page(self, noun: str, **query: Any) -> Record:
        said: Record = self.expect(200, "GET", f"/api/{noun}", **query)
        return said

    def compare(self) -> None:
        assert self.page("phone_numbers") == {"data": list(self.numbers.values()), "cursor": None}
        assert self.page("agents") == {"data": list(self.agents.values()), "cursor": None}

    def holds(self, number: str) -> bool:
        return any(row["number"] == number for row in self.numbers.values())

    def id_of(self, noun: str, index: int) -> str:
        records = self.numbers if noun == "phone_numbers" else self.agents
        return pick([*records, *self.gone[-3:], "00000000-0000-4000-8000-000000000000"], index)


VOGENT_AGENT = {
    "defaultVoiceId": "0c9f4b1e-58d2-4a37-8e60-d5b7a1f3c824",
    "defaultVersionedPrompt": {
        "aiModelId": "e4a8d6c3-1b7f-4952-a0cd-93f2b85e6d10",
        "agentType": "STANDARD",
        "name": "v1",
        "prompt": "Greet.",
    },
}


class VogentMachine(Machine):
    world_type = VogentWorld

    @rule(
        space=SPACES,
        kind=st.sampled_from(["purchase", "sip_import", "vogent_sip", "older", "lease"]),
        number=st.sampled_from(["+15105550100", "+15105550100", "+442079460001", "+18001234567", "front"]),
    )
    def create_number(self, space: str, kind: str, number: str) -> None:
        world: VogentWorld = self.worlds[space]
        trunk = {"phoneNumber": number, "terminationUri": "sip.example.org", "username": "u", "password": "p"}
        details = {
            "purchase": {"purchase": {"number": number}},
            "sip_import": {"sipImport": trunk},
            "vogent_sip": {"vogentSip": {"sipPrefix": number, "username": "acmeuser", "password": "secret1"}},
            "lease": {"purchase": {"number": number}},
        }
        if kind == "older":
            status, said = world.ask("POST", "/api/phone_numbers/purchase", {"number": number})
        else:
            status, said = world.ask("POST", "/api/phone_numbers", {"type": kind, **details[kind]})
        is_number = number.startswith("+")
        fits = {"lease": False, "vogent_sip": True, "sip_import": is_number}.get(
            kind, is_number and number != "+18001234567"
        )
        if not fits or world.holds(number):
            assert status == 422
            return
        type = "SIP_USERNAME" if kind == "vogent_sip" else "PSTN"
        assert (status, said) == (200, {"id": said["id"], "number": number, "type": type, "agentId": None})
        assert said["id"] not in world.numbers
        world.numbers[said["id"]] = said

    @rule(
        space=SPACES, prefix=st.sampled_from(["510555010", "20794600", "999"]), limit=st.sampled_from([ABSENT, 3, 11])
    )
    def search(self, space: str, prefix: str, limit: Any) -> None:
        world: VogentWorld = self.worlds[space]
        body = present(prefix=prefix, limit=limit, country="GB" if prefix.startswith("20") else ABSENT)
        status, said = world.ask("POST", "/api/phone_numbers/search", body)
        assert status == (422 if limit == 11 else 200)
        if status == 200:
            found = [row["number"] for row in said]
            calling_code = "+44" if "country" in body else "+1"
            assert len(found) == (0 if prefix == "999" else 5 if limit is ABSENT else limit)
            assert all(number.startswith(calling_code + prefix) and not world.holds(number) for number in found)

    @rule(space=SPACES, index=INDEXES, agent=st.sampled_from([ABSENT, "", None, 7]) | INDEXES)
    def update_number(self, space: str, index: int, agent: Any) -> None:
        world: VogentWorld = self.worlds[space]
        id = world.id_of("phone_numbers", index)
        is_index = isinstance(agent, int) and agent != 7
        agent_id = world.id_of("agents", agent) if is_index else agent
        status, said = world.ask("PUT", f"/api/phone_numbers/{id}", present(agentId=agent_id))
        if agent in (None, 7) and not is_index:
            assert status == 422
        elif id not in world.numbers:
            assert status == 400
        elif is_index and agent_id not in world.agents:
            assert status == 422
        else:
            if agent_id is not ABSENT:
                world.numbers[id] = {**world.numbers[id], "agentId": agent_id or None}
            assert (status, said) == (200, world.numbers[id])

    @rule(space=SPACES, index=INDEXES)
    def get_number(self, space: str, index: int) -> None:
        world: VogentWorld = self.worlds[space]
        id = world.id_of("phone_numbers", index)
        status, said = world.ask("GET", f"/api/phone_numbers/{id}")
        if id in world.numbers:
            assert (status, said) == (200, world.numbers[id])
        else:
            assert status == 400

    @rule(space=SPACES, index=INDEXES)
    def delete_number(self, space: str, index: int) -> None:
        world: VogentWorld = self.worlds[space]
        id = world.id_of("phone_numbers", index)
        status, said = world.ask("DELETE", f"/api/phone_numbers/{id}")
        if id in world.numbers:
            assert (status, said) == (200, world.numbers.pop(id))
            world.gone.append(id)
        else:
            assert status == 400

    @rule(space=SPACES, name=st.sampled_from([ABSENT, "Receptionist", "Intake"]))
    def create_agent(self, space: str, name: Any) -> None:
        world: VogentWorld = self.worlds[space]
        status, said = world.ask("POST", "/api/agents", {**VOGENT_AGENT, **present(name=name)})
        assert status == (422 if name is ABSENT else 200)
        if status == 200:
            assert said["name"] == name
            assert said["id"] not in world.agents
            world.agents[said["id"]] = said

    @rule(space=SPACES, index=INDEXES)
    def get_agent(self, space: str, index: int) -> None:
        world: VogentWorld = self.worlds[space]
        id = world.id_of("agents", index)
        status, said = world.ask("GET", f"/api/agents/{id}")
        assert (status, said) == (200, world.agents[id]) if id in world.agents else status == 400

    @rule(space=SPACES, index=INDEXES, name=st.sampled_from([ABSENT, "Night", 7]))
    def update_agent(self, space: str, index: int, name: Any) -> None:
        world: VogentWorld = self.worlds[space]
        id = world.id_of("agents", index)
        status, said = world.ask("PUT", f"/api/agents/{id}", present(name=name))
        if name == 7:
            assert status == 422
        elif id not in world.agents:
            assert status == 400
        else:
            world.agents[id] = {**world.agents[id], **present(name=name)}
            assert (status, said) == (200, world.agents[id])

    @rule(space=SPACES, index=INDEXES, linked=st.booleans())
    def delete_agent(self, space: str, index: int, linked: bool) -> None:
        world: VogentWorld = self.worlds[space]
        links = [row["agentId"] for row in world.numbers.values() if row["agentId"]]
        id = pick(links, index) if linked and links else world.id_of("agents", index)
        status, said = world.ask("DELETE", f"/api/agents/{id}")
        if id not in world.agents:
            assert status == 400
            return
        assert (status, said) == (200, world.agents.pop(id))
        world.gone.append(id)
        for number in world.numbers.values():
            number["agentId"] = None if number["agentId"] == id else number["agentId"]

    @rule(space=SPACES)
    def turn_a_page(self, space: str) -> None:
        """A walk through the pages, in the midst of everything, shows nothing twice and skips nothing that stays."""
        world: VogentWorld = self.worlds[space]
        walk = world.walk or {"seen": [], "first": set(world.numbers), "cursor": ABSENT}
        said = world.page("phone_numbers", limit=2, cursor=walk["cursor"])
        walk["seen"] += [row["id"] for row in said["data"]]
        assert len(set(walk["seen"])) == len(walk["seen"])
        world.walk = {**walk, "cursor": said["cursor"]} if said["cursor"] else None
        if world.walk is None:
            assert walk["first"] & set(world.numbers) <= set(walk["seen"])


# Interactly


class InteractlyWorld(World):
    def __init__(self, driver: Driver) -> None:
        super().__init__(driver)
        self.numbers = {row["_id"]: row for row in self.expect(200, "GET", "/assistants/v1/numbers")}
        self.assistants = {
            id: self.expect(200, "GET", f"/assistants/v1/assistants/{id}")
            for id in ("a12f9c88-c155-461f-9771-4d240cdc9a04", "678a253ca6d866573043502e")
        }

    def compare(self) -> None:
        rows = list(self.numbers.values())
        assert self.expect(200, "GET", "/assistants/v1/numbers") == rows
        for label in ("friendly-name-1", "desk"):
            wanted = [row for row in rows if row.get("label") == label]
            assert self.expect(200, "GET", "/assistants/v1/numbers", label=label) == wanted
        for id, assistant in self.assistants.items():
            assert self.expect(200, "GET", f"/assistants/v1/assistants/{id}") == assistant

    def held(self, number: Any) -> Record | None:
        return next((row for row in self.numbers.values() if row["number"] == number), None)


class InteractlyMachine(Machine):
    world_type = InteractlyWorld

    @rule(
        space=SPACES,
        provider=st.sampled_from(["twilio", "twilio", "purchase", "purchase", "vonage"]),
        number=st.sampled_from(["+14155550142", "+14155550143", "+1234567890", "415-555-0142", 7, ABSENT]),
        label=st.sampled_from([ABSENT, "desk", 7]),
    )
    def import_or_purchase(self, space: str, provider: str, number: Any, label: Any) -> None:
        world: InteractlyWorld = self.worlds[space]
        credentials = {"accountSid": "AC1", "authToken": "secret"}
        body = {**present(number=number, label=label), "credentials": credentials}
        status, said = world.ask("POST", f"/assistants/v1/numbers/{provider}", body)
        wrong_label = label == 7 and provider != "purchase"
        if number in (7, ABSENT, "415-555-0142") or wrong_label or provider == "vonage":
            assert status == 400
            return
        assert (status, said["number"]) == (200, number)
        assert "secret" not in json.dumps(said)
        held = world.held(number)
        keeps_label = provider == "twilio" and label is not ABSENT
        if held is None:
            assert said["_id"] not in world.numbers
            assert "assistantId" not in said
            assert said.get("label") == (label if keeps_label else None)
            world.numbers[said["_id"]] = said
        else:
            held.update({"label": label} if keeps_label else {})
            assert said == held

    @rule(
        space=SPACES,
        index=INDEXES,
        assistant=st.sampled_from([ABSENT, "", "nobody", 7]) | INDEXES,
        inbound=st.sampled_from([ABSENT, True, False, "true"]),
        outbound=st.sampled_from([ABSENT, True, False]),
    )
    def update_number(self, space: str, index: int, assistant: Any, inbound: Any, outbound: Any) -> None:
        world: InteractlyWorld = self.worlds[space]
        id = pick([*world.numbers, "5f7b1b1b1b1b1b1b1b1b1b00"], index)
        is_index = isinstance(assistant, int) and assistant != 7
        assistant_id = pick(world.assistants, assistant) if is_index else assistant
        body = present(assistantId=assistant_id, inboundEnabled=inbound, outboundEnabled=outbound)
        status, said = world.ask("PUT", f"/assistants/v1/numbers/{id}", body)
        if inbound == "true" or assistant_id == 7:
            assert status == 400
        elif id not in world.numbers:
            assert status == 404
        elif assistant_id == "nobody":
            assert status == 400
        else:
            world.numbers[id].update(body)
            if assistant_id == "":
                del world.numbers[id]["assistantId"]
            assert (status, said) == (200, world.numbers[id])

    @rule(space=SPACES, name=st.sampled_from([ABSENT, "Sales", 7]))
    def create_assistant(self, space: str, name: Any) -> None:
        world: InteractlyWorld = self.worlds[space]
        status, said = world.ask("POST", "/assistants/v1/assistants", present(name=name))
        assert status == (200 if name == "Sales" else 400), (status, said)
        if name == "Sales":
            assert said["_id"] not in world.assistants
            world.assistants[said["_id"]] = said

    @rule(space=SPACES, index=INDEXES, name=st.sampled_from([ABSENT, "Night", 7]))
    def update_assistant(self, space: str, index: int, name: Any) -> None:
        world: InteractlyWorld = self.worlds[space]
        id = pick([*world.assistants, "nobody"], index)
        status, said = world.ask("PATCH", f"/assistants/v1/assistants/{id}", present(name=name))
        if name == 7:
            assert status == 400
        elif id == "nobody":
            assert status == 404
        else:
            world.assistants[id].update(present(name=name))
            assert (status, said) == (200, world.assistants[id])


# UponAI

ACCOUNT, OTHER_ACCOUNT = "29e90072-fb58-4c6c-870a-43005115131e", "6b1f2a3c-5d4e-4f60-8a7b-9c0d1e2f3a4b"
VERSIONS = st.sampled_from([ABSENT, ABSENT, 0, 1, 9])
ENGINE = {"type": "retell-llm", "llm_id": "llm_0c1d2e3f4a5b6c7d8e9f0a1b2c3d"}


class UponWorld(World):
    def __init__(self, driver: Driver) -> None:
        super().__init__(driver)
        self.numbers = {
            row["number"]: row
            for account in (ACCOUNT, OTHER_ACCOUNT)
            for row in self.expect(200, "GET", f"/api/numbers/{account}")["numbers"]
        }
        self.agents: dict[str, Record] = {}
        for workspace in (1, 2):
            for row in self.expect(200, "GET", "/api/agents", workspaceId=workspace):
                agent = self.expect(200, "GET", f"/api/agents/{row['agent_id']}", workspaceId=workspace)
                self.agents[row["agent_id"]] = {"workspace": workspace, "versions": [agent]}

    def compare(self) -> None:
        for account in (ACCOUNT, OTHER_ACCOUNT):
            own = [row for row in self.numbers.values() if row["account_sid"] == account]
            assert self.expect(200, "GET", f"/api/numbers/{account}")["numbers"] == own
            bound = [entry for row in own for side in ("inbound", "outbound") for entry in row[f"{side}_agents"]]
            for entry in bound:
                assert entry.get("agent_version", 0) < len(self.agents[entry["agent_id"]]["versions"])
        for workspace in (1, 2):
            assert self.expect(200, "GET", "/api/agents", workspaceId=workspace) == self.rows(workspace)

    def rows(self, workspace: int) -> list[Record]:
        return [
            {field: version[field] for field in ("agent_id", "version", "agent_name")}
            for agent in self.agents.values()
            for version in agent["versions"]
            if agent["workspace"] == workspace
        ]

    def agent_id(self, index: int) -> str:
        return pick([*self.agents, "agent_00000000000000000000000000"], index)

    def usable(self, id: Any, version: Any, workspace: int) -> bool:
        """Whether a number of the workspace may be bound to that version of the agent."""
        agent = self.agents.get(id)
        if agent is None or agent["workspace"] != workspace:
            return False
        return version is ABSENT or version < len(agent["versions"])


class UponMachine(Machine):
    world_type = UponWorld

    @rule(space=SPACES, workspace=st.sampled_from([1, 1, 2, 9, "1"]), name=st.sampled_from([ABSENT, "Night", "Day"]))
    def create_agent(self, space: str, workspace: Any, name: Any) -> None:
        world: UponWorld = self.worlds[space]
        body = {
            "workspaceId": workspace,
            "voice_id": "11labs-Adrian",
            "response_engine": ENGINE,
            **present(agent_name=name),
        }
        status, said = world.ask("POST", "/api/agents", body)
        if name is ABSENT or workspace == "1":
            assert status == 400
        elif workspace == 9:
            assert status == 404
        else:
            assert status in (200, 201)
            assert (said["version"], said["agent_name"]) == (0, name)
            assert said["agent_id"] not in world.agents
            world.agents[said["agent_id"]] = {"workspace": workspace, "versions": [said]}

    @rule(
        space=SPACES,
        index=INDEXES,
        workspace=st.sampled_from([1, 1, 1, 2, 9]),
        version=VERSIONS,
        responsiveness=st.sampled_from([ABSENT, "0.5", "0.7"]),
    )
    def update_agent(self, space: str, index: int, workspace: int, version: Any, responsiveness: Any) -> None:
        world: UponWorld = self.worlds[space]
        id = world.agent_id(index)
        agent = world.agents.get(id)
        body = {"workspaceId": workspace, **present(responsiveness=responsiveness)}
        status, said = world.ask("PATCH", f"/api/agents/{id}", body, version=version)
        if version == 0:  # published, and never the draft
            assert status == 400
            return
        if workspace == 9 or agent is None or agent["workspace"] != workspace:
            assert status == 404
            return
        draft = len(agent["versions"]) == 2
        if version is not ABSENT and not (draft and version == 1):
            assert status == 404
            return
        newest = {**agent["versions"][-1], **present(responsiveness=responsiveness)}
        newest |= {"version": 1, "updated_at": said["updated_at"]}
        assert (status, said) == (200, newest)
        agent["versions"] = [agent["versions"][0], said]

    @rule(space=SPACES, index=INDEXES, workspace=st.sampled_from([1, 1, 2]), version=VERSIONS)
    def get_agent(self, space: str, index: int, workspace: int, version: Any) -> None:
        world: UponWorld = self.worlds[space]
        id = world.agent_id(index)
        status, said = world.ask("GET", f"/api/agents/{id}", workspaceId=workspace, version=version)
        listed, versions = world.ask("GET", f"/api/agents/{id}/versions", workspaceId=workspace)
        agent = world.agents.get(id)
        if agent is None or agent["workspace"] != workspace:
            assert (status, listed) == (400 if version == 0 else 404, 404)
            return
        fields = ("agent_id", "version", "updated_at")
        rows = [{field: row[field] for field in fields} for row in agent["versions"]]
        assert (listed, versions) == (200, rows)
        if version == 0:  # the page wants one or more
            assert status == 400
        elif version is ABSENT or version < len(agent["versions"]):
            assert (status, said) == (200, agent["versions"][-1 if version is ABSENT else version])
        else:
            assert status == 404

    @rule(space=SPACES, limit=st.integers(1, 4), workspace=st.sampled_from([1, 2]), index=INDEXES)
    def page_through_agents(self, space: str, limit: int, workspace: int, index: int) -> None:
        world: UponWorld = self.worlds[space]
        walked: list[Record] = []
        while True:
            last = walked[-1] if walked else {"agent_id": ABSENT, "version": ABSENT}
            after = {"paginationKey": last["agent_id"], "paginationKeyVersion": last["version"]}
            page = world.expect(200, "GET", "/api/agents", workspaceId=workspace, limit=limit, **after)
            walked += page
            if len(page) < limit:
                break
        assert walked == world.rows(workspace)
        id = world.agent_id(index)
        status, said = world.ask("GET", "/api/agents", workspaceId=workspace, paginationKey=id)
        if id in world.agents and world.agents[id]["workspace"] == workspace:
            rows = world.rows(workspace)
            last_of_id = max(place for place, row in enumerate(rows) if row["agent_id"] == id)
            assert (status, said) == (200, rows[last_of_id + 1 :])
        else:
            assert status >= 400

    @rule(
        space=SPACES,
        number=st.sampled_from(["+12137771235", "12137771235", "334", "+14155550134", "+12135550000"]),
        account=st.sampled_from([(ACCOUNT, 1)] * 4 + [(OTHER_ACCOUNT, 2), (ACCOUNT, 2), ("nobody", 1)]),
        outbound=st.sampled_from([ABSENT, ABSENT, None]) | INDEXES,
        outbound_version=VERSIONS,
        inbound=st.none() | st.lists(st.tuples(INDEXES, VERSIONS), max_size=3),
        weights=st.sampled_from(["equal", "equal", "equal", "short"]),
        webhook=st.sampled_from([ABSENT, ABSENT, None, "https://example.com/in", "/in"]),
        routing=st.sampled_from([ABSENT, True, False]),
    )
    def assign(
        self,
        space: str,
        number: str,
        account: tuple[str, int],
        outbound: Any,
        outbound_version: Any,
        inbound: list[tuple[int, Any]] | None,
        weights: str,
        webhook: Any,
        routing: Any,
    ) -> None:
        world: UponWorld = self.worlds[space]
        outbound = world.agent_id(outbound) if isinstance(outbound, int) else outbound
        weight = {"equal": 1.0, "short": 0.7}[weights] / max(1, len(inbound or ()))
        entries = [
            {"agent_id": world.agent_id(index), **present(agent_version=version), "weight": weight}
            for index, version in inbound or ()
        ]
        body = {"accountSid": account[0], "workspaceId": account[1]} | present(
            outboundAgentId=outbound,
            outboundAgentVersion=outbound_version,
            inboundAgents=ABSENT if inbound is None else entries,
            inboundWebhookUrl=webhook,
            isTimeRoutingEnabled=routing,
        )
        status, said = world.ask("PUT", f"/api/numbers/{quote(number)}/agent", body)
        wanted = self.assigned(world, number, account, body)
        if isinstance(wanted, int):
            assert status == wanted, (body, said)
            return
        assert (status, said["numbers"]) == (200, [wanted])
        assert said["assignment"] == {field: wanted[field] for field in said["assignment"]}
        world.numbers[wanted["number"]] = wanted

    def assigned(self, world: UponWorld, number: str, account: tuple[str, int], body: Record) -> Record | int:
        """The number's row after the request, or the status of the refusal."""
        entries = body.get("inboundAgents", [])
        ids = [entry["agent_id"] for entry in entries]
        short = bool(entries) and abs(sum(entry["weight"] for entry in entries) - 1) > 1e-6
        if body.get("inboundWebhookUrl") == "/in" or len(set(ids)) < len(ids) or short:
            return 400
        if account not in ((ACCOUNT, 1), (OTHER_ACCOUNT, 2)):
            return 404
        row = next((row for row in world.numbers.values() if number in (row["number"], row["base_number"])), None)
        if row is None or row["account_sid"] != account[0]:
            return 404
        bound = row["outbound_agents"]
        if "outboundAgentId" in body or "outboundAgentVersion" in body:
            before = bound[0] if bound else {}
            id = body.get("outboundAgentId", before.get("agent_id"))
            kept = before.get("agent_version", ABSENT) if id == before.get("agent_id") else ABSENT
            version = body.get("outboundAgentVersion", kept)
            if id is None and "outboundAgentVersion" in body:
                return 400
            if id is not None and not world.usable(id, version, account[1]):
                return 400
            bound = [] if id is None else [{"agent_id": id, **present(agent_version=version), "weight": 1}]
        for entry in entries:
            if not world.usable(entry["agent_id"], entry.get("agent_version", ABSENT), account[1]):
                return 400
        inbound = body.get("inboundAgents", row["inbound_agents"])
        first, out = (inbound or [{}])[0], (bound or [{}])[0]
        changed = {
            **row,
            "inbound_agents": inbound,
            "outbound_agents": bound,
            "agent_id": first.get("agent_id"),
            "default_agent_id": first.get("agent_id"),
            "inbound_agent_id": first.get("agent_id"),
            "inbound_agent_version": first.get("agent_version"),
            "outbound_agent_version": out.get("agent_version"),
            "inbound_webhook_url": body.get("inboundWebhookUrl", row.get("inbound_webhook_url")),
            "is_time_routing_enabled": body.get("isTimeRoutingEnabled", row["is_time_routing_enabled"]),
        }
        return {field: value for field, value in changed.items() if value is not None}


MACHINES: dict[str, type[Machine]] = {
    "teli": TeliMachine,
    "vogent": VogentMachine,
    "interactly": InteractlyMachine,
    "uponai": UponMachine,
}


def run(machine: Callable[[], Machine], examples: int, steps: int) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=True,
            database=None,
            report_multiple_bugs=False,
            deadline=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.fixture(scope="module")
def services() -> dict[str, Service]:
    return open_services(seed=1)


BESIDE = {
    "getDialToken",
    "hangUpDial",
    "controlCall",
    "listAvailableSmsNumbers",
    "getSmsNumbersConfig",
    "generateCampaignContent",
    "deleteContacts",
    "listOrganizationAnalytics",
    "listWorkspaces",
}
"""Operations about none of these kinds, though no contract names another, and those that show them in figures only."""


@pytest.mark.long
@pytest.mark.parametrize("provider", MACHINES)
def test_random_sequences_of_all_operations_agree_with_the_model(provider: str, services: dict[str, Service]) -> None:
    driver = InProcess(services[provider])
    run(lambda: MACHINES[provider](driver), examples=40, steps=45 if provider == "teli" else 70)
    # So that an operation that is added to a spec is added here too.
    held = {name for name, one in driver.spec.operations.items() if one.contract.get("record", "numbers") in HELD}
    assert driver.driven == held - BESIDE


@pytest.mark.parametrize("provider", MACHINES)
def test_so_they_do_over_the_wire(provider: str, server: Server, specs: dict[str, Spec]) -> None:
    run(lambda: MACHINES[provider](OverTheWire(server, specs[provider])), examples=1, steps=15)
