"""Adopts a file: reads it, infers what it means, writes the spec, and takes back what does not hold when tried."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

from mock_server.adopting.forms.samples import fits, forget, kind_of, sample
from mock_server.adopting.forms.schemas import references
from mock_server.adopting.inferring import Described, Kind, infer
from mock_server.adopting.placing import placed
from mock_server.adopting.reading import NotAdopted, Reading, read
from mock_server.adopting.trying import Wrong, failing
from mock_server.adopting.writing import Envelope, records, spec
from mock_server.spec import SpecError
from mock_server.spec.publishing import as_yaml
from mock_server.text.formtext import MEDIA_TYPE

METHODS = ("get", "post", "put", "patch", "delete")


class Row(NamedTuple):
    """What became of one operation: `carried out`, `by example` and why, or `not served` and why."""

    operation: str
    how: str
    why: str
    line: int = 0
    """Where in the written file its contract stands, or the operation that has none; 0 where it is not in it."""

    def told(self, file: str) -> str:
        """The row as a line of the report."""
        place = f"  [{file}:{self.line}]" if self.line else ""
        return f"{self.how:11}  {self.operation}{f': {self.why}' if self.why else ''}{place}"


class Adopted(NamedTuple):
    """A spec and its fixtures as YAML text, a row for each operation of the file, and what was left out of it."""

    spec: str
    fixtures: str
    rows: list[Row]
    notes: list[str]


def adopt(file: Path, name: str) -> Adopted:
    """Makes a spec of ours of any OpenAPI 3.0 or 3.1 file; raises NotAdopted for one that cannot be."""
    try:
        return _adopted(file, name)
    except SpecError as error:
        raise NotAdopted(f"{file}: what was made of it cannot be served: {error}") from None
    except RecursionError:
        raise NotAdopted(f"{file}: is nested too deeply to be followed") from None
    finally:
        forget()


def _adopted(file: Path, name: str) -> Adopted:
    reading = Reading(read(file))
    operations, unserved = _operations(reading)
    kinds = infer(operations)
    envelope = Envelope(_error_schema(reading))
    title = str((reading.document.get("info") or {}).get("title") or name)
    server = _server(reading, name)
    scheme = _scheme(reading)
    held: set[str] = set()
    while True:
        _drop_unusable(operations, kinds)
        fixtures = records(kinds, operations)
        document = spec(title, server, operations, kinds, scheme, envelope, fixtures, reading.schemas)
        wrong, tried = failing(document, fixtures, name, held)
        if not wrong:
            break
        if tried:
            held |= {one.id for one in operations} - {one.operation for one in wrong}
        for one in wrong:
            _take_back(one, operations, kinds, unserved, file)
    rows = [
        Row(
            f"{one.method.upper()} {one.path}",
            "carried out" if one.contract else "by example",
            "; ".join(one.remarks) if one.contract else one.why,
        )
        for one in operations
    ]
    text, lines = placed(document, _head(file, name, [*rows, *unserved], reading.notes))
    rows = [row._replace(line=lines[one.method, one.path]) for row, one in zip(rows, operations, strict=True)]
    rows += unserved
    head = _head(file, name, rows, reading.notes)
    return Adopted(head + text, as_yaml({"keys": ["YOUR_API_KEY", "ringback"], **fixtures}), rows, reading.notes)


def _take_back(wrong: Wrong, operations: list[Described], kinds: list[Kind], unserved: list[Row], file: Path) -> None:
    """What does not hold is not guessed again: the operation answers by example, and the report says why."""
    kind = next((one for one in kinds if one.name == wrong.record), None)
    if kind is None and wrong.record:
        return  # It went with another one.
    if kind is not None:
        _drop(kind, operations, kinds, f"tried, and {wrong.why}")
        return
    one = next((one for one in operations if one.id == wrong.operation), None)
    if one is None:
        raise NotAdopted(f"{file}: {wrong.why}")
    if one.contract:
        one.contract, one.why = {}, f"tried, and {wrong.why}"
        return
    operations.remove(one)
    unserved.append(Row(f"{one.method.upper()} {one.path}", "not served", wrong.why))


def _drop(kind: Kind, operations: list[Described], kinds: list[Kind], why: str) -> None:
    """Takes a kind of record back, with those that belong to it."""
    kinds.remove(kind)
    for one in operations:
        if one.contract.get("record") == kind.name:
            one.contract, one.why = {}, why
    for other in [other for other in kinds if other.owner is kind]:
        _drop(other, operations, kinds, why)


def _drop_unusable(operations: list[Described], kinds: list[Kind]) -> None:
    """Kinds of record of which no value can be made, and those that nothing is about, are none."""
    for kind in list(kinds):
        if kind not in kinds:
            continue
        about = any(one.contract.get("record") == kind.name for one in operations)
        owned = any(other.owner is kind for other in kinds)
        value = sample(kind.schema)
        if not ((about or owned) and isinstance(value, dict) and fits(kind.schema, value)):
            _drop(kind, operations, kinds, "no value can be made that its record's schema allows")


def _operations(reading: Reading) -> tuple[list[Described], list[Row]]:
    """Every operation in our terms, and those that are not served."""
    found: list[Described] = []
    unserved: list[Row] = []
    ids: set[str] = set()
    for path, item in reading.document["paths"].items():
        item = reading.followed(item)
        if not isinstance(item, dict) or not str(path).startswith("/"):
            continue
        for method, node in item.items():
            if method not in (*METHODS, "head", "options", "trace") or not isinstance(node, dict):
                continue
            if method not in METHODS:
                unserved.append(Row(f"{method.upper()} {path}", "not served", "the mock answers this method by itself"))
                continue
            one = _described(reading, str(path), method, item, node, ids)
            ids.add(one.id)
            found.append(one)
    shapes: dict[tuple[str, str], str] = {}
    for one in list(found):
        shape = (one.method, re.sub(r"\{[^{}]*\}", "{}", one.path))
        if shape in shapes:
            found.remove(one)
            unserved.append(Row(f"{one.method.upper()} {one.path}", "not served", f"the same path as {shapes[shape]}"))
        shapes.setdefault(shape, one.path)
    return found, unserved


def _described(
    reading: Reading, path: str, method: str, item: dict[str, Any], node: dict[str, Any], ids: set[str]
) -> Described:
    id = re.sub(r"\W+", "_", str(node.get("operationId") or f"{method}{path}")).strip("_") or method
    while id in ids:
        id += "_"
    parameters: dict[tuple[str, str], dict[str, Any]] = {}
    for parameter in [*(item.get("parameters") or ()), *(node.get("parameters") or ())]:
        parameter = reading.followed(parameter)
        place = parameter.get("in")
        if place not in ("path", "query"):
            reading.note(f"parameters in a {place} are accepted and not looked at")
            continue
        schema = reading.schema(parameter.get("schema") or {})
        if kind_of(schema) in ("array", "object"):
            # A query may write a list in many ways; here it is text.
            schema = {}
        required = {"required": True} if place == "path" or parameter.get("required") else {}
        parameters[str(parameter.get("name")), place] = {
            "name": str(parameter.get("name")),
            "in": place,
            **required,
            "schema": schema,
        }
    for named in re.findall(r"\{([^{}]+)\}", path):
        parameters.setdefault(
            (named, "path"), {"name": named, "in": "path", "required": True, "schema": {"type": "string"}}
        )
    # A path's values are text, whatever their schema says of numbers.
    for (_, place), parameter in parameters.items():
        if place == "path":
            parameter["schema"] = {"type": "string", "minLength": 1}
    parameters = {key: one for key, one in parameters.items() if key[1] != "path" or f"{{{key[0]}}}" in path}
    body, why = _body(reading, node)
    status, shown = _success(reading, node)
    content = (reading.followed(node.get("requestBody")) or {}).get("content") or {}
    form = body is not None and _media_of(content) is None
    return Described(id, method, path, list(parameters.values()), body, status, shown, why, form=form)


def _media_of(content: dict[str, Any]) -> str | None:
    """The media type that is JSON, if one is."""
    return next((name for name in content if "json" in name or name == "*/*"), None)


def _body(reading: Reading, node: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """The schema of a JSON body, and why the operation can only be answered by example where it takes another one."""
    content = (reading.followed(node.get("requestBody")) or {}).get("content") or {}
    if not content:
        return None, ""
    media = _media_of(content) or (MEDIA_TYPE if MEDIA_TYPE in content else None)
    if media is None:
        return None, f"its body is {', '.join(content)}, and only JSON and forms are read"
    schema = reading.schemas.without(reading.schema((content[media] or {}).get("schema") or {}), "readOnly")
    if kind_of(schema) not in ("object", "any"):
        return None, f"its body is JSON of type {kind_of(schema)}, and only objects are read"
    example = _example(reading, content[media] or {})
    if isinstance(example, dict) and fits(schema, example):
        schema = reading.schemas.extended(schema, examples=[example])
    value = sample(schema)
    if not isinstance(value, dict) or not fits(schema, value):
        return None, "no body can be made that its schema allows"
    if "type" not in schema and kind_of(schema) == "object":
        schema = reading.schemas.extended(schema, type="object")
    return schema, ""


def _success(reading: Reading, node: dict[str, Any]) -> tuple[int, dict[str, Any] | None]:
    """The first success and the schema of its JSON body, None where there is none."""
    responses = {str(status): reading.followed(one) for status, one in (node.get("responses") or {}).items()}
    good = sorted(status for status in responses if status[:1] == "2") or (
        ["default"] if "default" in responses else []
    )
    if not good:
        return 200, None
    status = next((one for one in good if (responses[one] or {}).get("content")), good[0])
    content = (responses[status] or {}).get("content") or {}
    media = _media_of(content)
    code = int(status) if status.isdigit() else 200
    if media is None:
        if content:
            reading.note(f"answers of type {', '.join(content)} are JSON here")
        return (code if code not in (204, 205) else 204), None
    schema = reading.schemas.without(reading.schema((content[media] or {}).get("schema") or {}), "writeOnly")
    example = _example(reading, content[media] or {})
    if example is not None and fits(schema, example):
        schema = reading.schemas.extended(schema, examples=[example]) if schema else {"examples": [example]}
    if not fits(schema, sample(schema)):
        reading.note(
            f"no answer can be made that the schema of {node.get('operationId', 'an operation')} allows; any is"
        )
        return code, {"examples": [sample(schema) if example is None else example]}
    return code, schema


def _example(reading: Reading, media: dict[str, Any]) -> Any:
    """The file's own example of a body: the single one, or the first of the named ones that refers to nothing."""
    given = [media["example"]] if "example" in media else []
    named = [reading.followed(one) for one in (media.get("examples") or {}).values()]
    given += [one["value"] for one in named if isinstance(one, dict) and "value" in one]
    values = (reading.followed(one) for one in given)
    return next((one for one in values if next(references(one), None) is None), None)


