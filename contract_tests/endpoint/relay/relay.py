"""The relay itself: takes a request, has it decided, sends it on as it came, and hands the answer back as it comes."""

from __future__ import annotations

import asyncio
import logging
import socket
from time import monotonic

from contract_tests.endpoint.relay.caller import HEAD_SECONDS, Caller, Refusable
from contract_tests.endpoint.relay.flow import Flow
from contract_tests.endpoint.relay.heads import RequestHead
from contract_tests.endpoint.relay.passage import Passage, own
from contract_tests.endpoint.relay.passed import Policy

log = logging.getLogger("ringback")

BACKLOG = 1024


class Relay:
    """Listens, and passes exchanges on as its policy says."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._callers: set[Caller] = set()
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self.working = 0
        self.stopping = False

    async def listen(self, listening: socket.socket) -> None:
        """Begins to serve a socket that listens."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Caller(self._answer, self._refuse, self._callers), sock=listening, backlog=BACKLOG
        )
        self._sweep()

    async def drain(self, seconds: float) -> None:
        """Takes nothing new, and lets what is under way end, for so long."""
        self.stopping = True
        if self._server is not None:
            self._server.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
        until = monotonic() + seconds
        while self.working and monotonic() < until:
            for caller in [one for one in self._callers if not one.busy]:
                caller.close()
            await asyncio.sleep(0.01)
        for caller in list(self._callers):
            caller.close()

    def _sweep(self) -> None:
        now = monotonic()
        for caller in list(self._callers):
            if caller.since is not None and now - caller.since > HEAD_SECONDS:
                caller.abort()
        self._sweeper = asyncio.get_running_loop().call_later(1.0, self._sweep)

    # --- one exchange -----------------------------------------------------------------------------

    async def _answer(self, caller: Caller, head: RequestHead, body: Flow) -> bool:
        """Answers one request; whether the connection goes on."""
        self.working += 1
        try:
            return await Passage(self._policy, caller, head, body, lambda: self.stopping).carried_out()
        except Exception:
            log.exception("a %s request could not be passed on", head.method)
            caller.abort()
            return False
        finally:
            self.working -= 1

    def _refuse(self, caller: Caller, why: Refusable) -> None:
        said = self._policy.refused(why.status, str(why))
        caller.write(own(said, [(b"Connection", b"close")]))
