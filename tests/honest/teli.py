"""An account of Teli: organizations and users, numbers and voice agents, as far as the pages need them."""

from __future__ import annotations

import re
from itertools import count
from typing import Any

from tests.honest.habits import Habits, Late, Refused

Json = Any

VARIABLES: dict[str, str] = {}
_ORGANIZATION, _OWNER = "org-h1", "user-h1"


class Account:
    """The records of one organization; two of the paths are the first pages', the rest other pages'."""

    def __init__(self, habits: Habits) -> None:
        self._habits = habits
        self._ids = count(1)
        self._users = [self._user("Ada", "ada@example.org", "admin")]
        self._agents = [
            {
                "agent_id": f"h{index}x1",
                "unique_id": f"h{index}x2",
                "voice_agent_id": f"agent_{index}honest",
                "id": f"00000000-cccc-4000-8000-{index:012}",
                "agent_name": f"Desk {index}",
                "agent_type": "voice",
                "organization_id": _ORGANIZATION,
                "created_by_user_id": _OWNER,
            }
            for index in range(4)
        ]
        self._numbers: dict[str, Late] = {}
        for _ in range(habits.records):
            self._add("415", {"user_id": _OWNER, "organization_id": _ORGANIZATION, "tenant_id": "tenant-h"})

    def _user(self, name: str, email: str, permission: str) -> dict[str, Json]:
        index = next(self._ids)
        return {
            "unique_id": f"user-h{index}",
            "id": f"00000000-dddd-4000-8000-{index:012}",
            "name": name,
            "email": email,
            "permission": permission,
            "organization_id": "00000000-eeee-4000-8000-000000000001",
            "status": "active",
            "phone": None,
            "total_campaigns": 0,
            "total_agents": 0,
        }

    def _add(self, area: str, owner: dict[str, Json]) -> dict[str, Json]:
        index = next(self._ids)
        digits = f"{area}{2000000 + index}"
        record = {
            "phone_number": f"+1{digits}",
            "pretty_phone_number": f"+1 {area} {digits[3:6]} {digits[6:]}",
            "id": f"00000000-ffff-4000-8000-{index:012}",
            "area_code": area,
            "phone_type": "voice",
            "provider": "teli_voice",
            "inbound_agent_id": None,
            "outbound_agent_id": None,
            "nickname": None,
            **owner,
        }
        self._numbers[record["phone_number"]] = Late(record, self._habits.settle_seconds)
        return record

    def error(self, status: int, words: str) -> Json:
        """How Teli says no: the sentences are on its pages."""
        return {"error": words, "success": False, "powered_by": "Teli"}

    def answer(self, method: str, parts: list[str], query: dict[str, str], read: Any) -> tuple[int, Json]:
        """The status and body for a method and the parts of a path."""
        match (method, *parts):
            case ("POST", "v1", "voice", "phone-numbers", "create"):
                return 200, self._create(read())
            case ("POST" | "PATCH", "v1", "voice", "phone-numbers", number, "update-agent"):
                return 200, self._link(number, read())
            case _ if self._habits.seed_pages_only:
                raise Refused(404, "no such page")
            case ("GET", "v1", "voice", "phone-numbers"):
                return 200, self._listed("phone_numbers", self._owned(query))
            case ("GET", "v1", "agents"):
                if "organization_id" not in query:
                    raise Refused(400, "organization_id required")
                wanted = query.get("agent_type", "voice")
                if wanted not in ("voice", "sms") and not self._habits.lenient:
                    raise Refused(400, "which agents?")
                mine = query["organization_id"] == _ORGANIZATION and wanted == "voice"
                mine = mine and query.get("user_id", _OWNER) == _OWNER
                return 200, self._listed("agents", self._agents if mine else [])
            case ("GET", "v1", "agents", agent):
                found = self._agent(agent)
                if found is None:
                    raise Refused(404, "Agent not found")
                return 200, self._told(agent=self._habits.row(found))
            case ("PATCH", "v1", "agents", agent, "tools"):
                return 200, self._equip(agent, read())
            case ("GET", "v1", "organizations"):
                return 200, self._listed("organizations", [self._organization()])
            case ("GET", "v1", "organizations", organization, *rest) if organization == _ORGANIZATION:
                if rest not in ([], ["users"]):
                    raise Refused(404, "Not found")
                users = self._listed("users", self._users) if rest else None
                return 200, users or self._told(organization=self._organization())
            case ("GET", "v1", "organizations", _, *_):
                raise Refused(404, "Organization not found")
            case ("POST", "v1", "organizations", organization, "users"):
                return 201, self._invite(organization, read())
        raise Refused(404 if method == "GET" or not self._habits.request_ids else 405, "Not served")

    def _told(self, **fields: Json) -> Json:
        return {"success": True, **fields, "powered_by": "Teli"}

    def _listed(self, name: str, rows: list[Json]) -> Json:
        return self._told(count=len(rows), **{name: self._habits.rows(rows)})

    def _organization(self) -> Json:
        totals = {f"total_{kind}_{way}bound": 0 for kind in ("sms", "mms") for way in ("in", "out")}
        registration = {"sms_active": False, "teli_sms_number": None, "sms_registration_status": "not_started"}
        ids = {"unique_id": _ORGANIZATION, "id": "00000000-eeee-4000-8000-000000000001"}
        return {**ids, "name": "Honest", **registration, **totals, "total_voice_seconds": 0}

    def _agent(self, name: Json) -> Json:
        names = ("agent_id", "unique_id", "voice_agent_id", "id")
        return next((one for one in self._agents if name in [one[field] for field in names]), None)

    def _owned(self, query: dict[str, str]) -> list[Json]:
        for name in ("user_id", "organization_id"):
            if not query.get(name):
                raise Refused(400, f"{name} required")
        known = query.get("is_admin", "false") in ("true", "false")
        if not self._habits.lenient and not (known and query.get("phone_type", "voice") in ("voice", "sms")):
            raise Refused(400, "is_admin, phone_type")
        rows = [one.shown() for one in self._numbers.values()]
        mine = query.get("is_admin") == "true"
        owned = [one for one in rows if mine or one["user_id"] == query["user_id"]]
        kept = [one for one in owned if one["organization_id"] == query["organization_id"]]
        return [one for one in kept if one["phone_type"] == query.get("phone_type", "voice")]

    def _create(self, body: dict[str, Json]) -> Json:
        if not body.get("area_code") or not body.get("user_id"):
            raise Refused(400, "area_code and user_id required")
        names = ("area_code", "user_id", "organization_id", "tenant_id")
        if not all(body.get(name) and isinstance(body[name], str) for name in names):
            raise Refused(400, "four texts are required")
        if not isinstance(body.get("nickname", ""), str):
            raise Refused(400, "nickname is a text")
        area = body["area_code"]
        if area not in ("313", "415"):
            words = self.error(500, "Failed to provision phone number")
            raise Refused(500, words | {"message": f"No numbers available in area code {area}"})
        owner = {name: body[name] for name in ("user_id", "organization_id", "tenant_id")}
        made = self._add(area, {**owner, "nickname": body.get("nickname")})
        digits = made["phone_number"][2:]
        pretty = f"+1 {area} {digits[3:6]} {digits[6:]}"
        kind = {"area_code": area, "phone_number_type": "teli-voice-twilio"}
        return self._told(phone_number=made["phone_number"], phone_number_pretty=pretty, **kind)

    def _link(self, number: str, body: dict[str, Json]) -> Json:
        fields = {name: body[name] for name in ("inbound_agent_id", "outbound_agent_id", "nickname") if name in body}
        if not fields:
            raise Refused(400, "At least one of inbound_agent_id, outbound_agent_id, or nickname required")
        if not isinstance(body.get("nickname", ""), str):
            raise Refused(400, "nickname is a text")
        if number not in self._numbers:
            raise Refused(500, "Phone number not found or invalid")
        stored = dict(fields)
        for name in set(fields) - {"nickname"}:
            agent = self._agent(fields[name]) if fields[name] else None
            if fields[name] and agent is None:
                raise Refused(500, "Agent not found or invalid agent ID")
            shown = "agent_id" if self._habits.other_names else "voice_agent_id"
            stored[name] = agent[shown] if agent else None
        self._numbers[number].update(stored)
        return self._told(phone_number=number, **fields, message="Phone number updated successfully")

    def _equip(self, name: str, body: dict[str, Json]) -> Json:
        agent, tools = self._agent(name), body.get("tools")
        if agent is None:
            raise Refused(404, "Agent not found")
        if not isinstance(tools, list) or not all(map(_is_tool, tools)):
            raise Refused(400, "tools")
        if len({one["name"] for one in tools}) < len(tools):
            raise Refused(400, "a name twice")
        shown = agent["agent_id"] if self._habits.other_names else name
        return self._told(agent_id=shown, tools_count=len(tools), message="Agent tools updated successfully")

    def _invite(self, organization: str, body: dict[str, Json]) -> Json:
        if organization != _ORGANIZATION:
            raise Refused(404, "Organization not found")
        for name in ("name", "email"):
            if not isinstance(body.get(name), str) or not body[name]:
                raise Refused(400, f"{name} is required")
        if body.get("permission", "user") not in ("admin", "user") or not isinstance(body.get("phone") or "", str):
            raise Refused(400, "permission, phone")
        if body["email"] in [one["email"] for one in self._users]:
            raise Refused(400, f"A user with email {body['email']} already exists in this organization")
        user = self._user(body["name"], body["email"], body.get("permission", "user"))
        user["phone"] = body.get("phone")
        self._users.append(user)
        return self._told(user=user)


def _is_tool(tool: Json) -> bool:
    if not isinstance(tool, dict) or not tool.get("type") or not isinstance(tool["type"], str):
        return False
    if not isinstance(tool.get("name"), str) or not re.fullmatch("[a-z][a-z0-9_]*", tool["name"]):
        return False
    return all(isinstance(tool.get(name, {}), dict) for name in ("transfer_destination", "transfer_option"))
