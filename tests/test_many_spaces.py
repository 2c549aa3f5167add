"""Many testers at once: every space has its own world, faults and journal."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import requests

from mock_server.spec import Spec
from tests.conftest import Client, Server
from tests.desk import desk_of

SPACES = 50
ROUNDS = 8
CREATE = "/v1/voice/phone-numbers/create"
NUMBER = {"area_code": "313", "user_id": "u1", "organization_id": "o1", "tenant_id": "t1"}


def test_50_spaces_used_by_50_threads_at_once_do_not_meet(server: Server, specs: dict[str, Spec]) -> None:
    run = uuid4().hex
    together = threading.Barrier(SPACES)

    def use(index: int) -> None:
        key = f"test_{run}_{index}"
        desk = desk_of(server, key)
        teli = Client(server.origin("teli"), specs["teli"], key)
        vogent = Client(server.origin("vogent"), specs["vogent"], key)
        teapot = 460 + index % 30
        desk.rule("teli", "listOrganizations", answer={"status": teapot}, after=1, times=ROUNDS - 1)
        if index % 5 == 0:
            desk.rule("vogent", "listPhoneNumbers", fault="reset", times=1)
        assert desk.put("/seed", {"seed": index}).status_code == 200
        together.wait(timeout=60)
        statuses, made = [], []
        for turn in range(ROUNDS):
            statuses.append(teli.get("/v1/organizations").status_code)
            made.append(teli.post(CREATE, json={**NUMBER, "nickname": f"{index}-{turn}"}).json()["phone_number"])
            if turn % 4 == 3:
                # A neighbour's reset is nobody else's.
                other = f"test_{run}_extra_{index}"
                assert desk.call("PUT", "/clock", params={"space": other}, json={"frozen": True}).status_code == 200
                assert desk.call("POST", "/reset", params={"space": other}).status_code == 200
        try:
            listed = vogent.get("/api/phone_numbers").status_code
        except requests.ConnectionError:
            listed = 0
        assert listed == (0 if index % 5 == 0 else 200)
        assert statuses == [200] + [teapot] * (ROUNDS - 1)
        assert desk.faults()[0]["hits"] == ROUNDS - 1
        entries = desk.requests(limit=1000)
        assert len(entries) == 2 * ROUNDS + 1
        nicknames = [entry["request_body"]["nickname"] for entry in entries if entry["request_body"]]
        assert nicknames == [f"{index}-{turn}" for turn in range(ROUNDS)]
        numbers = desk.get("/state")["providers"]["teli"]["records"]["numbers"]
        # Nicknames of this form are only given here; those of other testers must not be among them.
        named = {r["nickname"]: r["phone_number"] for r in numbers if "-" in (r["nickname"] or "")}
        given = {f"{index}-{turn}": number for turn, number in enumerate(made)}
        assert {name: number for name, number in named.items() if name.partition("-")[0].isdigit()} == given

    with ThreadPoolExecutor(SPACES) as pool:
        for done in [pool.submit(use, index) for index in range(SPACES)]:
            done.result(timeout=120)
