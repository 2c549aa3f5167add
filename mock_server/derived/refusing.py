"""What a contract refuses beyond the schema: fields that have to be sent, values that are not taken, items twice."""

from __future__ import annotations

from collections.abc import Callable, Collection

from mock_server.derived.addressing import refusal
from mock_server.derived.scene import ABSENT, Record, asked
from mock_server.messages import Call, Json
from mock_server.spec.saying.contracts import properties
from mock_server.spec.terms.model import Operation, RecordSpec, Spec
from mock_server.stores.state import State

Refuse = Callable[[Call], None]


def refusals(operation: Operation) -> list[Refuse]:
    """What looks at the call alone, in the order of the contract's words."""
    contract = operation.contract
    return [
        *(_required(operation, name, answer) for name, answer in (contract.get("requires") or {}).items()),
        *([_one_required(operation, contract["requires-one"])] if "requires-one" in contract else []),
        *(_accepted(operation, name, one) for name, one in (contract.get("accepts") or {}).items()),
        *(_distinct(operation, name, one) for name, one in (contract.get("distinct") or {}).items()),
    ]


def _required(operation: Operation, name: str, answer: str) -> Refuse:
    def refuse(call: Call) -> None:
        if asked(call, name) is ABSENT:
            raise refusal(operation, "requires", answer, call)

    return refuse


def _one_required(operation: Operation, node: dict[str, Json]) -> Refuse:
    def refuse(call: Call) -> None:
        if all(asked(call, name) is ABSENT for name in node["of"]):
            raise refusal(operation, "requires-one", node["answer"], call)

    return refuse


def _accepted(operation: Operation, name: str, node: dict[str, Json]) -> Refuse:
    values, answer = [ABSENT, *node["values"]], node["answer"]

    def refuse(call: Call) -> None:
        if asked(call, name) not in values:
            raise refusal(operation, "accepts", answer, call)

    return refuse


def _distinct(operation: Operation, name: str, node: dict[str, Json]) -> Refuse:
    by, answer = node["by"], node["answer"]

    def refuse(call: Call) -> None:
        items = call.body.get(name)
        known = []
        for item in items if isinstance(items, list) else ():
            value = item.get(by) if isinstance(item, dict) else item
            if value in known:
                raise refusal(operation, "distinct", answer, call, **{by: value})
            known.append(value)

    return refuse


Written = Callable[[Record, Collection[str], Call, State], None]


def references(spec: Spec, operation: Operation, shape: RecordSpec) -> Written | None:
    """Refuses a record that refers to one which is not there; only what a call wrote is looked at."""
    answer = operation.contract.get("unknown")
    schemas = properties(shape.schema)
    links = [
        (field, link.record, link.aliases, tuple(link.where.items()), link.each, _may_be_list(schemas.get(field)))
        for field, link in shape.links.items()
    ]
    if answer is None or not links:
        return None

    def refuse(record: Record, written: Collection[str], call: Call, state: State) -> None:
        for field, kind, by_alias, where, each, many in links:
            if field not in written:
                continue
            sent = record.get(field)
            # A list where one id belongs is none, whatever stands in it.
            if each is not None and isinstance(sent, list):
                sent = [item.get(each) if isinstance(item, dict) else item for item in sent]
            for one in sent if many and isinstance(sent, list) else (sent,):
                if one is None:
                    continue
                wrong = _unlinkable(kind, by_alias, where, one, state)
                if wrong is not None:
                    raised = refusal(operation, "unknown", answer, call, value=one)
                    # A page that names this answer speaks of ids that nobody has.
                    raised.assumed = raised.assumed or wrong != "unknown"
                    raise raised

    return refuse


def _may_be_list(schema: Json) -> bool:
    said = schema.get("type") if isinstance(schema, dict) else None
    return said is None or said == "array" or (isinstance(said, list) and "array" in said)


def _unlinkable(kind: str, by_alias: bool, where: tuple[tuple[str, Json], ...], id: Json, state: State) -> str | None:
    """Why a record cannot refer to that one, or None."""
    if type(id) is not str:
        if type(id) is not int:
            return "no id"
        id = str(id)
    found = state.look(kind, id) if by_alias else state.get(kind, id)
    if found is None:
        return "unknown"
    for name, value in where:
        if found.get(name) != value:
            return "of another sort"
    return None


def conflicts(
    operation: Operation, shape: RecordSpec, *, is_new: bool = False
) -> Callable[[Record, Call, State], None] | None:
    """Refuses a record with a name that another one has; one that is new may not have the key of any."""
    taken = tuple((operation.contract.get("conflict") or {}).items())
    if not taken:
        return None

    def refuse(record: Record, call: Call, state: State) -> None:
        for field, answer in taken:
            value = record.get(field)
            other = state.find(shape.kind, str(value)) if value is not None else None
            if other is not None and (is_new or other[shape.key] != record[shape.key]):
                raise refusal(operation, "conflict", answer, call)

    return refuse
