"""Turns `openapi/<provider>.yaml` into a Spec, refusing every keyword it does not understand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mock_server.messages import Json
from mock_server.spec.reading.document import METHODS, Checker, Unchecking, document_of, read_text, resolve
from mock_server.spec.reading.errors import SpecError, understood
from mock_server.spec.reading.passed import has_passed, keep_passed
from mock_server.spec.reading.places import spec_files
from mock_server.spec.saying.contracts import check_against, check_contract
from mock_server.spec.saying.literals import check_literals
from mock_server.spec.saying.records import read_records
from mock_server.spec.saying.ringing import read_calls, read_campaigns
from mock_server.spec.saying.webhooks import read_sending, read_webhooks
from mock_server.spec.terms.evidence import statement
from mock_server.spec.terms.model import (
    Evidence,
    Inbound,
    Magic,
    Missing,
    NamedAnswer,
    NamedRequest,
    Operation,
    Parameter,
    RefusalRule,
    ResponseSpec,
    Security,
    Shares,
    Spec,
    Variable,
)
from mock_server.text import formtext

SHARED_ANSWERS = (
    "missing-key",
    "wrong-key",
    "path-not-found",
    "method-not-allowed",
    "malformed-json",
    "wrong-media-type",
    "body-too-large",
    "invalid-request",
    "space-limit",
    "internal-error",
    "error",
)
"""Answers that any operation may give; every spec names all of them in `x-answers`."""
DONE = "done"
"""The name of a success that the page shows without a body."""


def load_all(folder: Path | None = None) -> dict[str, Spec]:
    """Every spec of the folder, or of all that are served, by provider in alphabetical order."""
    files = {file.stem: file for file in sorted(folder.glob("*.yaml"))} if folder else spec_files()
    return {name: load(file) for name, file in files.items()}


def load(file: Path) -> Spec:
    """The spec in `file`; raises SpecError naming file and place when anything is not understood."""
    text = read_text(file)
    document = document_of(text, file)
    if has_passed(text, file.stem):
        return _loaded(document, Unchecking(str(file)), file)
    spec = load_document(document, file)
    keep_passed(text, file.stem)
    return spec


def load_document(raw: Any, file: Path) -> Spec:
    """The spec that a document is which was read from `file`, or is to be written there."""
    return _loaded(raw, Checker(str(file)), file)


def _loaded(raw: Any, checker: Checker, file: Path) -> Spec:
    checker.mapping(raw, "root", "")
    with understood(str(file)):
        return _Loading(checker, resolve(raw, str(file)), file.stem).spec()


def faults(raw: Any, file: Path) -> list[SpecError]:
    """What is wrong with a document beside each of its operations, taken alone; `load_document` stops at the first."""
    checker = Checker(str(file))
    document = resolve(raw, str(file))
    alone = {**document, "components": {"securitySchemes": document["components"]["securitySchemes"]}}
    found = []
    for path, item in (document.get("paths") or {}).items():
        for method in METHODS:
            if method not in item:
                continue
            one = {
                **alone,
                "paths": {path: {**{key: item[key] for key in item if key not in METHODS}, method: item[method]}},
            }
            try:
                with understood(str(file)):
                    _Loading(checker, one, file.stem).spec()
            except SpecError as error:
                found.append(error)
    return found


class _Loading:
    def __init__(self, checker: Checker, document: dict[str, Any], provider: str) -> None:
        self.checker = checker
        self.document = document
        self.provider = provider

    def spec(self) -> Spec:
        document, checker = self.document, self.checker
        if not str(document.get("openapi", "")).startswith("3.1"):
            raise checker.fail("/openapi", f"found {document.get('openapi')!r}, Ringback reads OpenAPI 3.1")
        servers = document.get("servers") or []
        if not servers:
            raise checker.fail("/servers", "the vendor's origin is missing")
        for index, server in enumerate(servers):
            if not isinstance(server, dict) or not isinstance(server.get("url"), str):
                raise checker.fail(f"/servers/{index}", "a server needs url, a text")
        scheme = str(servers[0]["url"]).partition("://")[0]
        host, self.base_path = _host_and_base(servers[0]["url"])
        if not isinstance(document["info"].get("title"), str):
            raise checker.fail("/info", "info needs title, a text")
        checker.mapping(document.get("components", {}), "components", "/components")
        for name, schema in document.get("components", {}).get("schemas", {}).items():
            checker.schema(schema, f"/components/schemas/{name}")
        self.evidence = self._evidence(document, "") or Evidence("assumed", "")
        self.variables = self._variables()
        self.shared = self._shared_answers()
        operations: dict[str, Operation] = {}
        self.places: dict[str, str] = {}
        for path, item in (document.get("paths") or {}).items():
            place = f"/paths/{str(path).replace('/', '~1')}"
            checker.mapping(item, "path", place)
            for method in METHODS:
                if method in item:
                    with understood(checker.file, f"{place}/{method}"):
                        operation = self._operation(path, method, item, f"{place}/{method}")
                    if operation.id in operations:
                        raise checker.fail(place, f"operationId {operation.id} is used twice")
                    operations[operation.id] = operation
                    self.places[operation.id] = f"{place}/{method}"
        calls = read_calls(checker, document, operations)
        spec = Spec(
            provider=self.provider,
            file=checker.file,
            title=document["info"]["title"],
            origin=f"{scheme}://{host}",
            base_path=self.base_path,
            security=self._security(),
            operations=operations,
            answers=self.shared,
            records=read_records(checker, document.get("x-records") or {}),
            variables=self.variables,
            magic=tuple(self._magic(operations)),
            other_servers=tuple(_host_and_base(server["url"]) for server in servers[1:]),
            inbound=self._inbound(operations),
            call_shape=calls.get("show") or {},
            call_operations=calls.get("operations") or {},
            call_record=calls.get("record"),
            call_id=calls.get("id") or {},
            call_keeps=calls.get("keep") or {},
            campaigns=read_campaigns(checker, document, operations),
            webhooks={webhook.name: webhook for webhook in read_webhooks(checker, document)},
            sending=read_sending(checker, document.get("x-telephone") or {}),
            missing=tuple(self._missing(operations)),
        )
        if checker.checks:
            self._agree(spec)
            check_literals(checker, spec)
        return spec

    def _evidence(self, node: dict[str, Any], place: str) -> Evidence | None:
        found = node.get("x-evidence")
        if found is None:
            return None
        self.checker.evidence(found, f"{place}/x-evidence")
        return Evidence(found["grade"], found["source"], found.get("note", ""))

    def _security(self) -> Security:
        place = "/components/securitySchemes"
        schemes = self.document.get("components", {}).get("securitySchemes", {})
        if len(schemes) != 1:
            raise self.checker.fail(place, f"exactly one scheme is understood, found {len(schemes)}")
        name, scheme = next(iter(schemes.items()))
        self.checker.mapping(scheme, "securityScheme", f"{place}/{name}")
        evidence = self._evidence(scheme, f"{place}/{name}") or self.evidence
        if scheme.get("type") == "apiKey" and scheme.get("in") == "header":
            return Security(scheme["name"], False, evidence)
        if scheme.get("type") == "http" and scheme.get("scheme") == "bearer":
            return Security("Authorization", True, evidence)
        raise self.checker.fail(f"{place}/{name}", "only an apiKey in a header and http bearer are understood")

    def _variables(self) -> dict[str, Variable]:
        variables = {}
        for name, node in (self.document.get("x-variables") or {}).items():
            place = f"/x-variables/{name}"
            self.checker.mapping(node, "variable", place)
            found = node.get("found") or {}
            if set(found) - {"operation", "at"}:
                raise self.checker.fail(f"{place}/found", "has keys other than operation and at")
            variables[name] = Variable(
                name,
                node.get("default"),
                tuple(node.get("others") or ()),
                found.get("operation"),
                found.get("at"),
                node.get("description", ""),
                tuple(node.get("ours") or ()),
                tuple(node.get("unknown") or ()),
            )
        return variables

    def _shared_answers(self) -> dict[str, NamedAnswer]:
        nodes = self.document.get("x-answers") or {}
        shared = {}
        for name, node in nodes.items():
            place = f"/x-answers/{name}"
            self.checker.mapping(node, "answer", place)
            if not isinstance(node.get("status"), int) or "example" not in node:
                raise self.checker.fail(place, "needs an integer status and an example")
            shared[name] = self._answer(name, node["status"], node["example"], None, f"{place}/example")
        for name in SHARED_ANSWERS:
            if name not in shared:
                raise self.checker.fail("/x-answers", f"the answer {name!r} is missing")
        return shared

    def _answer(
        self, name: str, status: int, node: dict[str, Any], default: Evidence | None, place: str
    ) -> NamedAnswer:
        self.checker.mapping(node, "example", place)
        placeholders = node.get("x-placeholders") or {}
        for literal in placeholders.values():
            if not isinstance(literal, str) or literal not in str(node["value"]):
                raise self.checker.fail(f"{place}/x-placeholders", f"{literal!r} does not stand in the example")
        constants = tuple(node.get("x-constants") or ())
        for key in constants:
            if not isinstance(node["value"], dict) or key not in node["value"]:
                raise self.checker.fail(f"{place}/x-constants", f"{key!r} is no key of the example")
        evidence = self._evidence(node, place) or default
        if evidence is None:
            raise self.checker.fail(place, "x-evidence is missing")
        return NamedAnswer(
            name=name,
            status=status,
            value=node["value"],
            evidence=evidence,
            summary=node.get("summary", ""),
            placeholders=placeholders,
            constants=constants,
            undecided=tuple(node.get("x-undecided") or ()),
        )

    def _operation(self, path: str, method: str, item: dict[str, Any], place: str) -> Operation:
        node = self.checker.mapping(item[method], "operation", place)
        for key in ("operationId", "responses", "x-evidence"):
            if node.get(key) is None:
                raise self.checker.fail(place, f"{key} is missing")
        evidence = self._evidence(node, place)
        assert evidence is not None
        parameters = tuple(
            self._parameter(parameter, f"{place}/parameters/{index}")
            for index, parameter in enumerate([*item.get("parameters", ()), *node.get("parameters", ())])
        )
        schema, required, bodies = self._body(node.get("requestBody"), f"{place}/requestBody")
        responses, answers = self._responses(node["responses"], evidence, f"{place}/responses")
        requests = {
            name: self._request(name, request, parameters, bodies, answers, evidence, f"{place}/x-requests/{name}")
            for name, request in (node.get("x-requests") or {}).items()
        }
        operation = Operation(
            provider=self.provider,
            id=node["operationId"],
            method=method.upper(),
            path=self.base_path + path,
            summary=node.get("summary", ""),
            evidence=evidence,
            parameters=parameters,
            body_schema=schema,
            body_required=required,
            body_secrets=tuple(_secrets(schema or {})),
            responses=responses,
            answers=answers,
            requests=requests,
            refusals=tuple(self._refusals(node.get("x-refusals") or (), answers, f"{place}/x-refusals")),
            contract=node.get("x-contract") or {},
            secured=node.get("security", self.document.get("security")) != [],
            deprecated=bool(node.get("deprecated")),
            form=formtext.MEDIA_TYPE in ((node.get("requestBody") or {}).get("content") or {}),
        )
        check_contract(self.checker, operation, f"{place}/x-contract")
        return operation

    def _parameter(self, node: dict[str, Any], place: str) -> Parameter:
        self.checker.mapping(node, "parameter", place)
        if node.get("in") not in ("path", "query", "header"):
            raise self.checker.fail(f"{place}/in", f"{node.get('in')!r} is not understood")
        schema = node.get("schema", {})
        self.checker.schema(schema, f"{place}/schema")
        schema = schema if isinstance(schema, dict) else {}
        if "x-evidence" in node:
            schema = {"x-evidence": node["x-evidence"], **schema}
        variable = node.get("x-variable") or schema.get("x-variable")
        if variable is not None and (not isinstance(variable, str) or variable not in self.variables):
            raise self.checker.fail(f"{place}/x-variable", f"{variable!r} is not among x-variables")
        example = node.get("example", schema.get("example", schema.get("default")))
        return Parameter(node["name"], node["in"], bool(node.get("required")), schema, example, variable)

    def _body(self, node: dict[str, Any] | None, place: str) -> tuple[dict[str, Any] | None, bool, dict[str, Any]]:
        if node is None:
            return None, False, {}
        self.checker.mapping(node, "requestBody", place)
        content = node.get("content") or {}
        if list(content) not in (["application/json"], [formtext.MEDIA_TYPE]):
            known = f"exactly one of application/json and {formtext.MEDIA_TYPE} is understood"
            raise self.checker.fail(f"{place}/content", known)
        ((media_type, media),) = content.items()
        here = f"{place}/content/{media_type.replace('/', '~1')}"
        self.checker.mapping(media, "media", here)
        schema = media.get("schema", {})
        self.checker.schema(schema, f"{here}/schema")
        examples = self.checker.examples(media.get("examples") or {}, f"{here}/examples")
        return schema, bool(node.get("required")), examples

    def _responses(
        self, nodes: dict[str, Any], evidence: Evidence, place: str
    ) -> tuple[dict[int, ResponseSpec], dict[str, NamedAnswer]]:
        responses: dict[int, ResponseSpec] = {}
        answers: dict[str, NamedAnswer] = {}
        for status, node in nodes.items():
            here = f"{place}/{status}"
            if not str(status).isdigit():
                raise self.checker.fail(here, "only exact status codes are understood")
            self.checker.mapping(node, "response", here)
            grade, of_status = self._of_response(node, evidence, here)
            content = node.get("content") or {}
            if len(content) > 1:
                raise self.checker.fail(f"{here}/content", "one media type per answer is understood")
            media_type = next(iter(content), None)
            media = content[media_type] if media_type else {}
            self.checker.mapping(media, "media", f"{here}/content/{media_type}")
            self.checker.schema(media.get("schema", True), f"{here}/content/{media_type}/schema")
            responses[int(status)] = ResponseSpec(
                int(status), media.get("schema"), media_type, grade, node.get("description", ""), of_status
            )
            if media_type is None and int(status) < 300:
                answers[DONE] = NamedAnswer(DONE, int(status), None, grade)
            examples = self.checker.examples(media.get("examples") or {}, f"{here}/content/{media_type}/examples")
            for name, example in examples.items():
                if name in answers:
                    raise self.checker.fail(f"{here}/{name}", "two answers of one operation have this name")
                answers[name] = self._answer(name, int(status), example, grade, f"{here}/{name}")
        return responses, answers

    def _of_response(self, node: dict[str, Any], default: Evidence, place: str) -> tuple[Evidence, Evidence | None]:
        """How the body of a response is known, and its status where that is known otherwise."""
        said = node.get("x-evidence")
        if said is None:
            return default, None
        self.checker.response_evidence(said, f"{place}/x-evidence")
        if "grade" in said:
            return statement(said), None
        body = statement(said["body"]) if "body" in said else default
        return body, statement(said["status"]) if "status" in said else default

    def _request(
        self,
        name: str,
        node: dict[str, Any],
        parameters: tuple[Parameter, ...],
        bodies: dict[str, Any],
        answers: dict[str, NamedAnswer],
        default: Evidence,
        place: str,
    ) -> NamedRequest:
        self.checker.mapping(node, "request", place)
        answer = node.get("answer")
        if not isinstance(answer, str) or (answer not in answers and answer not in self.shared):
            raise self.checker.fail(f"{place}/answer", f"{answer!r} names no answer of this operation")
        body: Json = node.get("body")
        if isinstance(body, str):
            if body not in bodies:
                raise self.checker.fail(f"{place}/body", f"{body!r} names no example of the request body")
            body = bodies[body]["value"]
        values: dict[str, dict[str, Json]] = {}
        for where in ("path", "query"):
            own = node.get(where) or {}
            known = {p.name: p for p in parameters if p.place == where}
            for key in own:
                if key not in known:
                    raise self.checker.fail(f"{place}/{where}/{key}", f"the operation has no such {where} parameter")
            values[where] = {
                p.name: own.get(p.name, p.example)
                for p in known.values()
                if p.name in own or (p.required and p.example is not None)
            }
            values[where] = {k: v for k, v in values[where].items() if not (k in own and own[k] == "$absent")}
        return NamedRequest(
            name=name,
            answer=answer,
            path=values["path"],
            query=values["query"],
            headers=node.get("headers") or {},
            body=body,
            has_body="body" in node,
            raw_body=node.get("raw-body"),
            after=tuple(node.get("after") or ()),
            evidence=self._evidence({"x-evidence": node["evidence"]}, place) if "evidence" in node else default,  # type: ignore[arg-type]
            summary=node.get("summary", ""),
            expect=node.get("expect") or {},
            refused=self._evidence({"x-evidence": node["refused"]}, place) if "refused" in node else None,
        )

    def _refusals(self, nodes: Any, answers: dict[str, NamedAnswer], place: str) -> list[RefusalRule]:
        rules = []
        for index, node in enumerate(nodes):
            here = f"{place}/{index}"
            self.checker.mapping(node, "refusal", here)
            answer = node.get("answer")
            if answer is not None and answer not in answers and answer not in self.shared:
                raise self.checker.fail(f"{here}/answer", f"{answer!r} names no answer of this operation")
            evidence = self._evidence({"x-evidence": node["evidence"]}, here) if "evidence" in node else None
            rules.append(
                RefusalRule(
                    frozenset(node.get("kinds") or ()),
                    frozenset(node.get("places") or ("body",)),
                    frozenset(node.get("fields") or ()),
                    answer,
                    evidence,
                )
            )
        return rules

    def _magic(self, operations: dict[str, Operation]) -> Iterator[Magic]:
        for index, node in enumerate(self.document.get("x-magic") or ()):
            place = f"/x-magic/{index}"
            self.checker.mapping(node, "magic", place)
            for name in node.get("operations") or ():
                if name not in operations:
                    raise self.checker.fail(f"{place}/operations", f"there is no operation {name!r}")
                answer = node.get("answer")
                if answer is not None and answer not in operations[name].answers and answer not in self.shared:
                    raise self.checker.fail(f"{place}/answer", f"{answer!r} names no answer of {name}")
            if str(node.get("at", "")).partition(".")[0] not in ("path", "query", "body") or not node.get("values"):
                raise self.checker.fail(place, "needs `at` (path.x, query.x or body.x) and `values`")
            yield Magic(
                scenario=node.get("scenario", ""),
                operations=tuple(node.get("operations") or ()),
                at=node["at"],
                values=tuple(node["values"]),
                answer=node.get("answer"),
                status=node.get("status"),
                headers=node.get("headers") or {},
                fault=node.get("fault"),
                seconds=float(node.get("seconds", 0)),
            )

    def _inbound(self, operations: dict[str, Operation]) -> Inbound | None:
        section = self.checker.mapping(self.document.get("x-telephone") or {}, "telephone", "/x-telephone")
        if "inbound" not in section:
            return None
        place, kinds = "/x-telephone/inbound", self.document.get("x-records") or {}
        node = self.checker.mapping(section["inbound"], "inbound", place)
        evidence = self._evidence(node, place)
        if evidence is None or not {"number", "agent", "set-by"} <= set(node):
            raise self.checker.fail(place, "needs number, agent, set-by and x-evidence")
        number, agent, shares = node["number"], node["agent"], node.get("shares")
        for one in (number, agent):
            if one.get("record") not in kinds:
                raise self.checker.fail(place, f"{one.get('record')!r} is not among x-records")
        if node["set-by"] not in operations:
            raise self.checker.fail(f"{place}/set-by", f"there is no operation {node['set-by']!r}")
        if ("field" in agent) == (shares is not None):
            raise self.checker.fail(place, "an agent has a field, or agents have shares")
        return Inbound(
            numbers=number["record"],
            number=number["field"],
            agents=agent["record"],
            agent=agent.get("field"),
            shares=Shares(**shares) if shares is not None else None,
            enabled=node.get("enabled"),
            name=agent["name"],
            greeting=agent.get("greeting"),
            version=agent.get("version"),
            set_by=node["set-by"],
            remarks=node.get("remarks") or {},
            evidence=evidence,
        )

    def _missing(self, operations: dict[str, Operation]) -> Iterator[Missing]:
        served = {(operation.method, operation.path) for operation in operations.values()}
        for index, node in enumerate(self.document.get("x-missing") or ()):
            place = f"/x-missing/{index}"
            self.checker.mapping(node, "missing", place)
            evidence = self._evidence(node, place)
            if evidence is None or str(node.get("method")).lower() not in METHODS or "path" not in node:
                raise self.checker.fail(place, "needs a method, a path and x-evidence")
            method, path = node["method"], self.base_path + node["path"]
            if (method, path) in served:
                raise self.checker.fail(place, f"{method} {path} is served, so it is not missing")
            yield Missing(method, path, node.get("summary", ""), evidence, node.get("reason", ""))

    def _agree(self, spec: Spec) -> None:
        """Names used in one place must exist in the other."""
        for name, variable in spec.variables.items():
            if variable.found_operation and variable.found_operation not in spec.operations:
                place = f"/x-variables/{name}/found"
                raise self.checker.fail(place, f"there is no operation {variable.found_operation!r}")
        for operation in spec.operations.values():
            place = self.places[operation.id]
            record = operation.contract.get("record")
            if record is not None and record not in spec.records:
                known = ", ".join(sorted(spec.records)) or "none"
                message = f"{record!r} is not among x-records; there are {known}"
                raise self.checker.fail(f"{place}/x-contract/record", message)
            check_against(self.checker, spec, operation, f"{place}/x-contract")
            twin = operation.contract.get("twin")
            twins = [one.id for one in spec.operations.values() if one.path == operation.path and one is not operation]
            if twin is not None and twin not in twins:
                message = f"{twin!r} is no other operation of the same path; there are {', '.join(twins) or 'none'}"
                raise self.checker.fail(f"{place}/x-contract/twin", message)
            for request in operation.requests.values():
                for step in request.after:
                    other, _, named = step.partition("/")
                    if other not in spec.operations or named not in spec.operations[other].requests:
                        raise self.checker.fail(f"{place}/x-requests/{request.name}/after", f"no request {step!r}")


def _host_and_base(url: str) -> tuple[str, str]:
    """Host (with port) and base path of a server's address."""
    host, slash, base = url.rstrip("/").partition("://")[2].partition("/")
    return host.lower(), slash + base


def _secrets(schema: Any, prefix: str = "") -> list[str]:
    """Dotted paths of the properties that hold secrets (`x-secret: true`)."""
    found = []
    for name, child in (schema.get("properties") or {}).items():
        if isinstance(child, dict):
            if child.get("x-secret"):
                found.append(f"{prefix}{name}")
            found.extend(_secrets(child, f"{prefix}{name}."))
    return found
