"""Ringback as a container for Testcontainers: `pip install 'ringback[testcontainers]'`, and your name of the image.

with RingbackContainer("ringback:latest") as ringback, ringback.server().space() as space:
    client = MyTeliClient(space.url("teli"), space.api_key)
"""

from __future__ import annotations

from secrets import token_hex
from typing import Any

from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import HttpWaitStrategy

from ringback.server import Ringback, connect

PORT = 4010


class RingbackContainer(DockerContainer):  # type: ignore[misc]
    """A container of that image; ready when it has started. Its control API wants a token, which `server()` knows."""

    def __init__(self, image: str = "ringback", **more: Any) -> None:
        super().__init__(image, **more)
        self.token = token_hex(16)
        self.with_exposed_ports(PORT)
        self.with_env("RINGBACK_CONTROL_TOKEN", self.token)
        self.waiting_for(HttpWaitStrategy(PORT, "/readyz").for_status_code(200))

    @property
    def base_url(self) -> str:
        """The server's own address, as it is reached from here."""
        return f"http://{self.get_container_host_ip()}:{self.get_exposed_port(PORT)}"

    def url(self, vendor: str) -> str:
        """The vendor's origin: put the vendor's whole path behind it."""
        return f"{self.base_url}/{vendor}"

    def server(self) -> Ringback:
        """The control of the server: spaces, faults, requests, state."""
        return connect(self.base_url, self.token)
