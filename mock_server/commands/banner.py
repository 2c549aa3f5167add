"""What `ringback serve` prints when it is ready: where the vendors are, and a request to paste for each."""

from __future__ import annotations

from typing import Any

from mock_server import __version__
from mock_server.gateway import CONTROL, Gateway
from mock_server.spec import Operation, Spec, build, curl


def locations(gateway: Gateway, scheme: str, host: str, port: int) -> dict[str, Any]:
    """`{"url", "providers": {name: origin}, "control"}`; a vendor served alone is at the root."""
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - named, not bound
    url = f"{scheme}://{name}:{port}"
    providers = {provider: url if provider == gateway.only else f"{url}/{provider}" for provider in gateway.services}
    return {"url": url, "providers": providers, "control": f"{url}/{CONTROL}"}


def lines(gateway: Gateway, where: dict[str, Any]) -> list[str]:
    """The banner for a human."""
    insecure = " -k" if where["url"].startswith("https") else ""
    banner = [f"Ringback {__version__} is ready on {where['url']} (Ctrl-C stops it). Try:", ""]
    for name, service in gateway.services.items():
        banner.append(f"  # {service.spec.title}")
        banner.append("  " + _sample(service.spec, where["providers"][name]).replace("curl", f"curl{insecure}", 1))
    banner += [
        "",
        "Put a vendor's whole path behind its origin; a key that starts with test_ opens a world of its own.",
        f"Control: {where['control']}/health",
    ]
    return banner


def _sample(spec: Spec, origin: str) -> str:
    """The vendor's best documented update, as a curl line."""
    operation = min(spec.operations.values(), key=_rank)
    request = next(iter(operation.requests.values()))
    key = "YOUR_API_KEY"
    return curl(origin, build(spec, operation, request, key))


def _rank(operation: Operation) -> tuple[bool, bool, bool]:
    contract = operation.contract
    return (not operation.requests, operation.evidence.grade != "seed", contract.get("effect") != "update")
