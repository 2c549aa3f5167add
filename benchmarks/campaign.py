"""How long the whole story of a campaign takes: 1,000 leads, played by one move of the clock over HTTP.

`python benchmarks/campaign.py [--leads N] [--rounds N] [--told]`. Each round has a space of its own and the same seed;
what is read of the calls afterwards must be the same in all. With `--told` every event goes to an application beside.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import urlsplit

GOAL_SECONDS = 2.0
NOW = "2030-01-01T15:00:00Z"
"""A Tuesday at ten in the morning in New York."""


class Vendor(NamedTuple):
    """How a vendor is asked for a campaign, and where its calls are read; `{id}` stands for the campaign's id."""

    header: str
    path: str
    body: dict[str, Any]
    leads: str
    field: str
    id: str
    start: str | None
    read: str


VENDORS = {
    "teli": Vendor(
        "X-API-Key",
        "/v1/voice/campaigns",
        {
            "voice_agent_id": "agent_abc123",
            "agent_outbound_number": "+14155551234",
            "organization_id": "1762896364768x389173798861431550",
            "tenant_id": "your_tenant",
            "user_id": "1762896366429x599348279945132448",
        },
        "leads",
        "phone_number",
        "campaign_id",
        None,
        "/v1/voice/campaigns/{id}/calls",
    ),
    "vogent": Vendor(
        "Authorization",
        "/api/batch_dial_jobs",
        {"name": "Survey", "callAgentId": "61ccefdf-ea02-4f49-811b-1241f8e20d26", "maxConcurrentDials": 10},
        "rows",
        "toNumber",
        "id",
        "/api/batch_dial_jobs/{id}/paused",
        "/api/batch_dial_jobs/{id}/dials?limit=1000",
    ),
    "interactly": Vendor(
        "Authorization",
        "/campaigns/v1/schedule/calls",
        {"config": {"name": "Outreach", "maxParallelCalls": 10, "assistantNumbers": ["+1234567890"]}},
        "data",
        "phone_number",
        "id",
        None,
        "/calls/v1/conversations?size=1000&startDate=2030-01-01T00:00:00Z&endDate=2030-01-02T00:00:00Z",
    ),
}


class Taking(BaseHTTPRequestHandler):
    """An application that takes every event."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--told", action="store_true")
    options = parser.parse_args()
    taking = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    threading.Thread(target=taking.serve_forever, daemon=True).start()
    command = [sys.executable, "-m", "mock_server", "serve", "--port", "0", "--json"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    parts = urlsplit(json.loads(server.stdout.readline())["url"])
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 0, timeout=120)

    def ask(method: str, path: str, body: Any = None, **headers: str) -> Any:
        text = None if body is None else json.dumps(body).encode()
        connection.request(method, path, text, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        said = answer.read()
        assert answer.status < 300, said
        return json.loads(said)

    slowest = 0.0
    try:
        for name, vendor in VENDORS.items():
            times, stories, steps = [], set(), 0
            for turn in range(options.rounds):
                key = f"test_campaign_{turn}_{options.told:d}"
                mine = {vendor.header: key if vendor.header == "X-API-Key" else f"Bearer {key}"}
                ask("PUT", f"/_ringback/clock?space={key}", {"now": NOW, "frozen": True})
                ask("PUT", f"/_ringback/seed?space={key}", {"seed": 9})
                if options.told and name != "teli":
                    url = f"http://127.0.0.1:{taking.server_port}/events"
                    ask("PUT", f"/_ringback/webhooks/{name}?space={key}", {"url": url})
                leads = [{vendor.field: f"+1202555{index % 10_000:04}"} for index in range(options.leads)]
                made = ask("POST", f"/{name}{vendor.path}", {**vendor.body, vendor.leads: leads}, **mine)
                id = made[vendor.id]
                if vendor.start is not None:
                    ask("POST", f"/{name}{vendor.start.format(id=id)}", {"paused": False}, **mine)
                began = time.perf_counter()
                steps = ask("POST", f"/_ringback/clock/advance?space={key}", {"seconds": 8 * 3600})["played"]
                times.append(time.perf_counter() - began)
                stories.add(json.dumps(ask("GET", f"/{name}{vendor.read.format(id=id)}", **mine)))
                ask("POST", f"/_ringback/reset?space={key}")
            median = statistics.median(times)
            slowest = max(slowest, median)
            told = f", {len(stories)} story" if len(stories) == 1 else f", {len(stories)} stories"
            print(f"{name:11} {median:.2f} s (at worst {max(times):.2f}) for {steps} steps{told}")
            assert len(stories) == 1, "the same seed has told different stories"
    finally:
        server.terminate()
        server.wait(timeout=10)
    return 0 if slowest < GOAL_SECONDS else 1


if __name__ == "__main__":
    raise SystemExit(main())
