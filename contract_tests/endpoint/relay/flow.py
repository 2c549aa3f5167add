"""A body on its way: pieces in at the sender's pace, pieces out at the reader's, and no more held than a window."""

from __future__ import annotations

import asyncio
from collections import deque

WINDOW_BYTES = 256 << 10
"""So much is held of a body that its reader has not taken; then its sender is not read from."""
MOST_KEPT_BYTES = 1 << 20
"""So much of a body is kept to be judged; what is larger passes all the same."""


class Flow:
    """One body. `kept` is its beginning, for those who judge it, `size` how much has come."""

    __slots__ = ("_pieces", "_waiter", "_window", "ended", "failed", "held", "kept", "size", "trailers", "transport")

    def __init__(self, transport: asyncio.Transport | None) -> None:
        self.transport = transport
        """Whom it comes from."""
        self.ended = False
        self.failed: Exception | None = None
        self.held = 0
        self.size = 0
        self.kept: list[bytes] = []
        self.trailers: list[tuple[bytes, bytes]] = []
        self._pieces: deque[bytes] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._window = False

    @property
    def whole(self) -> bool:
        """Whether all of it was kept."""
        return self.size <= MOST_KEPT_BYTES

    def put(self, piece: bytes) -> None:
        """Takes a piece from the sender."""
        if self.size < MOST_KEPT_BYTES:
            self.kept.append(piece)
        self.size += len(piece)
        self.held += len(piece)
        self._pieces.append(piece)
        if self.held > WINDOW_BYTES and not self._window and self.transport is not None:
            self._window = True
            self.transport.pause_reading()
        self._wake()

    def end(self, why: Exception | None = None) -> None:
        """Says that nothing more comes, or why not."""
        if not self.ended:
            self.ended, self.failed = True, why
            self._wake()

    def ready(self) -> bytes:
        """What is there now, without waiting."""
        if not self._pieces:
            return b""
        found = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self.held = 0
        if self._window and self.transport is not None:
            self._window = False
            self.transport.resume_reading()
        return found

    async def take(self) -> bytes:
        """The next piece; empty at the end. Raises what made it fail."""
        while True:
            if self._pieces:
                return self.ready()
            if self.ended:
                if self.failed is not None:
                    raise self.failed
                return b""
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
