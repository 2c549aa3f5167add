"""Decides who answers a request: a vendor (by path prefix or Host), or the control API; and speaks CORS for vendors."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from mock_server.desk.happened.told import Teller
from mock_server.desk.rewind import Snapshots
from mock_server.exchange import Service
from mock_server.messages import Request, Response
from mock_server.process.limits import DEFAULTS
from mock_server.telephone import Courier, Switchboard

CONTROL = "_ringback"
PROBES = ("/livez", "/readyz")
"""Asked by whoever keeps servers alive: of any name, with no token, also where a vendor is at the root."""
MAX_CONTROL_BYTES = DEFAULTS.snapshot_bytes
"""What the body of a control request may take: a state that was exported can be imported again."""

LOOPBACK_NAMES = frozenset(("localhost", "127.0.0.1", "::1", "[::1]"))
_EXPOSED = "X-Ringback-Operation, X-Ringback-Evidence, X-Ringback-Fault, X-Ringback-Hint, Preference-Applied, Allow"
_ALLOW_ANY = ("access-control-allow-origin", "*")


class Destination(NamedTuple):
    """Where a request goes: a vendor with the vendor's own path, or (service None) the control API."""

    service: Service | None
    path: str


class Gateway:
    """All vendors of a server behind one front door.

    `only` mounts that vendor at the root too. `hosts` are the names, beside loopback's, under which
    the control API may be called.
    """

    def __init__(
        self,
        services: Mapping[str, Service],
        *,
        only: str | None = None,
        cors: bool = True,
        hosts: tuple[str, ...] = (),
        control_token: str | None = None,
        control_open: bool = True,
        webhook_hosts: tuple[str, ...] = (),
    ) -> None:
        self.services = services
        self.spaces = next(iter(services.values())).spaces
        self.only = only
        self.cors = cors
        self.control_hosts = LOOPBACK_NAMES | {host.lower() for host in hosts}
        self.control_token = control_token
        self.control_open = control_open
        self.specs = {name: service.spec for name, service in services.items()}
        self.operations = {name: tuple(spec.operations) for name, spec in self.specs.items()}
        self.snapshots = Snapshots(self.spaces.store, self.spaces.limits)
        deferred = self.spaces.shared is not None
        courier = Courier(webhook_hosts, self.spaces.limits, deferred=deferred)
        self.switchboard = Switchboard(self.spaces, self.specs, courier)
        for service in services.values():
            service.line = self.switchboard
        # Plain WSGI hides the socket, so it breaks no connection and has no streams; a wire says that it can.
        self.wire_faults: tuple[str, ...] = ("malformed-json",)
        self.has_streams = False
        self.stopping = False
        self.told: Teller | None = None
        self._by_host = {service.spec.host: (service, "") for service in services.values()}
        for service in services.values():
            for host, base in service.spec.other_servers:
                self._by_host.setdefault(host, (service, base))

    def route(self, host: str, path: str) -> Destination:
        """Who answers: a vendor's Host always reaches that vendor, never the control API."""
        named = self._by_host.get(host_name(host))
        if named is not None:
            service, base = named
            if base and path.startswith(base + "/"):
                return Destination(service, service.spec.base_path + path[len(base) :])
            return Destination(service, path)
        first, slash, rest = path[1:].partition("/")
        prefixed = self.services.get(first)
        if prefixed is not None:
            return Destination(prefixed, slash + rest or "/")
        if self.only is not None and first != CONTROL and path not in PROBES:
            return Destination(self.services[self.only], path)
        return Destination(None, path)

    def tell(self, teller: Teller) -> None:
        """Lets everything be told that is asked of a vendor, or of nobody."""
        self.told = teller
        for service in self.services.values():
            service.told = teller

    def probe(self, request: Request) -> Response | None:
        """The answer to a probe; None for any other request. Everything is loaded before the first request comes."""
        if request.path not in PROBES:
            return None
        headers = (("content-type", "application/json"), ("cache-control", "no-store"))
        if request.method not in ("GET", "HEAD"):
            return Response(405, b'{"status":"GET is needed"}', (*headers, ("allow", "GET, HEAD")))
        unready = "stopping" if self.stopping else "degraded" if self.spaces.store.problem is not None else None
        if unready is not None and request.path == "/readyz":
            return Response(503, b'{"status":"%b"}' % unready.encode(), headers)
        return Response(200, b'{"status":"ok"}', headers)

    def exchange(self, service: Service, request: Request) -> Response:
        """The vendor's answer, with CORS headers for a browser; raises Busy as `Service.exchange` does."""
        if not self.cors or "origin" not in request.headers:
            return service.exchange(request)
        if request.method == "OPTIONS" and "access-control-request-method" in request.headers:
            return self._preflight(service, request)
        response = service.exchange(request)
        return response._replace(
            headers=(*response.headers, _ALLOW_ANY, ("access-control-expose-headers", _EXPOSED), ("vary", "Origin"))
        )

    def _preflight(self, service: Service, request: Request) -> Response:
        match = service.router.match("OPTIONS", request.path)
        methods = ", ".join((*match.allowed, "OPTIONS")) if match else "GET, POST, PUT, PATCH, DELETE"
        headers = [
            _ALLOW_ANY,
            ("access-control-allow-methods", methods),
            ("access-control-allow-headers", request.headers.get("access-control-request-headers", "*")),
            ("access-control-max-age", "600"),
            ("vary", "Origin, Access-Control-Request-Headers"),
        ]
        if request.headers.get("access-control-request-private-network") == "true":
            headers.append(("access-control-allow-private-network", "true"))
        return Response(204, b"", tuple(headers))


@lru_cache(maxsize=200)
def host_name(header: str) -> str:
    """The name in a Host header, lower-case, without its port."""
    host = header.strip().lower()
    if host.startswith("["):
        return host[: host.find("]") + 1]
    return host.partition(":")[0]
