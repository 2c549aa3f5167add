"""100,000 numbers in one space: what single calls take beside a small space, and who waits while they are listed.

`python benchmarks/large_state.py` starts a real server whose space `test_small` holds 100 numbers of each vendor and
`test_large` 100,000 (`--numbers`), then prints:

* create, update and get in both spaces, in turns over one connection: the median time and the quotient, which stays
  within 1.2;
* the time and size of a list of all numbers, and the worst time that an update took while such lists were on their
  way, in three rounds. What the lists do to others they do in every round, so the smallest of the three counts, and
  stays within 50 ms; the others and the worst time with no list at all show what else the machine is busy with;
* the peak memory of the server.

It exits with 1 when a bound is broken.
"""

from __future__ import annotations

import argparse
import json
import socket
import statistics
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from time import perf_counter, sleep
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

SMALL, LARGE = "test_small", "test_large"
SMALL_NUMBERS, LARGE_NUMBERS = 100, 100_000
ROUNDS, ROUNDS_AT_ONCE = 600, 10
QUOTIENT, WORST_SECONDS = 1.2, 0.050
LIST_ROUNDS, LIST_SECONDS = 3, 3.0

TELI = {"user_id": "1762896366429x599348279945132448", "organization_id": "1762896364768x389173798861431550"}
UPONAI = {"account_sid": "29e90072-fb58-4c6c-870a-43005115131e", "workspace_id": 1}


class Call(NamedTuple):
    """One operation to be timed; `{number}` and `{id}` in path and body stand for a number of the space, `{new}` for a
    number that nobody holds yet."""

    name: str
    method: str
    path: str
    body: Any = None


VENDORS: dict[str, tuple[list[Call], Call]] = {
    "teli": (
        [
            Call("create", "POST", "/v1/voice/phone-numbers/create", {"area_code": "313", "tenant_id": "t", **TELI}),
            Call(
                "update",
                "POST",
                "/v1/voice/phone-numbers/{number}/update-agent",
                {"inbound_agent_id": "agent_abc123", "nickname": "Main"},
            ),
        ],
        Call("list", "GET", "/v1/voice/phone-numbers?" + "&".join(f"{name}={value}" for name, value in TELI.items())),
    ),
    "vogent": (
        [
            Call(
                "create",
                "POST",
                "/api/phone_numbers",
                {
                    "type": "sip_import",
                    "sipImport": {
                        "phoneNumber": "{new}",
                        "terminationUri": "sip.example",
                        "username": "u",
                        "password": "p",
                    },
                },
            ),
            Call("update", "PUT", "/api/phone_numbers/{id}", {"agentId": "61ccefdf-ea02-4f49-811b-1241f8e20d26"}),
            Call("get", "GET", "/api/phone_numbers/{id}"),
        ],
        Call("list", "GET", "/api/phone_numbers?limit=1000"),
    ),
    "interactly": (
        [
            Call("create", "POST", "/assistants/v1/numbers/twilio", {"number": "{new}"}),
            Call("update", "PUT", "/assistants/v1/numbers/{id}", {"assistantId": "678a253ca6d866573043502e"}),
        ],
        Call("list", "GET", "/assistants/v1/numbers"),
    ),
    "uponai": (
        [
            Call(
                "update",
                "PUT",
                "/api/numbers/{number}/agent",
                {
                    "accountSid": UPONAI["account_sid"],
                    "workspaceId": 1,
                    "inboundAgents": [{"agent_id": "agent_d3c2df14e163c7ca8ac5b1bf38", "weight": 1}],
                },
            ),
        ],
        Call("list", "GET", f"/api/numbers/{UPONAI['account_sid']}"),
    ),
}


def e164(index: int) -> str:
    """The number at that place of a space, from an area that no create of the run hands numbers out in."""
    return f"+1212{index:07d}"


def identifier(provider: str, index: int) -> str:
    """The id under which a vendor knows that number; two vendors know it by the number itself."""
    return {"vogent": f"1caec78c-4bba-477d-82cf-{index:012d}", "interactly": f"{index:024x}"}.get(provider, "")


def given(provider: str, index: int) -> dict[str, Any]:
    """What a fixture would say of that number."""
    number = e164(index)
    if provider == "teli":
        return {"phone_number": number}
    if provider == "uponai":
        return {"number": number, "id": 1_000_000 + index, **UPONAI}
    field = "id" if provider == "vogent" else "_id"
    return {"number": number, field: identifier(provider, index)}


def run_server(numbers: int) -> None:
    """Serves all vendors with both spaces filled; prints the port when ready."""
    from mock_server.catalogue import load_vendor, open_services
    from mock_server.gateway import Gateway
    from mock_server.stores import State
    from mock_server.wire.serving import free_port, serve

    services = open_services(seed=1)
    spaces = next(iter(services.values())).spaces
    now, random = datetime.now(UTC), Random(1)
    for space, count in ((SMALL, SMALL_NUMBERS), (LARGE, numbers)):
        spaces.open(space)
        with spaces.store.transaction(space) as transaction:
            for provider in VENDORS:
                complete = load_vendor(provider).completions["numbers"]
                state = State(transaction, provider, services[provider].spec.records)
                for index in range(count):
                    state.put("numbers", complete(given(provider, index), now, random))
    port = free_port("127.0.0.1", 0)
    serve(Gateway(services), "127.0.0.1", port, lambda: print(port, flush=True))


@contextmanager
def server(numbers: int) -> Iterator[tuple[int, int]]:
    """A running server; gives its port and process id."""
    arguments = [sys.executable, __file__, "--serve", "--numbers", str(numbers)]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline()), process.pid
    finally:
        process.terminate()
        process.wait(timeout=10)


