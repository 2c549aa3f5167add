"""`ringback mcp`: a running server's spaces, answers, faults, requests and checks as tools of a coding agent."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from mock_server.commands.remote.asking import ALL, control, default_url
from mock_server.commands.usage import fail

if TYPE_CHECKING:
    from ringback.client import Control

_CHECK_SECONDS = 600
_MOST_FINDINGS = 20
_LOOPBACK = ("127.0.0.1", "localhost", "::1")

INSTRUCTIONS = (
    "Ringback stands in for the phone-number APIs of Teli, Vogent, Interactly and UponAI. An API key that begins with"
    " test_ opens a space, a world of its own. Answers carry evidence: seed and doc are on the vendor's pages, observed"
    " is what public clients rely on, assumed is nobody's word but ours. To see an error handled, look for its answer"
    " with describe_operation and bring it about with add_fault or provoke; verify_requests says what a client sent."
)


def add_command(commands: Any) -> None:
    """Adds the command to the parser of `ringback`."""
    parser = commands.add_parser(
        "mcp",
        help="offer a running server to a coding agent (Model Context Protocol)",
        description="Offer a running server to a coding agent, by the Model Context Protocol on stdin and stdout.",
        epilog="Needs the extra: pip install 'ringback[mcp]'.",
    )
    url = default_url(os.environ)
    parser.add_argument("--url", default=url, metavar="URL", help=f"where the server is (default {url})")
    token = os.environ.get("RINGBACK_CONTROL_TOKEN")
    parser.add_argument("--control-token", default=token, metavar="T", help="bearer token of the control API")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from importlib.util import find_spec

    if find_spec("mcp") is None:
        fail("mcp", "mcp: not installed; `pip install 'ringback[mcp]'` brings the protocol")
    server(control(options.url, options.control_token)).run("stdio")
    return 0


def server(there: Control) -> Any:
    """The protocol's server over the control API there."""
    from mcp.server import MCPServer
    from mcp.types import ToolAnnotations

    from mock_server import __version__

    made = MCPServer("ringback", version=__version__, instructions=INSTRUCTIONS, log_level="WARNING")
    tools = _Tools(there)
    looking = ToolAnnotations(read_only_hint=True, open_world_hint=False)
    changing = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=False)
    ending = ToolAnnotations(read_only_hint=False, destructive_hint=True, open_world_hint=False)
    for tool, kind in (
        (tools.list_spaces, looking),
        (tools.open_space, changing),
        (tools.reset_space, ending),
        (tools.list_operations, looking),
        (tools.describe_operation, looking),
        (tools.provoke, changing),
        (tools.list_faults, looking),
        (tools.add_fault, changing),
        (tools.clear_faults, ending),
        (tools.find_requests, looking),
        (tools.explain_request, looking),
        (tools.verify_requests, looking),
        (tools.check, changing),
    ):
        # Every answer is a JSON object; a schema of what is in it would be the control API's over again.
        made.tool(annotations=kind, structured_output=False)(_telling(tool))
    return made


def _telling(tool: Callable[..., str]) -> Callable[..., str]:
    """The tool, whose refusals the agent is told of: of any other error the protocol tells it nothing."""
    from subprocess import TimeoutExpired

    from mcp.server.mcpserver.exceptions import ToolError

    from ringback.client import RingbackError

    @wraps(tool)
    def told(*given: Any, **named: Any) -> str:
        try:
            return tool(*given, **named)
        except (RingbackError, ValueError, TimeoutExpired) as refused:
            raise ToolError(str(refused)) from None

    return told


