"""Public OpenAPI files of ten manners become mocks whose operations agree with each other."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from contract_tests.words.listed import record_in, rows_in
from contract_tests.words.pointers import pointed
from mock_server.adopting import adopt
from mock_server.spec import NamedRequest, Operation, Spec, build, load
from tests.conftest import Server

FILES = sorted((Path(__file__).parent / "adopted" / "public").glob("*.json"))
WANTED = {
    # carried out, by example, not served
    "circular": (0, 3, 0),
    "discriminators": (0, 10, 0),
    "galaxy": (5, 4, 0),
    "github": (17, 0, 0),
    "link-example": (5, 1, 0),
    "petstore": (11, 9, 0),
    "petstore-expanded": (4, 0, 0),
    "readme": (10, 5, 0),
    "star-trek": (0, 9, 0),
    "uspto": (0, 3, 0),
}


def ringback(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mock_server", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All files adopted, in one folder."""
    made = tmp_path_factory.mktemp("specs")
    (made / "fixtures").mkdir()
    for file in FILES:
        adopted = adopt(file, file.stem)
        (made / f"{file.stem}.yaml").write_text(adopted.spec, encoding="utf-8")
        (made / "fixtures" / f"{file.stem}.yaml").write_text(adopted.fixtures, encoding="utf-8")
        counted = Counter(row.how for row in adopted.rows)
        assert tuple(counted[how] for how in ("carried out", "by example", "not served")) == WANTED[file.stem]
    return made


class Walk:
    """The operations about one kind of record, asked one after the other."""

    def __init__(self, server: Server, spec: Spec, kind: str) -> None:
        self._origin, self._spec, self._seen = server.origin(spec.provider), spec, []  # type: ignore[var-annotated]
        mine = [one for one in spec.operations.values() if one.contract.get("record") == kind]
        self.by_effect = {one.contract["effect"]: one for one in reversed(mine)}
        self.key = spec.records[kind].key

    def ask(self, operation: Operation, key: Any = None, body: Any = None) -> tuple[requests.Response, Any]:
        """The documented request of an operation, for the record of that key; the answer, and what is sent."""
        request: NamedRequest = operation.requests["example"]
        where = operation.contract.get("key") or {}
        path = {**request.path, **({where["name"]: key} if where.get("in") == "path" and key is not None else {})}
        said = request.with_values(path, request.query, request.body if body is None else body)
        wire = build(self._spec, operation, said, "test_walk")
        answer = requests.request(
            wire.method, self._origin + wire.target, headers=wire.headers, data=wire.body, timeout=20
        )
        return answer, said.body

    def record(self, effect: str, answer: requests.Response, key: Any) -> Any:
        """The record as that answer shows it; None where it does not."""
        operation = self.by_effect[effect]
        shown = answer.json() if answer.content else None
        if effect == "list":
            return next((row for row in rows_in(operation, shown) or () if row.get(self.key) == key), None)
        return record_in(operation, shown, self.key) if "at" in operation.contract else None


KINDS = [
    ("galaxy", "planets"),
    ("github", "autolinks"),
    ("github", "the-keys"),
    ("github", "labels"),
    ("github", "gpg_keys"),
    ("petstore", "order"),
    ("petstore", "user"),
    ("petstore-expanded", "pets"),
    ("readme", "changelogs"),
    ("readme", "custom_pages"),
]


def test_every_collection_that_is_inferred_agrees_with_itself(serve: Callable[..., Server], folder: Path) -> None:
    server = serve("--specs", str(folder))
    found = set()
    for file in FILES:
        spec = load(folder / f"{file.stem}.yaml")
        for kind in spec.records:
            walk = Walk(server, spec, kind)
            if {"create", "read"} <= walk.by_effect.keys():
                found.add((file.stem, kind))
                _walked(walk)
    assert found == set(KINDS)


def _walked(walk: Walk) -> None:
    create, read = walk.by_effect["create"], walk.by_effect["read"]
    made, sent = walk.ask(create)
    assert made.status_code < 300, made.text
    where = create.contract["key"]
    key = made.json()[where["name"]] if where["in"] == "answer" and not create.contract.get("at") else None
    if key is None:
        shown = record_in(create, made.json(), walk.key) if where["in"] == "answer" else sent
        key = shown[where["name"]]
    shown = walk.record("read", walk.ask(read, key)[0], key)
    assert shown[walk.key] == key
    for name, target in (create.contract.get("fields") or {}).items():
        assert name not in sent or shown.get(target) == sent[name], (name, shown)
    if "list" in walk.by_effect:
        assert walk.record("list", walk.ask(walk.by_effect["list"])[0], key) is not None
    if "update" in walk.by_effect:
        update = walk.by_effect["update"]
        changed, sent = walk.ask(update, key)
        assert changed.status_code < 300, changed.text
        shown = walk.record("read", walk.ask(read, key)[0], key)
        for name, target in (update.contract.get("fields") or {}).items():
            assert name not in sent or pointed(shown, f"/{target}") == sent[name], (name, shown)
    if "delete" in walk.by_effect:
        assert walk.ask(walk.by_effect["delete"], key)[0].status_code < 300
        assert walk.ask(read, key)[0].status_code == 404


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_check_of_every_public_mock_finds_nothing(folder: Path) -> None:
    done = ringback("check", *WANTED, "--specs", str(folder), "--draws", "1")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert " 0 failed" in done.stdout


def test_the_table_of_the_benchmarks_tells_these_figures() -> None:
    page = (Path(__file__).parents[1] / "benchmarks" / "README.md").read_text(encoding="utf-8")
    for name, figures in WANTED.items():
        row = next(line for line in page.splitlines() if line.startswith(f"  | `{name}` |"))
        assert row.rpartition(" | ".join(map(str, figures)))[2] == " |", row
