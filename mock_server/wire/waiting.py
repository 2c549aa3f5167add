"""Waiting for a space in which somebody else is at work, without keeping the event loop from others."""

from __future__ import annotations

import asyncio

from mock_server.spaces import Space

_POLL_SECONDS = 0.002
_SLOWEST_SECONDS = 0.1


class Waiting:
    """However many wait for a space, one of them looks whether it is free."""

    def __init__(self) -> None:
        self._free: dict[int, asyncio.Future[None]] = {}

    async def until_free(self, space: Space) -> None:
        """Returns when nobody was at work in the space a moment ago."""
        known = self._free.get(id(space))
        if known is not None:
            await asyncio.shield(known)
            return
        free = self._free[id(space)] = asyncio.get_running_loop().create_future()
        pause = _POLL_SECONDS
        try:
            while not space.lock.acquire(blocking=False):
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, _SLOWEST_SECONDS)
            space.lock.release()
        finally:
            del self._free[id(space)]
            free.set_result(None)
