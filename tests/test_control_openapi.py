"""The control API keeps its own OpenAPI file: generated requests, valid and invalid, against a real server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, settings
from openapi_spec_validator import validate
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

import mock_server.control as control
from tests.conftest import Server, start_server

FILE = Path(control.__file__).with_name("openapi.yaml")
DOCUMENT: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
STREAMING = "/events"


def bounded(document: dict[str, Any]) -> dict[str, Any]:
    """The document without the endless stream."""
    return {**document, "paths": {path: item for path, item in document["paths"].items() if path != STREAMING}}


schema = schemathesis.openapi.from_dict(bounded(DOCUMENT))
schema.config.generation.update(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])


@pytest.fixture(scope="module")
def driven() -> Any:
    """A server that nobody else uses, because everything is reset, closed and filled here."""
    server = start_server()
    yield server
    server.stop()


@pytest.mark.long
@schema.parametrize()
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_operation_answers_as_documented(case: schemathesis.Case, driven: Server) -> None:
    response = case.call(base_url=driven.control, timeout=20)
    case.validate_response(
        response,
        checks=[
            not_a_server_error,
            status_code_conformance,
            content_type_conformance,
            response_schema_conformance,
            negative_data_rejection,
        ],
    )
    if response.status_code >= 400:
        assert response.headers["content-type"] == ["application/problem+json"]
        assert response.json()["status"] == response.status_code


def test_the_file_is_a_valid_openapi_document() -> None:
    validate(DOCUMENT)


def test_the_file_names_every_path_and_method_there_is() -> None:
    from mock_server.app import create_app

    served = set()
    for rule in create_app().url_map.iter_rules():
        if rule.rule.startswith("/_ringback/"):
            path = rule.rule.removeprefix("/_ringback").replace("<path:", "<").replace("<", "{").replace(">", "}")
            served |= {(path, method.lower()) for method in (rule.methods or ()) - {"HEAD", "OPTIONS"}}
    documented = {
        (path, method)
        for path, item in DOCUMENT["paths"].items()
        for method in item
        if method in ("get", "put", "post", "patch", "delete")
    }
    assert served == documented


def test_the_server_serves_the_file(server: Server) -> None:
    answer = requests.get(f"{server.control}/openapi.yaml", timeout=20)
    assert answer.headers["Content-Type"] == "application/yaml"
    assert yaml.safe_load(answer.text) == DOCUMENT


def test_info_names_every_bound(server: Server) -> None:
    info = requests.get(f"{server.control}/info", timeout=20).json()
    assert info["limits"]["spaces"] == 1000
    assert {name for name, one in info["providers"].items() if one["events"]} == {"vogent", "interactly", "uponai"}
    assert info["limits"]["streams"] == 64
    assert info["faults"] == ["reset", "empty", "truncate", "malformed-json", "hang", "slow-drip"]


@pytest.mark.parametrize("path", ["/nothing", "/faults/fault-1/x", "/spaces/test_nobody", "/snapshots/none", "//"])
def test_what_is_not_there_is_told_as_a_problem(server: Server, path: str) -> None:
    answer = requests.get(server.control + path, timeout=20)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("method", ["PATCH", "DELETE", "PUT"])
def test_a_method_that_is_not_there_is_told_with_those_that_are(server: Server, method: str) -> None:
    answer = requests.request(method, f"{server.control}/health", timeout=20)
    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("body", ["", "{", "[1", "nul", '{"a": NaN}', '"\\ud800"', "\xff", "[" * 2000])
@pytest.mark.parametrize("path", ["/faults", "/spaces", "/requests/verify"])
def test_broken_json_is_a_client_s_error(server: Server, path: str, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = requests.post(server.control + path, data=body.encode("latin-1"), headers=headers, timeout=20)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_that_is_too_large_is_told_so(server: Server) -> None:
    answer = requests.post(
        f"{server.control}/faults",
        data=json.dumps({"x": "y" * 1_100_000}),
        timeout=20,
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
