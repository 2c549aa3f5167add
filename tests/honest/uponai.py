"""An account of UponAI: its numbers, and the agents of its workspace."""

from __future__ import annotations

from typing import Any

from tests.honest.habits import Habits, Late, Refused

Json = Any

VARIABLES = {"accountSid": "acc-honest-1"}


class Account:
    """The numbers and agents; the assignment of a number is the first page's, the rest other pages'."""

    def __init__(self, habits: Habits) -> None:
        self._habits = habits
        self._agents = [
            {"agent_id": f"agent_h{index}", "version": 0, "agent_name": f"Desk {index}"} for index in range(3)
        ]
        self._numbers = [Late(self._number(index), habits.settle_seconds) for index in range(min(habits.records, 9))]

    @staticmethod
    def _number(index: int) -> dict[str, Json]:
        digits = f"4930901820{index:02}"
        return {
            "id": index,
            "number": f"+{digits}",
            "base_number": digits,
            "account_sid": VARIABLES["accountSid"],
            "workspace_id": 7,
            "inbound_agents": [],
            "outbound_agents": [],
            "is_time_routing_enabled": False,
        }

    def error(self, status: int, words: str) -> Json:
        """How this server says no; no page of UponAI shows an error."""
        return {"code": status, "detail": words}

    def answer(self, method: str, parts: list[str], query: dict[str, str], read: Any) -> tuple[int, Json]:
        """The status and body for a method and the parts of a path."""
        match (method, *parts):
            case ("PUT", "api", "numbers", number, "agent"):
                return 200, self._assign(number, read())
            case _ if self._habits.seed_pages_only:
                raise Refused(404, "no such page")
            case ("GET", "api", "numbers", account):
                if account != VARIABLES["accountSid"]:
                    raise Refused(404, "no such account")
                rows = self._habits.rows([one.shown() for one in self._numbers])
                return 200, {"result": {"items": rows}} if self._habits.enveloped else {
                    "success": True,
                    "numbers": rows,
                }
            case ("GET", "api", "agents"):
                return 200, self._listed(query)
            case ("POST", "api", "agents"):
                return 201, self._hire(read())
            case ("GET", "api", "agents", agent, "versions"):
                self._workspace(query.get("workspaceId"))
                return 200, [one for one in self._agents if one["agent_id"] == agent]
            case ("GET", "api", "agents", agent):
                self._workspace(query.get("workspaceId"))
                if not query.get("version", "1").isdigit() or int(query.get("version", "1")) < 1:
                    raise Refused(400, "which version?")
                found = next((one for one in self._agents if one["agent_id"] == agent), None)
                if found is None:
                    raise Refused(404, "no such agent")
                return 200, self._habits.row(found)
        raise Refused(404, "nothing here")

    def _listed(self, query: dict[str, str]) -> Json:
        self._workspace(query.get("workspaceId"))
        limit = query.get("limit", "1000")
        if self._habits.lenient:
            return self._habits.rows(self._agents)[: int(limit) if limit.isdigit() and int(limit) else None]
        if not limit.isdigit() or not 1 <= int(limit) <= 1000 or query.get("pagination_key"):
            raise Refused(400, "limit or key")
        return self._habits.rows(self._agents)[: int(limit)]

    def _hire(self, body: dict[str, Json]) -> Json:
        texts = [body.get(name) for name in ("agent_name", "voice_id")]
        engine, optional = body.get("response_engine"), ("interruption_sensitivity", "ambient_sound")
        threshold = body.get("response_threshold", 0)
        if not isinstance(engine, dict) or not all(isinstance(body.get(one) or "", str) for one in optional):
            raise Refused(400, "response_engine, texts")
        if isinstance(threshold, bool) or not isinstance(threshold, int | float):
            raise Refused(400, "response_threshold")
        if type(body.get("workspaceId")) is not int or not all(isinstance(one, str) for one in texts):
            raise Refused(400, "workspaceId, agent_name, voice_id")
        if not all(isinstance(engine.get(one, ""), str) for one in ("type", "llm_id")):
            raise Refused(400, "response_engine")
        self._workspace(str(body["workspaceId"]))
        if self._habits.conflicts and body["agent_name"] in [one["agent_name"] for one in self._agents]:
            raise Refused(409, "somebody has that name")
        fields = {name: value for name, value in body.items() if name != "workspaceId"}
        self._agents.append({**fields, "agent_id": f"agent_n{len(self._agents)}", "version": 0})
        return self._agents[-1]

    def _workspace(self, text: str | None) -> None:
        if text is None or not text.lstrip("-").isdigit():
            raise Refused(400, "which workspace?")
        if text != "7":
            raise Refused(404, "no such workspace")

    def _assign(self, number: str, body: dict[str, Json]) -> Json:
        if not isinstance(body.get("accountSid"), str) or type(body.get("workspaceId")) is not int:
            raise Refused(400, "accountSid and workspaceId")
        entries, url = body.get("inboundAgents", []), body.get("inboundWebhookUrl")
        ids = [body[name] for name in ("outboundAgentId",) if body.get(name) is not None]
        if not isinstance(entries, list) or not all(_is_entry(one) for one in entries):
            raise Refused(400, "inboundAgents")
        if url is not None and (not isinstance(url, str) or not url.lower().startswith(("http://", "https://"))):
            raise Refused(400, "inboundWebhookUrl")
        if not isinstance(body.get("isTimeRoutingEnabled", False), bool):
            raise Refused(400, "isTimeRoutingEnabled")
        if type(body.get("outboundAgentVersion", 0)) is not int or not all(isinstance(one, str) for one in ids):
            raise Refused(400, "outboundAgentId, outboundAgentVersion")
        found = next((one for one in self._numbers if number in (one.now["number"], one.now["base_number"])), None)
        if body["accountSid"] != VARIABLES["accountSid"] or body["workspaceId"] != 7 or found is None:
            raise Refused(404, "not yours")
        known = {one["agent_id"] for one in self._agents}
        if not {*ids, *(one["agent_id"] for one in entries)} <= known:
            raise Refused(400, "nobody by that id")
        fields: dict[str, Json] = {}
        if "outboundAgentId" in body:
            version = {"agent_version": body["outboundAgentVersion"]} if "outboundAgentVersion" in body else {}
            fields["outbound_agents"] = [{"agent_id": one, **version, "weight": 1} for one in ids]
        if "inboundAgents" in body:
            fields["inbound_agents"] = entries
        if "inboundWebhookUrl" in body:
            fields["inbound_webhook_url"] = url or ""
        if "isTimeRoutingEnabled" in body:
            fields["is_time_routing_enabled"] = body["isTimeRoutingEnabled"]
        found.update(fields)
        shown = self._habits.row(found.now)
        rows = self._habits.rows([one.now for one in self._numbers]) if self._habits.shuffled else [shown]
        return {"success": True, "message": "done", "numbers": rows, "assignment": shown}


def _is_entry(entry: Json) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("agent_id"), str):
        return False
    weight = entry.get("weight")
    numeric = isinstance(weight, int | float) and not isinstance(weight, bool)
    return numeric and type(entry.get("agent_version", 0)) is int