class Connection:
    """A keep-alive connection that sends one space's requests of one vendor."""

    def __init__(self, port: int, provider: str, space: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._provider = provider
        key = f"X-API-Key: {space}" if provider == "teli" else f"Authorization: Bearer {space}"
        self._head = f"Host: 127.0.0.1\r\n{key}\r\nContent-Type: application/json\r\n"
        self._numbers = SMALL_NUMBERS if space == SMALL else LARGE_NUMBERS
        self._asked = 0

    def curl(self, port: int, call: Call) -> list[str]:
        """The command that sends the call from another process and prints status, seconds and bytes."""
        command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code} %{time_total} %{size_download}"]
        for header in self._head.strip().split("\r\n"):
            command += ["-H", header]
        return [*command, f"http://127.0.0.1:{port}/{self._provider}{call.path}"]

    def seconds(self, call: Call) -> float:
        """Sends the call for the next number and gives the time to the whole of its answer, which must be a success."""
        self._asked += 1
        index = self._asked * 7 % min(self._numbers, SMALL_NUMBERS)
        values = {
            "{number}": e164(index),
            "{id}": identifier(self._provider, index),
            "{new}": f"+1650{self._asked:07d}",
        }
        path, body = call.path, "" if call.body is None else json.dumps(call.body)
        for name, value in values.items():
            path, body = path.replace(name, value), body.replace(name, value)
        head = f"{call.method} /{self._provider}{path} HTTP/1.1\r\n{self._head}Content-Length: {len(body)}\r\n\r\n"
        started = perf_counter()
        self._socket.sendall((head + body).encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._socket.recv(65536)
        head_bytes, _, rest = answer.partition(b"\r\n\r\n")
        length = int(head_bytes.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        while len(rest) < length:
            rest += self._socket.recv(65536)
        taken = perf_counter() - started
        status = int(head_bytes.split(b" ", 2)[1])
        assert status < 300, (call, status, rest[:300])
        return taken


def compare(port: int, provider: str, call: Call) -> bool:
    """Times the call in both spaces, a few of one after a few of the other, and prints the medians."""
    connections = {space: Connection(port, provider, space) for space in (SMALL, LARGE)}
    times: dict[str, list[float]] = {SMALL: [], LARGE: []}
    for turn in range(ROUNDS // ROUNDS_AT_ONCE + 2):
        for space, connection in connections.items():
            taken = [connection.seconds(call) for _ in range(ROUNDS_AT_ONCE)]
            if turn >= 2:
                times[space] += taken
    small, large = (statistics.median(times[space]) * 1e6 for space in (SMALL, LARGE))
    print(f"{provider:<11}{call.name:<8}{small:10.0f} us{large:10.0f} us{large / small:9.2f} x")
    return large / small <= QUOTIENT


def worst_while_listing(port: int, provider: str, update: Call, listing: Call) -> bool:
    """Lists the large space without a pause and prints the worst times of an update in it meanwhile, and without."""
    connection = Connection(port, provider, LARGE)
    calm = worst_update(connection, update, LIST_SECONDS, threading.Event())
    lists: list[tuple[float, int]] = []
    worst = []
    for _ in range(LIST_ROUNDS):
        done = threading.Event()
        lister = threading.Thread(target=keep_listing, args=(connection.curl(port, listing), lists, done))
        lister.start()
        worst.append(worst_update(connection, update, None, done))
        lister.join()
    seconds, size = statistics.median(taken for taken, _ in lists), lists[0][1]
    times = ", ".join(f"{taken * 1000:.1f}" for taken in worst)
    print(
        f"{provider:<11}{len(lists):5} lists of {size / 1e6:5.1f} MB, {seconds:5.2f} s each;"
        f" worst update {times} ms (without lists {calm * 1000:.1f} ms)"
    )
    return min(worst) <= WORST_SECONDS


def keep_listing(command: list[str], lists: list[tuple[float, int]], done: threading.Event) -> None:
    """Runs the command again and again for a round; adds the seconds and bytes of each answer to `lists`."""
    ends = perf_counter() + LIST_SECONDS
    while perf_counter() < ends:
        status, seconds, size = subprocess.run(command, capture_output=True, text=True).stdout.split()
        assert status == "200", status
        lists.append((float(seconds), int(size)))
    done.set()


def worst_update(connection: Connection, update: Call, seconds: float | None, done: threading.Event) -> float:
    """The longest time that one of many updates took, until the time is over or the event is set."""
    worst, started = 0.0, perf_counter()
    while not done.is_set() and (seconds is None or perf_counter() - started < seconds):
        worst = max(worst, connection.seconds(update))
        sleep(0.001)
    return worst


def peak_megabytes(pid: int) -> float:
    """The most memory that the process has held so far."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--numbers", type=int, default=LARGE_NUMBERS, help="numbers in the large space")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        run_server(options.numbers)
    kept = []
    with server(options.numbers) as (port, pid):
        print(f"{'':<11}{'':<8}{SMALL_NUMBERS:>10,}{'':3}{options.numbers:>10,} numbers")
        for provider, (calls, _) in VENDORS.items():
            kept += [compare(port, provider, call) for call in calls]
        before = peak_megabytes(pid)
        for provider, (calls, listing) in VENDORS.items():
            update = next(call for call in calls if call.name == "update")
            kept.append(worst_while_listing(port, provider, update, listing))
        print(f"peak memory {before:.0f} MB before the lists, {peak_megabytes(pid):.0f} MB after them")
    print("every bound holds" if all(kept) else "a bound is broken")
    return 0 if all(kept) else 1


if __name__ == "__main__":
    raise SystemExit(main())
