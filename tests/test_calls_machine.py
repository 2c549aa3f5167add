"""Random sequences of all that makes calls, of all vendors in one space, and what must hold of calls at any time.

A call refers to an agent and a number that were there when it began; what is over stays as it was; a paused campaign
starts none; counts, analytics and lists agree with the telephone; a released number does not ring. The server itself is
driven in this process; its clock stands still until a rule moves it.
"""

from __future__ import annotations

import json
from itertools import count
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlencode

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from mock_server.catalogue import open_services
from mock_server.gateway import Gateway
from mock_server.messages import Request
from mock_server.spaces import Space
from mock_server.spec import key_header
from mock_server.telephone import NoSuchNumber, NotLive

NOW = "2026-03-02T15:00:00+00:00"
"""A Monday, ten in the morning in New York."""
ORGANIZATION, TENANT = "1762896364768x389173798861431550", "your_tenant"
USER = "1762896366429x599348279945132448"
ACCOUNT = {"accountSid": "29e90072-fb58-4c6c-870a-43005115131e", "workspaceId": 1}
INDEXES = st.integers(0, 30)
FATES = st.sampled_from(["200", "480", "486", "086", "404"])
CHANGES = ["link", "buy", "release", "delete", "delete"]
CALLS = ["ring", "place", "place", "hang_up", "begin", "begin", "pause", "pause", "resume", "end"]
ACTS = [*CHANGES, *CALLS, "wait", "wait"]
SECONDS = st.sampled_from([0, 0, 0.1, 7, 20, 60, 400, 86_400])
"""What passes before something is done."""
ORDER = ["queued", "ringing", "in-progress", "ended"]

_runs = count()


class Run(NamedTuple):
    """A campaign, how many it was to call, with whom and from which number."""

    provider: str
    id: str
    leads: int
    agent: str | None
    number: str


