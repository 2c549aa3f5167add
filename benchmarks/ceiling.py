"""A bare handler on granian, the most that any server on it can reach: ceiling.py wsgi|rsgi PORT."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from granian.constants import Interfaces
from granian.server import MPServer
from granian.server.embed import Server as Embedded

BODY = b'{"success": true}'


def wsgi(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Reads what was sent, and answers the same each time."""
    environ["wsgi.input"].read()
    start_response("200 OK", [("content-type", "application/json")])
    return [BODY]


async def rsgi(scope: Any, protocol: Any) -> None:
    """As `wsgi`."""
    await protocol()
    protocol.response_bytes(200, [("content-type", "application/json")], BODY)


def main(kind: str, port: int) -> None:
    """Serves until it is ended."""
    if kind == "wsgi":
        where = {"address": "127.0.0.1", "port": port, "log_enabled": False}
        MPServer("ceiling:wsgi", interface=Interfaces.WSGI, **where).serve()
        return
    import uvloop

    server = Embedded(rsgi, address="127.0.0.1", port=port, log_enabled=False, websockets=False)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(server.serve())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
