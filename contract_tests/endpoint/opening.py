"""How a connection is opened: names, addresses, a proxy and TLS, all within one deadline, each failure one sentence."""

from __future__ import annotations

import os
import socket
import ssl
import time
from base64 import b64encode
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

LARGEST_PROXY_HEAD_BYTES = 1 << 16
_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Environment variables that name a file of authorities, besides those that OpenSSL itself reads."""


class CannotOpen(Exception):
    """There is no connection; the text says why, and what could be done."""


class Proxy(NamedTuple):
    """An HTTP proxy: where it listens, and the credentials that it wants, if any."""

    host: str
    port: int
    credentials: str = ""

    @property
    def header(self) -> dict[str, str]:
        """The header that lets a request pass."""
        if not self.credentials:
            return {}
        return {"Proxy-Authorization": f"Basic {b64encode(self.credentials.encode()).decode()}"}


def proxy_of(url: str) -> Proxy:
    """The proxy that an address such as http://user:password@host:port names; ValueError for what names none."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("http://HOST:PORT is needed")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Proxy(parts.hostname, parts.port or 80, f"{user}:{password}" if parts.username else "")


def authorities(ca_file: str | None) -> ssl.SSLContext:
    """Whom to trust: the system's authorities and those of a file; OSError or ssl.SSLError for a file of none."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    for file in (ca_file, *(os.environ.get(name) for name in _CA_VARIABLES)):
        if file and Path(file).is_dir():
            context.load_verify_locations(capath=file)
        elif file:
            context.load_verify_locations(file)
    return context


class Opening(NamedTuple):
    """How to get to an origin: its host and port, over which proxy, trusting whom (None: no TLS)."""

    origin: str
    host: str
    port: int
    proxy: Proxy | None
    trust: ssl.SSLContext | None

    def open(self, until: float) -> socket.socket:
        """A connection; CannotOpen where there is none by that time of the monotonic clock."""
        at = self.proxy or self
        where = f"the proxy {at.host}:{at.port}" if self.proxy else self.origin
        try:
            connection = _connected(at.host, at.port, until)
        except OSError as error:
            timed_out = isinstance(error, TimeoutError)
            why = "nobody answers there" if timed_out else (error.strerror or str(error))
            raise CannotOpen(f"{where} cannot be reached: {why}; is the server running?") from None
        try:
            if self.proxy and self.trust:
                _tunnel(connection, self.proxy, f"{bracketed(self.host)}:{self.port}", until)
            return self._secured(connection, until) if self.trust else connection
        except BaseException:
            connection.close()
            raise

    def _secured(self, connection: socket.socket, until: float) -> socket.socket:
        assert self.trust is not None
        connection.settimeout(remaining(until))
        try:
            return self.trust.wrap_socket(connection, server_hostname=self.host)
        except ssl.SSLCertVerificationError as error:
            why = error.verify_message.rstrip(".")
            hint = "" if "match" in why.lower() else "; --ca-file F names the authority that signed it"
            raise CannotOpen(f"the certificate of {self.origin} is not trusted: {why}{hint}") from None
        except TimeoutError:
            raise CannotOpen(f"{self.origin} does not finish the TLS handshake") from None
        except (ssl.SSLError, OSError) as error:
            reason = (getattr(error, "reason", None) or error.strerror or str(error)).replace("_", " ").lower()
            raise CannotOpen(
                f"{self.origin} does not speak TLS: {reason}; is it http:// in place of https://?"
            ) from None


def _connected(host: str, port: int, until: float) -> socket.socket:
    """A TCP connection to the first address of the name that answers."""
    failure: OSError = OSError(f"{host} has no address")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise OSError(f"{host} is no name of a host") from None
    for family, kind, protocol, _, address in found:
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(remaining(until))
            connection.connect(address)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection
        except OSError as error:
            connection.close()
            failure = error
    raise failure


def _tunnel(connection: socket.socket, proxy: Proxy, to: str, until: float) -> None:
    """Has the proxy connect through to a host; CannotOpen where it does not."""
    lines = [f"CONNECT {to} HTTP/1.1", f"Host: {to}", *(f"{name}: {value}" for name, value in proxy.header.items())]
    head = b""
    try:
        connection.settimeout(remaining(until))
        connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        while b"\r\n\r\n" not in head and len(head) < LARGEST_PROXY_HEAD_BYTES:
            connection.settimeout(remaining(until))
            got = connection.recv(1)  # What follows the head belongs to the tunnel.
            if not got:
                break
            head += got
    except OSError as error:
        raise CannotOpen(f"the proxy {proxy.host}:{proxy.port} does not answer: {error}") from None
    words = head.split(b"\r\n")[0].decode("latin-1").split(" ", 1)
    if len(words) < 2 or not words[1].startswith("2"):
        said = words[1] if len(words) > 1 else "nothing that could be understood"
        raise CannotOpen(f"the proxy {proxy.host}:{proxy.port} does not connect to {to}: it answers {said}")


def remaining(until: float) -> float:
    """The seconds that are left; TimeoutError where none are."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def bracketed(host: str) -> str:
    """A host as it stands in an address: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host
