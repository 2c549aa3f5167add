"""An application that receives events: it answers as it is told, and checks signatures by the vendors' pages alone."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from flask import Flask, Response, request
from werkzeug.serving import make_server


class Received(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """Listens on a free port; `statuses` are those of the next answers, `answer` is what a 200 says."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.statuses: list[int] = []
        self.answer: Any = {}
        self.seconds = 0.0
        app = Flask("receiver")
        app.add_url_rule("/<path:path>", view_func=self._take, methods=["POST"])
        self._server = make_server("127.0.0.1", 0, app, threaded=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def _take(self, path: str) -> Response:
        self.received.append(Received(path, dict(request.headers), request.get_data()))
        time.sleep(self.seconds)
        status = self.statuses.pop(0) if self.statuses else 200
        headers = {"Location": f"{self.url}/elsewhere"} if 300 <= status < 400 else {}
        return Response(json.dumps(self.answer), status, headers, mimetype="application/json")

    def wait(self, count: int, seconds: float = 10.0) -> list[Received]:
        """What was received, as soon as it is that much."""
        deadline = time.monotonic() + seconds
        while len(self.received) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(self.received) >= count, [one.json for one in self.received]
        return list(self.received)

    def stop(self) -> None:
        self._server.shutdown()


def vogent_signed(one: Received, secret: str) -> bool:
    """X-Elto-Signature: hex HMAC-SHA256 of the raw body with the signing secret (docs: webhooks)."""
    wanted = hmac.new(secret.encode(), one.body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(one.headers.get("X-Elto-Signature", ""), wanted)


def uponai_signed(one: Received, secret: str) -> bool:
    """x-retell-signature: v={ms},d={hex HMAC-SHA256 of body and ms}, not older than five minutes (docs: webhooks)."""
    parts = dict(part.split("=", 1) for part in one.headers.get("X-Retell-Signature", "v=0,d=").split(","))
    wanted = hmac.new(secret.encode(), one.body + parts["v"].encode(), hashlib.sha256).hexdigest()
    fresh = abs(time.time() * 1000 - int(parts["v"])) < 5 * 60 * 1000
    return fresh and hmac.compare_digest(parts["d"], wanted)


def interactly_signed(one: Received, secret: str) -> bool:
    """x-interactly-secret is the secret itself (docs: webhooks)."""
    return one.headers.get("X-Interactly-Secret") == secret


SIGNED: dict[str, Callable[[Received, str], bool]] = {
    "vogent": vogent_signed,
    "uponai": uponai_signed,
    "interactly": interactly_signed,
}
