"""Reads a YAML document, resolves its references and refuses what it does not understand."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from mock_server.spec.reading.errors import SpecError, understood
from mock_server.spec.reading.forms import misformed
from mock_server.spec.reading.parsed import kept, parsed

MAX_DEPTH = 100
_BRACKETS = re.compile(r"[\[\]{}]")
_MAY_BE_DEEP = re.compile(r"^ {200}|(?:[-?] ++){50}", re.MULTILINE)

EVIDENCE_GRADES = ("seed", "doc", "observed", "assumed")

SCHEMA_KEYWORDS = frozenset(
    [
        "type",
        "enum",
        "const",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "prefixItems",
        "minItems",
        "maxItems",
        "uniqueItems",
        "minLength",
        "maxLength",
        "pattern",
        "format",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minProperties",
        "maxProperties",
        "propertyNames",
        "patternProperties",
        "anyOf",
        "oneOf",
        "allOf",
        "not",
        "if",
        "then",
        "else",
        "dependentRequired",
        "default",
        "title",
        "description",
        "examples",
        "example",
        "deprecated",
        "readOnly",
        "writeOnly",
        "$ref",
        "$comment",
        "contains",
        "minContains",
        "maxContains",
        "contentMediaType",
        "contentEncoding",
        "discriminator",
        "x-evidence",
        "x-variable",
        "x-issued",
        "x-secret",
    ]
)

_ANSWER = {"summary", "description", "value", "x-evidence", "x-placeholders", "x-constants", "x-undecided"}

KEYWORDS: dict[str, frozenset[str]] = {
    "root": frozenset(
        [
            "openapi",
            "info",
            "servers",
            "paths",
            "components",
            "security",
            "tags",
            "externalDocs",
            "x-evidence",
            "x-answers",
            "x-magic",
            "x-missing",
            "x-records",
            "x-telephone",
            "webhooks",
            "x-variables",
        ]
    ),
    "components": frozenset(
        ["schemas", "responses", "parameters", "examples", "requestBodies", "headers", "securitySchemes"]
    ),
    "path": frozenset(
        ["summary", "description", "parameters", "get", "put", "post", "delete", "options", "head", "patch", "trace"]
    ),
    "operation": frozenset(
        [
            "tags",
            "summary",
            "description",
            "externalDocs",
            "operationId",
            "parameters",
            "requestBody",
            "responses",
            "deprecated",
            "security",
            "x-evidence",
            "x-refusals",
            "x-requests",
            "x-contract",
        ]
    ),
    "parameter": frozenset(
        [
            "name",
            "in",
            "description",
            "required",
            "deprecated",
            "schema",
            "style",
            "explode",
            "example",
            "examples",
            "x-evidence",
            "x-variable",
        ]
    ),
    "requestBody": frozenset(["description", "content", "required", "x-evidence"]),
    "response": frozenset(["description", "headers", "content", "x-evidence"]),
    "response evidence": frozenset(["status", "body"]),
    "media": frozenset(["schema", "example", "examples"]),
    "example": frozenset(_ANSWER),
    "header": frozenset(["description", "required", "schema", "example", "x-evidence"]),
    "securityScheme": frozenset(["type", "description", "name", "in", "scheme", "bearerFormat", "x-evidence"]),
    "evidence": frozenset(["grade", "source", "note"]),
    "answer": frozenset(["status", "example"]),
    "refusal": frozenset(["kinds", "places", "fields", "answer", "evidence"]),
    "request": frozenset(
        "summary path query headers body raw-body answer after evidence refused source expect".split()
    ),
    "record": frozenset("key aliases references schema secrets new computed".split()),
    "magic": frozenset("scenario operations at values answer status headers fault seconds".split()),
    "telephone": frozenset(["inbound", "webhooks", "calls", "campaigns"]),
    "sending": frozenset(["signature", "retries", "timeout-seconds", "x-evidence"]),
    "calls": frozenset("record id keep show operations".split()),
    "campaigns": frozenset(
        "record leads status agent number pool enabled begins ends days schedule hours phone concurrency retries keep"
        " lead server operations".split()
    ),
    "campaign operation": frozenset("start move read refuses shows rows at count form leave-out".split()),
    "call operation": frozenset(
        "place id read hang-up only-if over refuses agent enabled number pool to browser webhook keep missing shows"
        "".split()
    ),
    "webhook": frozenset(["post"]),
    "webhook operation": frozenset("summary description requestBody responses x-evidence x-delivery x-sending".split()),
    "delivery": frozenset("when direction answered if body asked-at chooses gives".split()),
    "address": frozenset(["number", "agent", "if", "seconds"]),
    "hours": frozenset(["from", "until", "zone"]),
    "server": frozenset("enabled url secret headers seconds events".split()),
    "inbound": frozenset("number agent shares enabled set-by remarks x-evidence".split()),
    "missing": frozenset(["method", "path", "summary", "reason", "x-evidence"]),
    "variable": frozenset(["description", "default", "others", "ours", "unknown", "found", "given"]),
}

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def read_yaml(file: Path) -> Any:
    """The document in `file`; a missing file or broken YAML is a SpecError that says where."""
    return document_of(read_text(file), file)


def read_text(file: Path) -> str:
    """The text in `file`; a SpecError says why there is none."""
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise SpecError(str(file), "", f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise SpecError(str(file), f"byte {error.start}", "is not UTF-8") from None


def document_of(text: str, file: Path) -> Any:
    """The document that a text is which was read from `file`."""
    with understood(str(file)), kept(text) as found:
        if not found:
            found.append(_parsed(text, file))
        return found[0]


def _parsed(text: str, file: Path) -> Any:
    # Here, because a start that finds what was kept needs no parser.
    import yaml

    try:
        _check_depth(text, file)
        return parsed(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise SpecError(
            str(file), place, f"is not YAML: {' '.join(str(getattr(error, 'problem', error)).split())}"
        ) from None


def _check_depth(text: str, file: Path) -> None:
    """Raises SpecError for a text that is nested so deeply that building its document would end the process."""
    depth = 0
    if text.count("[") + text.count("{") <= MAX_DEPTH and _MAY_BE_DEEP.search(text) is None:
        return
    for bracket in _BRACKETS.finditer(text):
        depth += 1 if bracket.group() in "[{" else -1
        if depth > MAX_DEPTH:
            break
    if depth <= MAX_DEPTH and _MAY_BE_DEEP.search(text) is None:
        return
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise SpecError(str(file), "", f"is nested deeper than {MAX_DEPTH} levels")


def resolve(document: Any, file: str) -> Any:
    """`document` with every local `$ref` replaced by what it points to; siblings of `$ref` win.

    What refers to nothing is shared with `document`.
    """
    done: dict[str, Any] = {}

    def walk(node: Any, open_refs: tuple[str, ...]) -> Any:
        # Most of a document refers to nothing: it stays what it is, and is not copied.
        items = enumerate(node) if isinstance(node, list) else node.items()
        others = {
            key: other
            for key, value in items
            if isinstance(value, dict | list) and (other := walk(value, open_refs)) is not value
        }
        if isinstance(node, list):
            return [others.get(index, value) for index, value in enumerate(node)] if others else node
        plain = {**node, **others} if others else node
        reference = plain.get("$ref")
        if not isinstance(reference, str):
            return plain
        if reference in open_refs:
            raise SpecError(file, _place_of(document, reference), f"$ref {reference} leads back to itself")
        if reference not in done:
            done[reference] = whole(_point(document, reference, file), (*open_refs, reference))
        target = done[reference]
        if not isinstance(target, dict):
            message = f"$ref {reference} points to a {type(target).__name__}, and not to a mapping"
            raise SpecError(file, _place_of(document, reference), message)
        if reference.startswith("#/components/schemas/") and "x-evidence" in document:
            # A component that does not say how it is known is known as the document is, whoever refers to it.
            target = {"x-evidence": document["x-evidence"], **target}
        return {**target, **{key: value for key, value in plain.items() if key != "$ref"}}

    def whole(node: Any, open_refs: tuple[str, ...]) -> Any:
        return walk(node, open_refs) if isinstance(node, dict | list) else node

    return whole(document, ())


def _point(document: Any, reference: str, file: str) -> Any:
    if not reference.startswith("#/"):
        message = f"$ref {reference} is not local; only #/... is understood"
        raise SpecError(file, _place_of(document, reference), message)
    node = document
    for part in reference[2:].split("/"):
        part = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(node, dict) or part not in node:
            raise SpecError(file, _place_of(document, reference), f"$ref {reference} points to nothing")
        node = node[part]
    return node


def _place_of(node: Any, reference: str, place: str = "") -> str:
    """Where a reference stands first."""
    if isinstance(node, dict) and node.get("$ref") == reference:
        return place
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    found = (_place_of(child, reference, f"{place}/{str(key).replace('/', '~1')}") for key, child in children)
    return next((one for one in found if one), "")


def _keywords(schema: Any) -> set[str]:
    """What `x-evidence` may speak of: the keywords of a schema and of everything inside it, and `null` and `empty`."""
    found: set[str] = set()
    if isinstance(schema, dict):
        found |= schema.keys() - _NO_ASSERTIONS
        found |= {"null", "empty"} if "type" in schema else set()
        for key, child in schema.items():
            inner = child.values() if key in ("properties", "patternProperties") else [child]
            if key not in _VALUES:
                found = found.union(*map(_keywords, inner))
    elif isinstance(schema, list):
        found = found.union(*map(_keywords, schema))
    return found


_VALUES = frozenset(["default", "const", "enum", "example", "examples", "required", "x-evidence"])
_NO_ASSERTIONS = frozenset(
    "title description default example examples deprecated readOnly writeOnly $comment properties items "
    "discriminator x-evidence x-variable x-issued x-secret".split()
)


@lru_cache(maxsize=1_000)
def _is_pattern(text: Any) -> bool:
    try:
        jsonschema_rs.Draft202012Validator({"pattern": text})
    except (jsonschema_rs.ValidationError, ValueError, TypeError):
        return False
    return True


class Checker:
    """Walks a resolved document and raises SpecError at the first keyword it does not understand."""

    checks = True

    def __init__(self, file: str) -> None:
        self.file = file
        self._understood: set[int] = set()
        """The schemas that were looked at; a document has the same one wherever it refers to it."""

    def fail(self, place: str, message: str) -> SpecError:
        return SpecError(self.file, place, message)

    def mapping(self, node: Any, what: str, place: str) -> dict[str, Any]:
        """`node` as a mapping whose keys are all known for a `what`."""
        if not isinstance(node, dict):
            raise self.fail(place, f"a {what} must be a mapping, not {type(node).__name__}")
        for key in node:
            if key not in KEYWORDS[what]:
                known = ", ".join(sorted(KEYWORDS[what]))
                raise self.fail(f"{place}/{key}", f"a {what} has no {key!r}; understood are {known}")
        wrong = misformed(node, what)
        if wrong is not None:
            raise self.fail(f"{place}/{wrong.keyword}".rstrip("/"), wrong.why)
        if "x-evidence" in node and what != "response":
            self.evidence(node["x-evidence"], f"{place}/x-evidence")
        return node

    def evidence(self, node: Any, place: str) -> None:
        self.mapping(node, "evidence", place)
        if node.get("grade") not in EVIDENCE_GRADES:
            raise self.fail(f"{place}/grade", f"{node.get('grade')!r} is none of {', '.join(EVIDENCE_GRADES)}")
        if not isinstance(node.get("source"), str):
            raise self.fail(f"{place}/source", "the page a statement was read on is missing")

    def response_evidence(self, node: Any, place: str) -> None:
        """One statement for a whole response, or one for its `status` and one for its `body`."""
        if isinstance(node, dict) and "grade" not in node:
            self.mapping(node, "response evidence", place)
            for part, statement in node.items():
                self.evidence(statement, f"{place}/{part}")
        else:
            self.evidence(node, place)

    def schema_evidence(self, schema: dict[str, Any], place: str) -> None:
        """One statement for a whole schema, or one for each keyword of it, or of something inside it."""
        node = schema["x-evidence"]
        if not isinstance(node, dict) or "grade" in node:
            self.evidence(node, place)
            return
        spoken = {"*", "required", *_keywords(schema)}
        for keyword, statement in node.items():
            if keyword not in spoken:
                known = ", ".join(sorted(spoken))
                raise self.fail(f"{place}/{keyword}", f"the schema has no {keyword!r} to speak of; there are {known}")
            self.evidence(statement, f"{place}/{keyword}")

    def schema(self, node: Any, place: str) -> None:
        """Raises SpecError for a schema of which a word is not understood, or stands for what it cannot."""
        self._words(node, place)
        try:
            jsonschema_rs.meta.validate(node)
        except jsonschema_rs.ValidationError as error:
            wrong = "/".join(str(step).replace("/", "~1") for step in error.instance_path)
            raise self.fail(f"{place}/{wrong}", f"is no JSON Schema: {error.message}") from None
        except UnicodeEncodeError:
            raise self.fail(place, "holds half of a surrogate pair, which no text may hold") from None

    def _words(self, node: Any, place: str) -> None:
        if isinstance(node, bool) or id(node) in self._understood:
            return
        if not isinstance(node, dict):
            raise self.fail(place, f"a schema must be a mapping, not {type(node).__name__}")
        for key, value in node.items():
            if key not in SCHEMA_KEYWORDS:
                raise self.fail(f"{place}/{key}", f"a schema has no {key!r} that Ringback understands")
            here = f"{place}/{key}"
            if key in ("properties", "patternProperties"):
                for name, child in value.items() if isinstance(value, dict) else ():
                    self._words(child, f"{here}/{name}")
            elif key in ("items", "additionalProperties", "propertyNames", "not", "if", "then", "else", "contains"):
                self._words(value, here)
            elif key in ("anyOf", "oneOf", "allOf", "prefixItems"):
                for index, child in enumerate(value if isinstance(value, list) else ()):
                    self._words(child, f"{here}/{index}")
            elif key == "x-evidence":
                self.schema_evidence(node, here)
            elif key == "pattern" and not _is_pattern(value):
                raise self.fail(here, f"{value!r} is no regular expression")
        self._understood.add(id(node))

    def examples(self, node: dict[str, Any], place: str) -> dict[str, Any]:
        if not isinstance(node, dict):
            raise self.fail(place, "examples must be a mapping of names")
        for name, example in node.items():
            self.mapping(example, "example", f"{place}/{name}")
            if "value" not in example:
                raise self.fail(f"{place}/{name}", "an example needs a value")
        return node


class Unchecking(Checker):
    """Walks a document that has passed before, and looks at nothing."""

    checks = False

    def mapping(self, node: Any, what: str, place: str) -> dict[str, Any]:
        passed: dict[str, Any] = node
        return passed

    def evidence(self, node: Any, place: str) -> None:
        pass

    def response_evidence(self, node: Any, place: str) -> None:
        pass

    def schema(self, node: Any, place: str) -> None:
        pass

    def examples(self, node: dict[str, Any], place: str) -> dict[str, Any]:
        return node
