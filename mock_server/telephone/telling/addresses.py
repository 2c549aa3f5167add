"""Whom the mock may call: this machine, and names that were allowed and do not lead into a private network."""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

Resolve = Callable[[str, int], list[str]]


class Refused(Exception):
    """An address that is not called; the text says why, and what would be called."""


class Place(NamedTuple):
    """Where to connect, decided once, so that no second look at the name can lead elsewhere."""

    address: str
    port: int
    host: str
    secure: bool
    target: str


def resolved(host: str, port: int) -> list[str]:
    """The addresses of a name."""
    try:
        return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except OSError as error:
        raise Refused(f"{host} has no address: {error}") from None


def place_of(url: str, allowed: Collection[str], resolve: Resolve = resolved) -> Place:
    """Where a delivery to this URL goes; raises Refused."""
    if not all("!" <= one <= "~" for one in url):
        raise Refused(f"{url!r}: only printable ASCII without blanks is an address; percent-encode the rest")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise Refused(f"{url!r} is no address") from None
    if parts.scheme not in ("http", "https") or not host or parts.username is not None:
        raise Refused(f"{url!r}: http://HOST/... or https://HOST/... is needed, without a name or a password")
    if host not in allowed and host != "localhost" and not _is_loopback(host):
        raise Refused(f"{host} is not called: loopback is, and names given as `ringback serve --webhook-host {host}`")
    addresses = [ip_address(found.partition("%")[0]) for found in resolve(host, port)]
    for address in addresses:
        if not _may_be_called(address):
            raise Refused(f"{host} leads to {address}, which is private or reserved and is not called")
    if not addresses:
        raise Refused(f"{host} has no address")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Place(str(addresses[0]), port, parts.netloc, parts.scheme == "https", target)


def _is_loopback(host: str) -> bool:
    try:
        return _plain(ip_address(host)).is_loopback
    except ValueError:
        return False


def _may_be_called(address: IPv4Address | IPv6Address) -> bool:
    plain = _plain(address)
    return plain.is_loopback or (plain.is_global and not plain.is_multicast)


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """An IPv4 address in the clothes of IPv6 is judged by what it is."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
