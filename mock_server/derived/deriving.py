"""Compiles the contracts of a spec, once, when the server starts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path

from mock_server.derived.agreeing import check_agreement
from mock_server.derived.making import Completion, Making
from mock_server.derived.reading import listing, reporting, showing
from mock_server.derived.writing import creating, deleting, moving, updating
from mock_server.messages import Answer, Call
from mock_server.spec.reading.errors import SpecError
from mock_server.spec.reading.places import specs_folder
from mock_server.spec.terms.model import Operation, Spec
from mock_server.stores.state import State

Behaviour = Callable[[Call, State], Answer]
Derived = Behaviour
"""What the contract alone would do; a function that refines it is given it."""

_CARRIES_OUT: Mapping[str, Callable[[Spec, Operation, Making], Behaviour]] = {
    "create": creating,
    "read": showing,
    "update": updating,
    "delete": deleting,
    "transition": moving,
    "list": listing,
    "search": listing,
    "report": reporting,
}

_NEEDS: Mapping[str, tuple[str, ...]] = {
    "create": (),
    "read": ("key", "missing"),
    "update": ("key", "missing"),
    "delete": ("key", "missing"),
    "transition": ("key", "missing"),
    "list": ("at",),
    "search": ("at", "key"),
    "report": ("shows",),
}
"""What an effect cannot be carried out without, where no function does it."""


def derive(spec: Spec, besides: Collection[str] = ()) -> dict[str, Behaviour]:
    """What carries out each operation whose contract has a record and an effect.

    Raises SpecError for one that says too little, unless a function (`besides`) is there for it.
    """
    if Path(spec.file).parent != specs_folder():
        # Those that come with the package were tried before, and every start would wait for it.
        check_agreement(spec, besides)
    makings = {kind: Making(shape) for kind, shape in spec.records.items()}
    derived = {}
    for operation in spec.operations.values():
        contract = operation.contract
        if "record" not in contract or "effect" not in contract:
            continue
        lacking = [word for word in _NEEDS[contract["effect"]] if word not in contract]
        if lacking and operation.id in besides:
            continue
        if lacking:
            message = (
                f"{operation.id}: effect {contract['effect']} needs {', '.join(lacking)} too, or a function of its own"
            )
            path = operation.path.removeprefix(spec.base_path).replace("/", "~1")
            raise SpecError(spec.file, f"/paths/{path}/{operation.method.lower()}/x-contract", message)
        carry_out = _CARRIES_OUT[contract["effect"]]
        derived[operation.id] = carry_out(spec, operation, makings[contract["record"]])
    return derived


def carried_out(spec: Spec, own: Mapping[str, Callable[..., Answer]]) -> dict[str, Behaviour]:
    """All behaviours of a vendor: its own functions, bound to the contracts that they refine, and the contracts."""
    derived = derive(spec, own)
    for name, function in own.items():
        derived[name] = partial(function, derived=derived[name]) if getattr(function, "refines", False) else function
    return derived


def completions(spec: Spec) -> dict[str, Completion]:
    """What fills in what a fixture leaves out, for each kind of record that says what a new one holds."""
    return {kind: Making(shape).completed for kind, shape in spec.records.items() if shape.new or shape.computed}


def refines(function: Callable[..., Answer]) -> Callable[..., Answer]:
    """Marks a behaviour `(call, state, derived)`: it is given what the contract alone would do."""
    function.refines = True  # type: ignore[attr-defined]
    return function
