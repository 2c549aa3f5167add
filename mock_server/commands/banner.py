"""What `ringback serve` prints when it is ready: where the vendors are, and a request to paste for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mock_server import __version__
from mock_server.commands.sample import documented, working
from mock_server.exchange import Service
from mock_server.gateway import CONTROL, Gateway
from mock_server.spec import curl


def locations(gateway: Gateway, scheme: str, host: str, port: int) -> dict[str, Any]:
    """`{"url", "providers": {name: origin}, "control"}`; a vendor served alone is at the root."""
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - named, not bound
    url = f"{scheme}://{name}:{port}"
    providers = {provider: url if provider == gateway.only else f"{url}/{provider}" for provider in gateway.services}
    return {"url": url, "providers": providers, "control": f"{url}/{CONTROL}"}


def lines(gateway: Gateway, where: dict[str, Any], trial: Mapping[str, Service] | None = None) -> list[str]:
    """The banner for a human; `trial` are services with the same records, on which requests may be tried."""
    insecure = " -k" if where["url"].startswith("https") else ""
    banner = [f"Ringback {__version__} is ready on {where['url']} (Ctrl-C stops it). Try:", ""]
    for name, service in gateway.services.items():
        sample = documented(service.spec) if trial is None else working(trial[name])
        banner.append(f"  # {service.spec.title}")
        banner.append("  " + curl(where["providers"][name], sample).replace("curl", f"curl{insecure}", 1))
    banner += [
        "",
        "Put a vendor's whole path behind its origin; a key that starts with test_ opens a world of its own.",
    ]
    banner += _control(gateway, where["control"], insecure)
    return banner


def _control(gateway: Gateway, control: str, insecure: str) -> list[str]:
    if gateway.control_token is not None:
        header = "-H 'Authorization: Bearer TOKEN'"
        return [
            f"Console: {control}/console (it asks for TOKEN, that of --control-token)",
            f"Control: curl{insecure} {control}/health {header}",
            "From a shell: RINGBACK_CONTROL_TOKEN=TOKEN ringback requests list",
        ]
    if not gateway.control_open:
        return [
            f"Control: {control}/ refuses every call, because others can reach this address: start with",
            "  RINGBACK_CONTROL_TOKEN=... ringback serve ..., and send Authorization: Bearer ...",
        ]
    return [f"Console: {control}/console", f"Control: {control}/health"]