def _error_schema(reading: Reading) -> dict[str, Any] | None:
    """The schema that most of the file's errors have."""
    counted: dict[str, tuple[int, dict[str, Any]]] = {}
    for item in reading.document["paths"].values():
        for node in item.values() if isinstance(item, dict) else ():
            for status, response in (node.get("responses") or {}).items() if isinstance(node, dict) else ():
                if str(status)[:1] not in "45d":
                    continue
                content = (reading.followed(response) or {}).get("content") or {}
                schema = next(((one or {}).get("schema") for name, one in content.items() if "json" in name), None)
                if isinstance(schema, dict):
                    times = counted.get(str(schema), (0, schema))[0]
                    counted[str(schema)] = (times + 1, schema)
    if not counted:
        return None
    schema = reading.schema(max(counted.values(), key=lambda one: one[0])[1])
    return schema if isinstance(schema, dict) else None


def _server(reading: Reading, name: str) -> str:
    """The origin and base path; a host of our own where the file names none."""
    servers = reading.document.get("servers") or []
    url = str(servers[0].get("url", "")) if servers and isinstance(servers[0], dict) else ""
    for variable, said in (servers[0].get("variables") or {}).items() if url else ():
        url = url.replace(f"{{{variable}}}", str((said or {}).get("default", variable)))
    if not re.match(r"https?://[^/{}]+", url):
        path = url if url.startswith("/") else ""
        return f"https://{name}.example{path}".rstrip("/")
    return url.rstrip("/")


