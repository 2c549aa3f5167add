"""`ringback adopt`: OpenAPI files of many manners, written for this test, become mocks that keep what they hear."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from mock_server.adopting import NotAdopted, adopt
from tests.conftest import Server

FILES = sorted(one for one in (Path(__file__).parent / "adopted").iterdir() if one.is_file())
WANTED = {
    # carried out, by example, not served
    "composed": (8, 0, 0),
    "enveloped": (5, 1, 0),
    "forms": (2, 2, 1),
    "given": (4, 1, 0),
    "jsonapi": (5, 0, 0),
    "nested": (10, 0, 0),
    "paged": (4, 0, 0),
    "pages": (19, 0, 0),
    "pets": (4, 0, 0),
    "plain": (0, 2, 0),
    "recursive": (4, 0, 0),
    "union": (3, 0, 0),
    "variants": (5, 0, 0),
    "wide": (5, 0, 0),
}
HEADERS = {"Authorization": "Bearer test_adopted", "X-Shop-Key": "test_adopted"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All files adopted, the first one by the command, in one folder."""
    made = tmp_path_factory.mktemp("specs")
    done = ringback("adopt", str(FILES[0]), "-o", str(made))
    assert done.returncode == 0, done.stderr
    for file in FILES[1:]:
        adopted = adopt(file, file.stem)
        (made / f"{file.stem}.yaml").write_text(adopted.spec, encoding="utf-8")
        (made / "fixtures" / f"{file.stem}.yaml").write_text(adopted.fixtures, encoding="utf-8")
    return made


