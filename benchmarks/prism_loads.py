"""Whether Prism reads a spec without a complaint, and answers every documented call of it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import TemporaryFile
from time import perf_counter, sleep

import yaml
from servers import START_SECONDS, free_port, stop

from mock_server.spec import Operation, Spec, WireRequest, build, compile_checks, load

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_TIME = re.compile(r"^\[[^\]]*\] \u203a\s*")
_LINE = re.compile(r"(?:^|\s)\S  ?(awaiting|start|success|info)\s")
_LISTED = re.compile(r"\[CLI\].*\sinfo\s+([A-Z]+)\s+http://127\.0\.0\.1:\d+(/\S*)")
_NODE_ITSELF = re.compile(r"^\(node:\d+\)|^\(Use `node")


def complaints(prism: Sequence[str], file: Path) -> list[str]:
    """What Prism finds wrong with the spec, each in one line; the empty list when nothing is.

    Prism is started on the file, must list every operation, and is then sent each documented request
    that fits the schemas and has a 2xx answer. Warnings and errors in its log count, other answers
    count, and so do YAML merge keys, which YAML 1.2 has no more: Prism drops what they bring without a word.
    """
    return [*_merge_keys(file), *_said_by_prism(prism, file)]


def _merge_keys(file: Path) -> list[str]:
    """Every merge key in what Prism reads, which is all but the `x-` extensions."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    left = [yaml.compose(file.read_text(encoding="utf-8"), Loader=loader)]
    seen: set[int] = set()
    lines: set[int] = set()
    while left:
        node = left.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            left += node.value
        elif isinstance(node, yaml.MappingNode):
            lines |= {key.start_mark.line + 1 for key, _ in node.value if key.tag == "tag:yaml.org,2002:merge"}
            left += [value for key, value in node.value if not str(key.value).startswith("x-")]
    return [f"{file.name} line {line}: Prism ignores the merge key `<<` and what it brings" for line in sorted(lines)]


def _said_by_prism(prism: Sequence[str], file: Path) -> list[str]:
    spec, port = load(file), free_port()
    found: list[str] = []
    with TemporaryFile() as log:
        command = [*prism, "mock", "--host", "127.0.0.1", "--port", str(port), str(file)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

        def lines() -> list[str]:
            log.seek(0)
            return _COLOUR.sub("", log.read().decode("utf-8", "replace")).splitlines()

        try:
            deadline = perf_counter() + START_SECONDS
            while not any("Prism is listening" in line for line in lines()):
                if process.poll() is not None or perf_counter() > deadline:
                    return [f"{file.name}: Prism does not start: {' '.join(lines())[-1000:]}"]
                sleep(0.05)
            found += _not_listed(spec, lines())
            for operation, name, request in _documented(spec):
                status, body = _send(port, request)
                if not 200 <= status < 300:
                    found.append(f"{file.name} {operation.id}/{name}: Prism answers {status} {body[:300]}")
        finally:
            stop(process)
        found += [f"{file.name}: Prism says: {_TIME.sub('', line).strip()}" for line in lines() if _complains(line)]
    return list(dict.fromkeys(found))


def _complains(line: str) -> bool:
    return bool(line.strip()) and not _LINE.search(line) and not _NODE_ITSELF.search(line)


def _not_listed(spec: Spec, lines: list[str]) -> Iterator[str]:
    listed = {(match[1], len(match[2].split("/"))) for line in lines if (match := _LISTED.search(line))}
    for operation in spec.operations.values():
        path = operation.path.removeprefix(spec.base_path)
        # Prism lists a path with invented values for its parameters, so only its length can be compared.
        if (operation.method, len(path.split("/"))) not in listed:
            yield f"{Path(spec.file).name} {operation.id}: Prism does not list {operation.method} {path}"


def _documented(spec: Spec) -> Iterator[tuple[Operation, str, WireRequest]]:
    """Every documented request that fits the schemas, needs no other before it, and is answered with a 2xx."""
    checks = compile_checks(spec)
    for operation in spec.operations.values():
        check = checks[operation.id]
        for name, request in operation.requests.items():
            good = spec.answer(operation, request.answer).status < 300
            if not good or request.after or request.raw_body is not None:
                continue
            wire = build(spec, operation, request, "YOUR_API_KEY")
            fits = check.body is None or not request.has_body or check.body.is_valid(request.body)
            if fits and not check.query(wire.query)[1]:
                # Prism serves the paths as they are written, without the path of the server's URL.
                yield operation, name, wire._replace(path=wire.path.removeprefix(spec.base_path))


def _send(port: int, request: WireRequest) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(request.method, request.target, body=request.body, headers=dict(request.headers))
        reply = connection.getresponse()
        return reply.status, reply.read().decode("utf-8", "replace")
    except (OSError, HTTPException) as error:
        return 0, str(error)
    finally:
        connection.close()