class Line:
    """One space of the server, and what a client knows of it."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway, self.key = gateway, f"test_calls_{next(_runs)}"
        self.headers = {name: key_header(one.spec.security, self.key) for name, one in gateway.services.items()}
        self.agents: dict[str, list[str]] = {}
        self.numbers: dict[str, dict[str, str]] = {}
        """By vendor: what is dialled, by the key of the number."""
        self.runs: list[Run] = []
        self.bought = count(142)
        self.look()
        self.space.clock.set(None, frozen=True)

    @property
    def space(self) -> Space:
        return self.gateway.spaces.open(self.key)

    def ask(self, provider: str, method: str, path: str, body: Any = None, **query: Any) -> tuple[int, Any]:
        headers = {name.lower(): value for name, value in self.headers[provider].items()}
        content = b"" if body is None else json.dumps(body).encode()
        headers |= {"content-type": "application/json"} if content else {}
        request = Request(method, unquote(path), urlencode(query), headers, content)
        response = self.gateway.exchange(self.gateway.services[provider], request)
        assert response.status != 500 or b"Internal" not in response.body, (method, path, body, response.body)
        return response.status, json.loads(response.body)

    def get(self, provider: str, path: str, **query: Any) -> Any:
        status, found = self.ask(provider, "GET", path, **query)
        assert status == 200, (path, found)
        return found

    def look(self) -> None:
        """What is there, as the lists of the vendors say it."""
        scope = {"organization_id": ORGANIZATION, "user_id": USER, "is_admin": "true"}
        teli = self.get("teli", "/v1/voice/phone-numbers", **scope)["phone_numbers"]
        vogent = self.get("vogent", "/api/phone_numbers")["data"]
        interactly = self.get("interactly", "/assistants/v1/numbers")
        uponai = self.get("uponai", f"/api/numbers/{ACCOUNT['accountSid']}", workspaceId=1)["numbers"]
        self.numbers = {
            "teli": {row["phone_number"]: row["phone_number"] for row in teli},
            "vogent": {row["id"]: row["number"] for row in vogent},
            "interactly": {row["_id"]: row["number"] for row in interactly},
            "uponai": {row["number"]: row["number"] for row in uponai},
        }
        agents = self.get("teli", "/v1/agents", **scope)["agents"]
        self.agents = {
            "teli": [row["agent_id"] for row in agents if row["agent_type"] == "voice"],
            "vogent": [row["id"] for row in self.get("vogent", "/api/agents")["data"]],
            "interactly": self.agents.get("interactly", ["a12f9c88-c155-461f-9771-4d240cdc9a04"]),
            "uponai": [row["agent_id"] for row in self.get("uponai", "/api/agents", workspaceId=1)],
        }

    def calls(self) -> dict[str, dict[str, Any]]:
        """Every call that the telephone has, by id."""
        rows, after = self.gateway.switchboard.calls(self.space, limit=10_000)
        assert after is None
        return {str(row["id"]): row for row in rows}


def pick(choices: Any, index: int) -> Any:
    """One of them, the newest for 0; None where there is none."""
    return list(choices)[-1 - index % len(choices)] if choices else None


def _link(line: Line, provider: str, number: str, agent: str | None) -> int:
    """Links an agent to a number, or none."""
    if provider == "teli":
        path = f"/v1/voice/phone-numbers/{number}/update-agent"
        return line.ask(provider, "POST", path, {"inbound_agent_id": agent or ""})[0]
    if provider == "vogent":
        return line.ask(provider, "PUT", f"/api/phone_numbers/{number}", {"agentId": agent or ""})[0]
    if provider == "interactly":
        body = {"assistantId": agent or "", "inboundEnabled": True, "outboundEnabled": True}
        return line.ask(provider, "PUT", f"/assistants/v1/numbers/{number}", body)[0]
    agents = [{"agent_id": agent, "weight": 1}] if agent is not None else []
    body = {**ACCOUNT, "inboundAgents": agents, "inboundWebhookUrl": None}
    path = f"/api/numbers/{quote(line.numbers[provider][number], safe='')}/agent"
    return line.ask(provider, "PUT", path, body)[0]


def _buy(line: Line, provider: str) -> None:
    if provider == "teli":
        body = {"area_code": "415", "user_id": USER, "organization_id": ORGANIZATION, "tenant_id": TENANT}
        line.ask(provider, "POST", "/v1/voice/phone-numbers/create", body)
    elif provider == "vogent":
        free = line.ask(provider, "POST", "/api/phone_numbers/search", {"prefix": "510"})[1]
        line.ask(provider, "POST", "/api/phone_numbers", {"type": "purchase", "purchase": free[0]})
    elif provider == "interactly":
        line.ask(provider, "POST", "/assistants/v1/numbers/purchase", {"number": f"+14155550{next(line.bought)}"})


def _place(line: Line, provider: str, number: str, agent: str | None, to: str) -> int:
    """A call that the vendor's API places; Teli's has none but those of campaigns."""
    if provider == "vogent":
        return line.ask(provider, "POST", "/api/dials", {"callAgentId": agent, "fromNumberId": number, "toNumber": to})[
            0
        ]
    ours = line.numbers[provider][number]
    if provider == "interactly":
        body = {"userNumber": to, "assistantNumber": ours, "assistantId": agent}
        return line.ask(provider, "POST", "/calls/v1/conversations", body)[0]
    body = {"agentId": agent, "fromNumber": ours, "toNumber": to}
    return line.ask(provider, "POST", "/api/v1/calls/initiate", body)[0]


def _begin(line: Line, provider: str, number: str, agent: str | None, leads: list[str]) -> tuple[int, Any]:
    """A campaign of these leads, two or ten at a time, whatever the vendor calls it."""
    if provider == "teli":
        body = {
            "voice_agent_id": agent,
            "agent_outbound_number": number,
            "leads": [{"phone_number": to} for to in leads],
        }
        owner = {"organization_id": ORGANIZATION, "tenant_id": TENANT, "user_id": USER}
        return line.ask(provider, "POST", "/v1/voice/campaigns", {**body, **owner})
    if provider == "vogent":
        rows = [{"toNumber": to} for to in leads]
        body = {"name": "Job", "callAgentId": agent, "maxConcurrentDials": 2, "fromPhoneNumberIds": [number]}
        return line.ask(provider, "POST", "/api/batch_dial_jobs", {**body, "rows": rows})
    config = {"name": "Bulk", "maxParallelCalls": 2, "assistantNumbers": [line.numbers[provider][number]]}
    body = {"config": config, "data": [{"phone_number": to} for to in leads]}
    return line.ask(provider, "POST", "/campaigns/v1/schedule/calls", body)


class Calls(RuleBasedStateMachine):
    """The rules take what is there by an index, so that a shortened sequence stays one that can be run."""

    def __init__(self, gateway: Gateway) -> None:
        super().__init__()
        self.line = Line(gateway)
        for provider, numbers in self.line.numbers.items():
            for number in numbers:
                _link(self.line, provider, number, self.line.agents[provider][0])
        self.known: dict[str, dict[str, Any]] = {}
        self.began: dict[str, int] = {}
        """How many calls each campaign had when it was paused or over; they must stay that many."""
        self.there = self._there()
        self.still = False

    def _there(self) -> set[tuple[str, str]]:
        line = self.line
        return {(name, id) for kinds in (line.agents, line.numbers) for name, ids in kinds.items() for id in ids}

    def _agent(self, provider: str, index: int) -> str | None:
        """One of two agents of the vendor: what one rule deletes was often chosen by another."""
        return pick(self.line.agents[provider][-2:], index)

    @rule(
        what=st.sampled_from(ACTS),
        provider=st.sampled_from(["teli", "vogent", "interactly", "uponai"]),
        number=INDEXES,
        agent=INDEXES,
        fates=st.lists(FATES, min_size=3, max_size=14),
        after=SECONDS,
    )
    def something_is_done(
        self, what: str, provider: str, number: int, agent: int, fates: list[str], after: float
    ) -> None:
        """One rule for all, so that each is done as often as it stands among the acts."""
        if what in CHANGES:
            self.change(what, provider, number, agent)
            return
        if after:
            self.line.gateway.switchboard.advance(self.line.space, after)
        if what in ("pause", "resume", "end"):
            self.move(what, number)
        elif what != "wait":
            getattr(self, what)(provider, number, agent, fates)

    def change(self, what: str, provider: str, number: int, agent: int) -> None:
        """Links, buys, releases, deletes; no call begins or moves because of it, and what is gone does not ring."""
        if what in ("release", "delete"):
            # Of the others no page shows how.
            provider = {"interactly": "vogent", "uponai": "teli"}.get(provider, provider)
        line, found = self.line, pick(self.line.numbers[provider], number)
        gone = self._agent(provider, agent)
        for run in line.runs if agent % 2 else ():
            # What a campaign calls with is taken from it more often than chance would.
            gone = run.agent if run.agent in line.agents[provider] else gone
            found = run.number if run.number in line.numbers[provider] else found
        if what == "link" and found is not None:
            _link(line, provider, found, None if agent % 5 == 0 else self._agent(provider, agent))
        elif what == "buy":
            _buy(line, provider)
        elif what == "release" and found is not None:
            path = f"/v1/voice/phone-numbers/{found}" if provider == "teli" else f"/api/phone_numbers/{found}"
            released = line.numbers[provider][found]
            assert line.ask(provider, "DELETE", path)[0] == 200
            with pytest.raises(NoSuchNumber):
                line.gateway.switchboard.dial(line.space, released, provider=provider)
        elif what == "delete" and len(line.agents[provider]) > 1:
            path = f"/v1/agents/{gone}" if provider == "teli" else f"/api/agents/{gone}"
            assert line.ask(provider, "DELETE", path)[0] == 200
        line.look()
        self.still = True

    def ring(self, provider: str, index: int, agent: int, fates: list[str]) -> None:
        """Somebody calls a number."""
        number = pick(self.line.numbers[provider].values(), index)
        if number is not None and number.startswith("+"):
            dial = self.line.gateway.switchboard.dial
            dial(self.line.space, number, caller=f"+15005550{fates[0]}", provider=provider)

    def place(self, provider: str, number: int, agent: int, fates: list[str]) -> None:
        """The vendor's API calls somebody."""
        found = pick(self.line.numbers[provider], number)
        if found is None or provider == "teli":
            return
        before = len(self.line.calls())
        status = _place(self.line, provider, found, self._agent(provider, agent), f"+15005550{fates[0]}")
        assert len(self.line.calls()) == before + (status == 200)

    def hang_up(self, provider: str, index: int, agent: int, fates: list[str]) -> None:
        """A call is ended by the vendor's API, or by the control API; only one that is not over can be."""
        line = self.line
        mine = [one for one in line.calls().values() if one["provider"] == provider and one["agent"] is not None]
        call = pick(mine, index)
        if call is None:
            return
        id, live = call["id"], call["state"] != "ended"
        if provider == "vogent":
            assert (line.ask(provider, "POST", f"/api/dials/{id}/hangup")[0] == 200) is live
        elif provider == "interactly":
            path = f"/calls/v1/conversations/{id}/control"
            assert (line.ask(provider, "POST", path, {"type": "end"})[0] == 200) is live
        else:
            try:
                line.gateway.switchboard.hang_up(line.space, id)
            except NotLive:
                assert not live
        assert line.gateway.switchboard.call(line.space, id)["state"] == "ended"

    def begin(self, provider: str, number: int, agent: int, fates: list[str]) -> None:
        """A campaign is made; one of Vogent's is started most times."""
        found = pick(self.line.numbers[provider], number)
        if provider == "uponai" or found is None or not self.line.numbers[provider][found].startswith("+"):
            return
        # Two at a time take longer than ten: so that there is a while in which something may become of a job.
        leads = [f"+1500555{index % 4}{fate}" for index, fate in enumerate(fates * (3 if provider == "vogent" else 1))]
        status, made = _begin(self.line, provider, found, self._agent(provider, agent), leads)
        if status == 200:
            id = made.get("campaign_id") or made["id"]
            self.line.runs.append(Run(provider, id, len(leads), self._agent(provider, agent), found))
        if status == 200 and provider == "vogent" and agent % 4:
            self.line.ask("vogent", "POST", f"/api/batch_dial_jobs/{made['id']}/paused", {"paused": False})

    def move(self, how: str, index: int) -> None:
        """A campaign is paused, resumed or ended, as far as the vendor's pages have that."""
        run = pick([one for one in self.line.runs if one.provider != "interactly"], index)
        if run is not None and run.provider == "teli":
            self.line.ask("teli", "POST", f"/v1/voice/campaigns/{run.id}/{how}")
        elif run is not None and how != "end":
            self.line.ask("vogent", "POST", f"/api/batch_dial_jobs/{run.id}/paused", {"paused": how == "pause"})

    # What must hold

    @invariant()
    def a_call_began_with_what_was_there_and_what_is_over_stays(self) -> None:
        calls, before, self.there = self.line.calls(), self.there, self._there()
        there = before | self.there
        assert set(self.known) <= set(calls)
        new = [one for id, one in calls.items() if id not in self.known]
        # Where no time has passed, and nobody was called, nothing has moved.
        assert not self.still or calls == self.known
        for one in new:
            agent = one["agent"]
            assert (one["provider"], one["number"]) in there, one
            assert agent is None or one["provider"] == "interactly" or (one["provider"], agent["id"]) in there, one
        for id, was in self.known.items():
            now = calls[id]
            assert ORDER.index(was["state"]) <= ORDER.index(now["state"]), (was, now)
            assert now["transcript"][: len(was["transcript"])] == was["transcript"]
            assert was["state"] != "ended" or was == now
        self.known, self.still = calls, False

    @invariant()
    def a_campaign_that_is_paused_or_over_starts_none(self) -> None:
        """One that is paused or over when a rule begins, and when it ends, has begun no call between the two."""
        stopped: dict[str, int] = {}
        for run in self.line.runs:
            status, begun = self._status(run), self._begun(run)
            assert begun <= run.leads
            if status not in ("active", "ACTIVE", "processing"):
                assert self.began.get(run.id, begun) == begun, (run, status)
                stopped[run.id] = begun
        self.began = stopped

    @invariant()
    def counts_analytics_and_lists_agree(self) -> None:
        live = [one for one in self.known.values() if one["agent"] is not None]
        by = {name: {one["id"] for one in live if one["provider"] == name} for name in self.line.agents}
        listed = self._listed()
        for name, ids in listed.items():
            assert {id for id in ids if id in self.known} == by[name], name
        for run in self.line.runs:
            getattr(self, f"_{run.provider}_agrees")(run)

    def _status(self, run: Run) -> str:
        path = {"teli": "/v1/voice/campaigns/{}", "vogent": "/api/batch_dial_jobs/{}"}.get(run.provider)
        return str(self.line.get(run.provider, path.format(run.id))["status"]) if path else "processing"

    def _begun(self, run: Run) -> int:
        if run.provider == "teli":
            return int(self.line.get("teli", f"/v1/voice/campaigns/{run.id}/calls")["count"])
        if run.provider == "vogent":
            return run.leads - len(self.line.get("vogent", f"/api/batch_dial_jobs/{run.id}/queue")["data"])
        return 0

    def _listed(self) -> dict[str, list[str]]:
        """The ids of all calls, as each vendor lists them; Vogent's have no list but those of a job."""
        line, scope = self.line, {"organization_id": ORGANIZATION, "is_admin": "true", "limit": 100}
        teli = [
            row["call_id"]
            for status in ("ended", "ongoing", "error")
            for row in line.get("teli", "/v1/voice/calls", call_status=status, **scope)["calls"]
        ]
        days = {"startDate": "2026-01-01T00:00:00Z", "endDate": "2099-01-01T00:00:00Z", "size": 1000}
        interactly = line.get("interactly", "/calls/v1/conversations", **days)
        assert interactly["totalCount"] == len(interactly["conversations"])
        uponai = line.get("uponai", "/api/v1/calls", limit=100)
        assert uponai["pagination"]["total"] == len(uponai["calls"])
        found = {"interactly": [row["id"] for row in interactly["conversations"]]}
        return {**found, "teli": teli, "uponai": [row["callId"] for row in uponai["calls"]]}

    def _teli_agrees(self, run: Run) -> None:
        line, path = self.line, f"/v1/voice/campaigns/{run.id}"
        progress, told = line.get("teli", path)["progress"], line.get("teli", f"{path}/analytics")
        calls = line.get("teli", f"{path}/calls")["calls"]
        mine = [self.known[row["call_id"]] for row in calls]
        over = [one for one in mine if one["state"] == "ended"]
        assert progress["total"] == run.leads == told["total_contacts"]
        assert progress["completed"] == len(over) == run.leads - progress["pending"]
        assert (told["total_calls"], told["not_called"]) == (len(mine), run.leads - len(mine))
        assert told["connected_calls"] == sum(1 for one in over if one["duration_seconds"] > 0)
        assert told["voicemail_calls"] == sum(1 for one in over if one["reason"] == "voicemail")
        assert told["failed_calls"] == sum(1 for one in over if one["duration_seconds"] == 0)
        assert sum(told["sentiment_breakdown"].values()) == len(over)
        assert len(mine) - len(over) <= 10
        failed = line.get("teli", f"{path}/failed-numbers", format="detailed", include_not_called="true")
        unreached = {"busy", "no-answer", "failed", "voicemail", "cancelled"}
        wanted = sum(1 for one in over if one["reason"] in unreached) + told["not_called"]
        assert failed["count"] == len(failed["failed_numbers"]) == wanted

    def _vogent_agrees(self, run: Run) -> None:
        line, path = self.line, f"/api/batch_dial_jobs/{run.id}"
        over = [row["id"] for row in line.get("vogent", f"{path}/dials")["data"]]
        queued = line.get("vogent", f"{path}/queue")["data"]
        assert {self.known[id]["state"] for id in over} <= {"ended"}
        assert 0 <= run.leads - len(queued) - len(over) <= 2
        for id in over[:2]:
            shown = line.get("vogent", f"/api/dials/{id}")
            assert len(shown["transcript"]) == len(self.known[id]["transcript"])

    def _interactly_agrees(self, run: Run) -> None:
        """Its campaigns are not shown by any page."""

    def teardown(self) -> None:
        self.line.gateway.spaces.close(self.line.key)


@pytest.fixture(scope="module")
def gateway() -> Gateway:
    return Gateway(open_services(seed=1))


def run(gateway: Gateway, examples: int, steps: int) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        lambda: Calls(gateway),
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


def test_whatever_is_done_calls_and_what_tells_of_them_agree(gateway: Gateway) -> None:
    run(gateway, examples=14, steps=30)