def ringback(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mock_server", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_operation_of_a_file_has_a_row(file: Path) -> None:
    adopted = adopt(file, file.stem)
    counted = Counter(row.how for row in adopted.rows)
    assert tuple(counted[how] for how in ("carried out", "by example", "not served")) == WANTED[file.stem]
    assert all(row.why for row in adopted.rows if row.how != "carried out")
    assert all(f"# {row.told(f'{file.stem}.yaml')}" in adopted.spec for row in adopted.rows)
    lines = adopted.spec.splitlines()
    for row in adopted.rows:
        method = row.operation.partition(" ")[0].lower()
        wanted = {"carried out": "x-contract:", "by example": f"{method}:"}.get(row.how)
        assert (lines[row.line - 1].strip() == wanted) if wanted else row.line == 0
    assert adopt(file, file.stem) == adopted


COLLECTIONS = [
    # file, path of the collection, what is sent, the envelope of one record, the envelope of the rows, its key
    ("pets", "/v1/pets", {"name": "Rex", "tag": "dog"}, None, None, "id"),
    ("enveloped", "/api/orders", {"amount": 12.5, "note": "quick"}, "data", "data", "id"),
    ("nested", "/rest/projects", {"title": "House"}, None, "items", "projectId"),
    ("nested", "/rest/projects/text/tasks", {"text": "Paint", "done": True}, None, None, "id"),
    ("paged", "/api/v2/calls", {"to": "+14155550100"}, None, "calls", "call_id"),
    ("recursive", "/nodes", {"id": "mine", "label": "root"}, None, None, "id"),
    ("union", "/methods", {"kind": "card", "holder": "Ann"}, None, "results", "id"),
]


def test_what_is_created_is_read_listed_and_deleted(serve: Callable[..., Server], folder: Path) -> None:
    server = serve("--specs", str(folder))
    for name, path, body, one, rows, key in COLLECTIONS:
        url = f"{server.url}/{name}{path}"

        def ask(method: str, where: str, sent: Any = None) -> requests.Response:
            return requests.request(method, where, json=sent, headers=HEADERS, timeout=10)

        created = ask("POST", url, body)
        assert created.status_code in (200, 201), (name, created.text)
        record = created.json()[one] if one else created.json()
        assert {field: record[field] for field in body if field != key} == {f: body[f] for f in body if f != key}
        read = ask("GET", f"{url}/{record[key]}")
        assert (read.json()[one] if one else read.json()) == record
        listed = ask("GET", url).json()
        assert record in (listed[rows] if rows else listed)
        assert ask("GET", f"{url}/no-such-record").status_code == 404
        gone = ask("DELETE", f"{url}/{record[key]}")
        if gone.status_code != 405:
            assert gone.status_code in (200, 204)
            assert ask("GET", f"{url}/{record[key]}").status_code == 404


def test_an_update_a_transition_and_an_owner_are_inferred_too(serve: Callable[..., Server], folder: Path) -> None:
    server = serve("--specs", str(folder))
    order = requests.post(f"{server.url}/enveloped/api/orders", json={"amount": 1}, headers=HEADERS, timeout=10).json()
    url = f"{server.url}/enveloped/api/orders/{order['data']['id']}"
    changed = requests.patch(url, json={"state": "paid"}, headers=HEADERS, timeout=10).json()["data"]
    assert changed == {**order["data"], "state": "paid"}
    paid = requests.get(f"{server.url}/enveloped/api/orders?state=paid", headers=HEADERS, timeout=10).json()["data"]
    assert [row["state"] for row in paid] == ["paid"] * len(paid)
    assert changed in paid
    call = requests.post(f"{server.url}/paged/api/v2/calls", json={"to": "+14155550100"}, headers=HEADERS, timeout=10)
    end = f"{server.url}/paged/api/v2/calls/{call.json()['call_id']}/end"
    assert [requests.post(end, headers=HEADERS, timeout=10).status_code for _ in range(2)] == [200, 409]
    nobodys = requests.get(f"{server.url}/nested/rest/projects/nobodys/tasks", headers=HEADERS, timeout=10)
    assert nobodys.status_code == 404


@pytest.mark.timeout(600)
def test_a_body_may_send_what_answers_can_show_and_nothing_wider(serve: Callable[..., Server], folder: Path) -> None:
    server = serve("--specs", str(folder), "--only", "wide")
    url = f"{server.url}/v1/assistants"
    made = requests.post(url, json={"model": "small", "temperature": 1.5}, headers=HEADERS, timeout=10).json()
    one = f"{url}/{made['id']}"
    for wide in (
        {"name": "longer than it may be"},
        {"model": "huge"},
        {"temperature": 7},
        {"tags": [1]},
        {"level": -1},
    ):
        refused = requests.post(one, json=wide, headers=HEADERS, timeout=10)
        assert (wide, refused.status_code) == (wide, 400)
    assert requests.get(one, headers=HEADERS, timeout=10).json() == made
    changed = requests.post(one, json={"temperature": None, "name": "short"}, headers=HEADERS, timeout=10)
    assert changed.status_code == 200
    assert changed.json() == {**made, "name": "short", "temperature": changed.json()["temperature"]}
    row = next(
        row for row in adopt(folder / "wide.yaml", "again").rows if row.operation.startswith("POST /assistants/")
    )
    assert row.how == "carried out"


def test_what_stands_inside_an_object_of_the_body_is_kept_and_read_back(
    serve: Callable[..., Server], folder: Path
) -> None:
    server = serve("--specs", str(folder), "--only", "pages")
    url = f"{server.url}/v1/labels"
    made = requests.post(url, json={"label": {"text": "new", "colour": "red"}}, headers=HEADERS, timeout=10)
    label = made.json()["label"]
    assert (made.status_code, label["text"], label["colour"]) == (201, "new", "red")
    one = f"{url}/{label['id']}"
    changed = requests.put(one, json={"label": {"text": "newer"}}, headers=HEADERS, timeout=10)
    assert changed.status_code == 200
    shown = requests.get(one, headers=HEADERS, timeout=10).json()["label"]
    assert shown["text"] == "newer"
    assert shown.get("colour") != "red"
    assert shown in requests.get(url, headers=HEADERS, timeout=10).json()["labels"]
    too_long = requests.put(one, json={"label": {"text": "x" * 21}}, headers=HEADERS, timeout=10)
    assert too_long.status_code == 400


def test_a_record_of_several_forms_is_made_in_each_of_them_and_changed_in_what_all_have(
    serve: Callable[..., Server], folder: Path
) -> None:
    server = serve("--specs", str(folder), "--only", "variants")
    url = f"{server.url}/v1/methods"

    def ask(method: str, where: str, sent: Any = None) -> requests.Response:
        return requests.request(method, where, json=sent, headers=HEADERS, timeout=10)

    bodies: list[dict[str, Any]] = [
        {"kind": "card", "holder": "Ann", "digits": "4242"},
        {"kind": "bank", "iban": "DE02", "label": "rent"},
        {"kind": "wallet", "address": {"network": "lightning"}},
    ]
    for body in bodies:
        made = ask("POST", url, body)
        assert made.status_code == 201, made.text
        record = made.json()
        assert {name: record[name] for name in body} == body
        assert ("brand" in record) == (body["kind"] == "card")
        assert ask("GET", f"{url}/{record['id']}").json() == record
        changed = ask("PATCH", f"{url}/{record['id']}", {"label": "mine", "iban": "is not every form's"}).json()
        assert changed == {**record, "label": "mine"}
        assert changed in ask("GET", url).json()["results"]
    mixed = {"kind": "bank", "iban": "DE02", "digits": "4242"}
    assert [ask("POST", url, body).status_code for body in (mixed, {"kind": "cash"}, {"kind": "card"})] == [400] * 3


def test_the_attributes_of_json_api_are_changed_one_by_one(serve: Callable[..., Server], folder: Path) -> None:
    server = serve("--specs", str(folder), "--only", "jsonapi")
    url = f"{server.url}/api/articles"
    headers = {**HEADERS, "Content-Type": "application/vnd.api+json"}

    def ask(method: str, where: str, sent: Any) -> Any:
        return requests.request(method, where, data=json.dumps({"data": sent}), headers=headers, timeout=10).json()

    made = ask("POST", url, {"type": "articles", "attributes": {"title": "First", "body": "Text"}})["data"]
    assert made["attributes"].keys() == {"title", "body", "status", "created_at"}
    one = f"{url}/{made['id']}"
    changed = ask("PATCH", one, {"id": made["id"], "type": "articles", "attributes": {"status": "published"}})["data"]
    assert changed == {**made, "attributes": {**made["attributes"], "status": "published"}}
    assert requests.get(one, headers=HEADERS, timeout=10).json()["data"] == changed


FORGETFUL = '''
"""A server that takes the attributes that are sent for all that there are."""

from mock_server.derived import refines


@refines
def change(call, state, derived):
    answer = derived(call, state)
    article = state.get("articles", call.path["id"])
    if "title" not in call.body["data"].get("attributes", {}):
        article["attributes"]["title"] = "lost"
        state.put("articles", article)
    return answer


BEHAVIOURS = {"changeArticle": change}
'''


@pytest.mark.long
@pytest.mark.timeout(300)
def test_the_check_finds_attributes_that_are_lost(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(FORGETFUL, encoding="utf-8")
    report = tmp_path / "report.json"
    own = ["--specs", str(folder), "--behaviours", str(tmp_path / "mine.py"), "--report", f"json={report}"]
    done = ringback("check", "jsonapi", "--operation", "changeArticle", "--draws", "3", *own)
    assert done.returncode == 1, done.stdout + done.stderr
    outcomes = json.loads(report.read_text())["outcomes"]
    assert "partial" in {one["property"] for one in outcomes if one["verdict"] == "failed"}


def test_an_owner_is_found_by_a_number_and_a_page_lies_wherever_it_is_asked_for(
    serve: Callable[..., Server], folder: Path
) -> None:
    server = serve("--specs", str(folder), "--only", "composed")
    key = {"X-Token": "test_adopted"}
    (card,) = requests.get(f"{server.url}/api/owners/1/cards", headers=key, timeout=10).json()["cards"]
    found = requests.get(f"{server.url}/api/owners/1/cards/{card['id']}", headers=key, timeout=10)
    assert found.json() == card
    far = requests.get(
        f"{server.url}/api/owners/1/cards?page_size={2**62}&page_number={2**62}", headers=key, timeout=10
    )
    assert (far.status_code, far.json()["cards"]) == (200, [])


@pytest.mark.proof
def test_the_check_of_every_adopted_mock_finds_nothing(folder: Path) -> None:
    report = folder / "report.json"
    names = [file.stem for file in FILES]
    done = ringback("check", *names, "--specs", str(folder), "--draws", "1", "--report", f"json={report}")
    report.rename(report.with_suffix(".seen"))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert " 0 failed" in done.stdout


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"swagger": "2.0"}, "OpenAPI 3.0 or 3.1 is adopted, found Swagger 2.0"),
        ({"openapi": "3.1.0", "paths": {}}, "names no paths, so there is nothing to serve"),
        (
            {"openapi": "3.1.0", "webhooks": {"paid": {"post": {}}}},
            "has webhooks (paid) and no paths: it says what is sent to you and nothing that can be served",
        ),
        (["openapi"], "an OpenAPI file is a mapping, found list"),
        (
            {"openapi": "3.0.0", "paths": {"/a": {"get": {"responses": {"200": {"$ref": "other.yaml#/A"}}}}}},
            "at /paths/~1a/get/responses/200: $ref other.yaml#/A leaves the file; bundle it into one file first",
        ),
        (
            {"openapi": "3.0.0", "paths": {"/a": {"$ref": "https://elsewhere.example/a.json"}}},
            "$ref https://elsewhere.example/a.json leaves the file",
        ),
    ],
)
def test_what_cannot_be_adopted_is_said_in_one_line(tmp_path: Path, document: Any, says: str) -> None:
    file = tmp_path / "file.yaml"
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    with pytest.raises(NotAdopted) as refused:
        adopt(file, "file")
    assert says in str(refused.value)
    done = ringback("adopt", str(file), "-o", str(tmp_path))
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


def test_a_file_of_ten_thousand_lines_is_adopted_in_seconds(tmp_path: Path) -> None:
    schema = {
        "type": "object",
        "required": ["id", "name"],
        "properties": {"id": {"type": "string"}, "name": {"type": "string"}},
    }
    content = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}
    paths: dict[str, Any] = {}
    for number in range(60):
        made = {"responses": {"201": {"description": "made", **content}}, "requestBody": content}
        read = {"responses": {"200": {"description": "read", **content}}}
        paths[f"/things{number}"] = {"post": {"operationId": f"make{number}", **made}}
        paths[f"/things{number}/{{id}}"] = {"get": {"operationId": f"read{number}", **read}}
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Huge", "version": "1"},
        "paths": paths,
        "components": {"schemas": {"Thing": schema}},
    }
    file = tmp_path / "huge.json"
    file.write_text(json.dumps(document, indent=1), encoding="utf-8")
    adopted = adopt(file, "huge")
    assert Counter(row.how for row in adopted.rows) == {"carried out": 120}