def _scheme(reading: Reading) -> tuple[str, dict[str, Any]]:
    """How a key travels: as the file says where we can, else as a bearer token."""
    schemes = ((reading.document.get("components") or {}).get("securitySchemes") or {}).items()
    for name, node in schemes:
        node = reading.followed(node)
        if node.get("type") == "apiKey" and node.get("in") == "header" and node.get("name"):
            return re.sub(r"\W", "", name) or "key", {"type": "apiKey", "in": "header", "name": node["name"]}
        if node.get("type") == "http" and str(node.get("scheme", "")).lower() == "bearer":
            return re.sub(r"\W", "", name) or "bearer", {"type": "http", "scheme": "bearer"}
    if not schemes:
        reading.note("the file asks for no key; here every operation does: `Authorization: Bearer test_me`")
    else:
        reading.note("how a key travels is not understood; here it is `Authorization: Bearer KEY`")
    return "bearer", {"type": "http", "scheme": "bearer"}


def _head(file: Path, name: str, rows: list[Row], notes: list[str]) -> str:
    lines = [
        f"Adopted from {file.name}. Change what is not so; `ringback check {name} --specs FOLDER` tells what holds."
    ]
    lines += ["", *(row.told(f"{name}.yaml") for row in rows)]
    lines += ["", *(f"left out: {note}" for note in notes)] if notes else []
    return "".join(f"# {' '.join(line.split(chr(10)))}".rstrip() + "\n" for line in lines)
