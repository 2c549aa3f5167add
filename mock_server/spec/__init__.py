"""The vendors' promises: YAML in, a table of operations out, and the differences between a message and the spec."""

from mock_server.spec.building import WireRequest, build, curl, encode_query, fill_path, key_header
from mock_server.spec.checking import OperationCheck, SchemaCheck, compile_checks
from mock_server.spec.errors import SpecError
from mock_server.spec.evidence import GRADES, child, stated, strongest, whole
from mock_server.spec.loading import SHARED_ANSWERS, faults, load, load_all, load_document
from mock_server.spec.model import (
    Evidence,
    Inbound,
    Link,
    Magic,
    Missing,
    NamedAnswer,
    NamedRequest,
    Operation,
    Parameter,
    RecordSpec,
    RefusalRule,
    ResponseSpec,
    Security,
    Sending,
    Signature,
    Spec,
    Variable,
    Webhook,
)
from mock_server.spec.places import outside, spec_files, specs_folder
from mock_server.spec.refusing import Verdict, refusal_values, refuse, refused_in_some_form
from mock_server.spec.routing import Match, Router, path_values
from mock_server.spec.unserved import hint, unserved

__all__ = [
    "GRADES",
    "SHARED_ANSWERS",
    "Evidence",
    "Inbound",
    "Link",
    "Magic",
    "Match",
    "Missing",
    "NamedAnswer",
    "NamedRequest",
    "Operation",
    "OperationCheck",
    "Parameter",
    "RecordSpec",
    "RefusalRule",
    "ResponseSpec",
    "Router",
    "SchemaCheck",
    "Security",
    "Sending",
    "Signature",
    "Spec",
    "SpecError",
    "Variable",
    "Verdict",
    "Webhook",
    "WireRequest",
    "build",
    "child",
    "compile_checks",
    "curl",
    "encode_query",
    "faults",
    "fill_path",
    "hint",
    "key_header",
    "load",
    "load_all",
    "load_document",
    "outside",
    "path_values",
    "refusal_values",
    "refuse",
    "refused_in_some_form",
    "spec_files",
    "specs_folder",
    "stated",
    "strongest",
    "unserved",
    "whole",
]