class _Tools:
    """What an agent can do; a refusal names what was meant, and is told as the tool's error."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def list_spaces(self) -> str:
        """The open spaces: worlds of their own, each opened by the API key that is its name."""
        return _text(self._control.call("GET", "/spaces"))

    def open_space(self, name: str, fork: str | None = None, snapshot: str | None = None) -> str:
        """Open a space; its name, which begins with test_, is its API key. It may begin as a fork or a snapshot."""
        return _text(self._control.call("POST", "/spaces", _given(name=name, fork=fork, snapshot=snapshot)))

    def reset_space(self, space: str) -> str:
        """Put a space back to its fixtures: records, requests, faults and clock are forgotten."""
        return _text(self._control.call("POST", "/reset", space=space))

    def list_operations(self, vendor: str | None = None) -> str:
        """The operations of a vendor (teli, vogent, interactly, uponai) or of all, with path, evidence and answers."""
        found = self._control.call("GET", "/operations", provider=vendor)
        kept = ("provider", "operation", "method", "path", "summary", "evidence", "source")
        return _text(
            [
                {**{name: one[name] for name in kept}, "answers": {a["name"]: a["status"] for a in one["answers"]}}
                for one in found
            ]
        )

    def describe_operation(self, vendor: str, operation: str) -> str:
        """One operation with every documented answer, its evidence and source page, and how to bring it about."""
        found = self._control.call("GET", "/operations", provider=vendor)
        for one in found:
            if one["operation"] == operation:
                return _text(one)
        known = ", ".join(one["operation"] for one in found)
        raise ValueError(f"{vendor} has no operation {operation!r}; there are {known}")

    def provoke(self, vendor: str, operation: str, answer: str, space: str, way: str = "natural") -> str:
        """Bring a documented answer about now, by the documented input (way natural) or by asking for it (forced)."""
        wanted = {"provider": vendor, "operation": operation, "answer": answer, "space": space, "way": way}
        return _text(self._control.call("POST", "/provoke", wanted))

    def list_faults(self, space: str | None = None) -> str:
        """The rules that answer in place of the truth, with their hits, of one space or of all."""
        return _text(self._control.call("GET", "/faults", space=space or ALL))

    def add_fault(
        self,
        vendor: str,
        operation: str,
        space: str,
        example: str | None = None,
        status: int | None = None,
        fault: str | None = None,
        delay_ms: float | None = None,
        times: int | None = None,
        match: dict[str, Any] | None = None,
    ) -> str:
        """Choose in advance what the space's next requests of an operation (* for all) get: a named answer (example),
        a status, a broken connection (fault: reset, empty, truncate, malformed-json, hang, slow-drip), or a delay.
        match names values that the request must have, such as {"body.area_code": "415"}.
        """
        answer = _given(example=example, status=status)
        rule = _given(fault=fault, delay_ms=delay_ms, times=times, match=match, answer=answer or None)
        wanted = {"provider": vendor, "operation": operation, "space": space, **rule}
        return _text(self._control.call("POST", "/faults", wanted))

    def clear_faults(self, space: str) -> str:
        """Forget all rules of a space."""
        self._control.call("DELETE", "/faults", space=space)
        return _text({"cleared": space})

    def find_requests(self, query: str = "", space: str | None = None, limit: int = 20) -> str:
        """What was asked, newest first, of one space or all; the query narrows it:
        `teli status:500 op:updatePhoneAgent -fault:* body.area_code:415`.
        """
        found = self._control.call(
            "GET", "/requests", q=query or None, space=space or ALL, limit=limit, order="newest", brief="true"
        )
        return _text(found["requests"])

    def explain_request(self, number: int, space: str | None = None) -> str:
        """One request with its answer: why it came, its evidence and source page, unread fields and near misses.
        A number is its space's own: name the space where several may have it.
        """
        return _text(self._control.call("GET", f"/requests/{quote(str(number), safe='')}", space=space))

    def verify_requests(
        self,
        space: str,
        times: str = "at least 1",
        query: str | None = None,
        operation: str | None = None,
        body: dict[str, Any] | None = None,
    ) -> str:
        """Whether a client asked as often as it should have (`exactly 1`, `at least 1`, `at most 0`): requests that fit
        the query and the operation and whose JSON body contains body. Tells what the nearest others lack.
        """
        wanted = _given(space=space, times=times, q=query, operation=operation, body=body)
        return _text(self._control.call("POST", "/requests/verify", wanted))

    def check(
        self, vendor: str, target: str | None = None, operations: list[str] | None = None, depth: str = "scenario"
    ) -> str:
        """Check a server on this machine against the vendor's documentation: one that you are writing (target, its
        origin on loopback), or a mock that is started for it. depth is scenario (seconds) or quick (a minute).
        """
        if target is not None and urlsplit(target).hostname not in _LOOPBACK:
            raise ValueError(
                f"{target}: only servers on this machine are checked from here; run `ringback check` yourself"
            )
        return _text(_checked(vendor, target, operations or [], depth))


def _checked(vendor: str, target: str | None, operations: list[str], depth: str) -> dict[str, Any]:
    # On use, as for all that only some commands need: whoever asks for --help waits for none of it.
    import subprocess
    import tempfile
    from importlib.util import find_spec

    from ringback.launch import command

    if find_spec("schemathesis") is None:
        raise ValueError("the harness is not installed; `pip install 'ringback[check]'` brings it")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "report.json"
        line = command("check", vendor, "--depth", depth, "--report", f"json={file}")
        line += ["--target", target] if target is not None else []
        line += [word for operation in operations for word in ("--operation", operation)]
        # Standard input is the protocol's.
        done = subprocess.run(  # noqa: S603 - our own command, and no shell
            line, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_CHECK_SECONDS, check=False
        )
        if not file.exists():
            raise ValueError((done.stderr or done.stdout).strip()[-2000:] or f"exit code {done.returncode}")
        report = json.loads(file.read_text(encoding="utf-8"))
    failed = [one for one in report["outcomes"] if one.get("status") == "failed"]
    return {
        "holds": done.returncode == 0,
        "exit_code": done.returncode,
        "counts": report["counts"],
        "failed": failed[:_MOST_FINDINGS],
        "said": done.stdout.strip()[-1500:],
    }


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _text(answer: Any) -> str:
    return json.dumps(answer, ensure_ascii=False)
