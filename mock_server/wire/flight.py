"""Bytes on their way: of bodies that are being received, and of long answers that are being sent."""

from __future__ import annotations


class FlightLimit(Exception):
    """More bytes are on their way than the server holds; the text says how many that are."""


class Airspace:
    """What all exchanges of a server have on their way together."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0


class Flight:
    """What one exchange has on its way; `land` gives it all back."""

    __slots__ = ("_airspace", "_bytes")

    def __init__(self, airspace: Airspace) -> None:
        self._airspace = airspace
        self._bytes = 0

    def take(self, size: int) -> None:
        """Takes off with so many bytes more; raises FlightLimit where there is no room."""
        airspace = self._airspace
        if airspace.used + size > airspace.limit:
            raise FlightLimit(f"{airspace.limit} bytes are on their way, which is the most there can be; try again")
        airspace.used += size
        self._bytes += size

    def land(self) -> None:
        self._airspace.used -= self._bytes
        self._bytes = 0
