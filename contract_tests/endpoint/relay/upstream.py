"""The way to one origin: connections that are kept open and used again, one exchange at a time on each."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from time import monotonic
from urllib.parse import urlsplit

from contract_tests.endpoint.opening import authorities, bracketed
from contract_tests.endpoint.relay.line import Line, NoAnswer

FRESH_SECONDS = 1.0
"""A connection that was idle for longer may be about to be closed: what is not sent twice does not go over it."""
IDLE_SECONDS = 30.0
MOST_IDLE = 64


class Upstream:
    """One origin. `open` gives a connection, `done` takes it back."""

    def __init__(self, origin: str, timeout: float, ca_file: str | None = None) -> None:
        parts = urlsplit(origin)
        self.origin = origin.rstrip("/")
        self.prefix = parts.path.rstrip("/").encode()
        self.timeout = timeout
        self._trust: ssl.SSLContext | None = authorities(ca_file) if parts.scheme == "https" else None
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._trust else 80)
        default = 443 if self._trust else 80
        self.host = (bracketed(self._host) + ("" if self._port == default else f":{self._port}")).encode()
        self._idle: list[Line] = []
        self._busy: set[Line] = set()
        self._sweeper: asyncio.TimerHandle | None = None

    async def open(self, *, fresh: bool) -> Line:
        """A connection for one exchange; `fresh` where the request must not be lost to one that is about to close."""
        now = monotonic()
        while self._idle:
            line = self._idle.pop()
            if line.gone or now - line.used > (FRESH_SECONDS if fresh else IDLE_SECONDS):
                line.close()
                continue
            line.reused = True
            self._busy.add(line)
            return line
        line = await self._connected()
        self._busy.add(line)
        if self._sweeper is None:
            self._sweep()
        return line

    def done(self, line: Line) -> None:
        """Takes a connection back after an exchange."""
        self._busy.discard(line)
        line.busy = False
        if line.usable and len(self._idle) < MOST_IDLE:
            line.used = monotonic()
            self._idle.append(line)
        else:
            line.close()

    def close(self) -> None:
        """Ends every connection."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for line in [*self._idle, *self._busy]:
            line.close()

    def _sweep(self) -> None:
        """Gives up exchanges of which nothing has come for too long."""
        now = monotonic()
        for line in list(self._busy):
            waits = line.body is not None and line.body.held == 0 and not line.body.ended
            if waits and now - line.touched > self.timeout:
                line.fail(NoAnswer(f"nothing came for {self.timeout:g} seconds; --timeout waits longer", late=True))
        self._busy = {one for one in self._busy if not one.gone}
        for line in [one for one in self._idle if now - one.used > IDLE_SECONDS]:
            self._idle.remove(line)
            line.close()
        pause = min(0.5, self.timeout / 4)
        self._sweeper = asyncio.get_running_loop().call_later(pause, self._sweep)

    async def _connected(self) -> Line:
        loop = asyncio.get_running_loop()
        named = self._host if self._trust else None
        try:
            async with asyncio.timeout(self.timeout):
                _, line = await loop.create_connection(
                    Line, self._host, self._port, ssl=self._trust, server_hostname=named
                )
        except TimeoutError:
            raise NoAnswer(f"{self.origin} cannot be reached: nobody answers there", unsent=True, late=True) from None
        except ssl.SSLCertVerificationError as error:
            why = error.verify_message.rstrip(".")
            hint = "" if "match" in why.lower() else "; --ca-file F names the authority that signed it"
            raise NoAnswer(f"the certificate of {self.origin} is not trusted: {why}{hint}", unsent=True) from None
        except ssl.SSLError as error:
            reason = (error.reason or str(error)).replace("_", " ").lower()
            raise NoAnswer(f"{self.origin} does not speak TLS: {reason}", unsent=True) from None
        except OSError as error:
            why = error.strerror or str(error)
            raise NoAnswer(f"{self.origin} cannot be reached: {why}; is the server running?", unsent=True) from None
        with suppress(AttributeError):
            assert line.transport is not None
            line.transport.set_write_buffer_limits(high=1 << 18)
        return line
