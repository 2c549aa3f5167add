"""The vendors' files as others get them: `ringback spec`, `/_ringback/specs`, no anchors, on request no extensions."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

import openapi_spec_validator
import pytest
import requests
import yaml

from mock_server.spec import Spec, specs_folder
from mock_server.spec.publishing import as_yaml, published
from mock_server.spec.reading.document import METHODS

VENDORS = sorted(file.stem for file in specs_folder().glob("*.yaml"))
every_vendor = pytest.mark.parametrize("vendor", VENDORS)


@cache
def plain(vendor: str) -> dict[str, Any]:
    return published(specs_folder() / f"{vendor}.yaml", plain=True)


def ringback(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mock_server", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in a document but those of its examples."""
    if isinstance(node, dict):
        yield node
        for key, value in node.items():
            if key not in ("value", "example", "enum", "default"):
                yield from nodes(value)
    elif isinstance(node, list):
        for one in node:
            yield from nodes(one)


@every_vendor
def test_the_command_prints_the_file_without_anchors(vendor: str) -> None:
    done = ringback("spec", vendor)
    assert done.returncode == 0, done.stderr
    assert yaml.safe_load(done.stdout) == yaml.safe_load((specs_folder() / f"{vendor}.yaml").read_text())
    events = list(yaml.parse(done.stdout, Loader=yaml.SafeLoader))
    assert not [one for one in events if isinstance(one, yaml.AliasEvent) or getattr(one, "anchor", None)]


def test_an_unknown_vendor_is_named_with_those_there_are() -> None:
    done = ringback("spec", "acme")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"ringback spec: there is no vendor 'acme'; there are {', '.join(VENDORS)}\n"


@every_vendor
def test_the_plain_file_has_no_extension_and_every_operation(vendor: str, specs: dict[str, Spec]) -> None:
    document = plain(vendor)
    assert not [key for node in nodes(document) for key in node if str(key).startswith("x-")]
    there = {item[method]["operationId"] for item in document["paths"].values() for method in METHODS if method in item}
    assert there == specs[vendor].operations.keys()
    openapi_spec_validator.validate(document)


@every_vendor
def test_no_two_paths_of_the_plain_file_are_the_same_template(vendor: str) -> None:
    import re

    shapes = [re.sub(r"\{[^}]*\}", "{}", path) for path in plain(vendor)["paths"]]
    assert len(shapes) == len(set(shapes))


@every_vendor
def test_every_parameter_of_a_path_is_described_with_it(vendor: str) -> None:
    for path, item in plain(vendor)["paths"].items():
        for method in METHODS:
            if method in item:
                parameters = [*item.get("parameters", []), *item[method].get("parameters", [])]
                named = [one["name"] for one in parameters if one["in"] == "path"]
                assert sorted(named) == sorted(part[1:-1] for part in path.split("/") if part.startswith("{")), path


@every_vendor
def test_the_plain_file_has_nothing_that_generators_stumble_over(vendor: str) -> None:
    for node in nodes(plain(vendor)):
        assert not isinstance(node.get("const"), bool), node
        if "type" in node and "properties" in node:
            assert not {"if", "then", "else"} & node.keys(), node
            assert not [one for one in node.get("anyOf", ()) if set(one) == {"required"}], node


def test_what_was_taken_out_is_said_in_words() -> None:
    update = plain("teli")["paths"]["/v1/voice/phone-numbers/{phone_number}/update-agent"]["post"]
    body = update["requestBody"]["content"]["application/json"]["schema"]
    assert body["description"] == "At least one of inbound_agent_id, outbound_agent_id, nickname is required."
    success = update["responses"]["200"]["content"]["application/json"]["schema"]["properties"]["success"]
    assert success["description"] == "Always true."
    create = plain("vogent")["paths"]["/phone_numbers"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert "Where type is sip_import, sipImport is required." in create["description"]


def test_the_evidence_stands_in_the_descriptions_of_the_plain_file() -> None:
    update = plain("interactly")["paths"]["/assistants/v1/numbers/{provider}"]["put"]
    assert "Evidence: seed (on the vendor's page), docs.interactly.ai (Update Number)." in update["description"]
    assert (
        "Evidence of the status: assumed, Ringback decision Interactly 3." in update["responses"]["200"]["description"]
    )
    (parameter,) = update["parameters"]
    assert parameter["description"] == "The ID of the number to update. (The page calls it id.)"


@every_vendor
def test_a_message_that_the_file_allows_the_plain_file_allows_too(vendor: str, specs: dict[str, Spec]) -> None:
    """What is taken out only makes it say less: no example of an answer is forbidden by it."""
    from mock_server.spec import SchemaCheck
    from mock_server.spec.reading.document import resolve

    document = resolve(plain(vendor), vendor)
    looked = 0
    for item in document["paths"].values():
        for method in METHODS:
            for status, response in item.get(method, {}).get("responses", {}).items():
                for media in response.get("content", {}).values():
                    check = SchemaCheck(media["schema"])
                    for name, example in media.get("examples", {}).items():
                        assert check.differences(example["value"]) == [], (item[method]["operationId"], status, name)
                        looked += 1
    assert looked > 10


@every_vendor
def test_the_server_serves_what_the_command_prints(vendor: str, server: Any) -> None:
    there = requests.get(f"{server.control}/specs", timeout=20).json()["specs"][vendor]
    for query, flags in (("", []), ("?plain=true", ["--plain"])):
        served = requests.get(there["yaml"] + query, timeout=20)
        assert served.headers["Content-Type"].startswith("application/yaml")
        assert served.text == ringback("spec", vendor, *flags).stdout
        as_json = requests.get(there["json"] + query, timeout=20)
        assert as_json.headers["Content-Type"].startswith("application/json")
        assert as_json.json() == json.loads(ringback("spec", vendor, "--json", *flags).stdout)


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/specs/acme.yaml", 404, "there are"),
        ("/specs/teli.toml", 404, "teli.yaml and teli.json"),
        ("/specs/teli.yaml?plain=maybe", 400, "true or false"),
        ("/specs/teli.yaml?flat=true", 400, "flat"),
    ],
)
def test_a_file_that_is_not_there_is_named_with_those_that_are(server: Any, path: str, status: int, says: str) -> None:
    answer = requests.get(server.control + path, timeout=20)
    assert answer.status_code == status
    assert says in answer.json()["detail"]


def test_yaml_is_written_out_where_a_value_stands_twice() -> None:
    shared = {"a": 1}
    assert as_yaml({"one": shared, "two": shared}) == "one:\n  a: 1\ntwo:\n  a: 1\n"
