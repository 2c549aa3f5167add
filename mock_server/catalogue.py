"""Every vendor that is served: its spec, its fixtures and its behaviours, found by file name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import NamedTuple

from mock_server.derived import carried_out, completions, derive, wrong_note
from mock_server.exchange import Behaviour, NoteCheck, Service
from mock_server.fixtures import Completion, Fixtures, fixtures_folder, load_fixtures, read_keys
from mock_server.messages import Answer
from mock_server.process.limits import DEFAULTS, Limits
from mock_server.spaces import DEFAULT_SPACE, Spaces
from mock_server.spec import Spec, SpecError, load, outside, spec_files
from mock_server.spec.reading.places import BEHAVIOURS
from mock_server.stores import Transaction, open_store
from mock_server.stores.naming import Naming, Namings
from mock_server.stores.opening import MEMORY
from mock_server.stores.state import stored_kind
from mock_server.telephone import ringing


class Vendor(NamedTuple):
    """What the three files of one vendor say: `openapi/x.yaml`, `providers/x.py`, `fixtures/x.yaml`."""

    spec: Spec
    fixtures: Fixtures
    behaviours: Mapping[str, Behaviour]
    completions: Mapping[str, Completion]
    wrong_note: NoteCheck


def provider_names() -> list[str]:
    """The vendors that have a spec, in alphabetical order."""
    return list(spec_files())


def load_vendor(name: str, fixtures: Path | None = None, limits: Limits = DEFAULTS) -> Vendor:
    """The vendor of that name; a file `<name>.yaml` in the `fixtures` folder stands in for the packaged one.

    A file that names no keys keeps the packaged ones, so that the documented keys go on working.
    """
    place = spec_files()[name]
    spec = load(place)
    own = place.parent == outside()
    behaviours, completions, wrong_note = _outside(spec) if own else _module(name, spec)
    file = (place.parent / "fixtures" if own else fixtures_folder()) / f"{name}.yaml"
    loaded = load_fixtures(file, spec, completions) if file.exists() else Fixtures((), {})
    if fixtures is not None and (fixtures / f"{name}.yaml").exists():
        given = load_fixtures(fixtures / f"{name}.yaml", spec, completions)
        loaded = given if given.keys else given._replace(keys=loaded.keys)
    return Vendor(spec, loaded, ringing(spec, behaviours, limits.calls_per_space), completions, wrong_note)


def _own_keys(name: str, folder: Path) -> set[str]:
    """The keys that somebody's own fixtures name and the packaged ones, which everybody knows, do not."""
    packaged, own = (read_keys(file / f"{name}.yaml") for file in (fixtures_folder(), folder))
    return own - packaged


def _module(name: str, spec: Spec) -> tuple[Mapping[str, Behaviour], Mapping[str, Completion], NoteCheck]:
    """What carries out the vendor's operations: its own functions first, else what their contracts say."""
    dotted = f"mock_server.providers.{name}"
    if find_spec(dotted) is None:
        return derive(spec), completions(spec), partial(wrong_note, kinds=spec.records)
    module = import_module(dotted)
    own: Mapping[str, Callable[..., Answer]] = module.BEHAVIOURS
    for operation in own:
        if operation not in spec.operations:
            raise SpecError(spec.file, "", f"{dotted} has a behaviour for {operation!r}, which the spec does not name")
    completing = {**completions(spec), **getattr(module, "COMPLETIONS", {})}
    return carried_out(spec, own), completing, getattr(module, "wrong_note", partial(wrong_note, kinds=spec.records))


def _outside(spec: Spec) -> tuple[Mapping[str, Behaviour], Mapping[str, Completion], NoteCheck]:
    """What carries out the operations of a spec of your own: functions of `--behaviours`, else its contracts."""
    file = os.environ.get(BEHAVIOURS)
    own: Mapping[str, Callable[..., Answer]] = _functions(Path(file)) if file else {}
    mine = {name: function for name, function in own.items() if name in spec.operations}
    if own and not mine:
        known = ", ".join(spec.operations)
        raise SpecError(str(file), "", f"names no operation of {spec.provider} in BEHAVIOURS; there are {known}")
    return carried_out(spec, mine), completions(spec), partial(wrong_note, kinds=spec.records)


def _functions(file: Path) -> Mapping[str, Callable[..., Answer]]:
    """The table `BEHAVIOURS` of a Python file."""
    found = spec_from_file_location(file.stem, file)
    if found is None or found.loader is None or not file.is_file():
        raise SpecError(str(file), "", "is no Python file")
    module = module_from_spec(found)
    try:
        found.loader.exec_module(module)
    except Exception as error:
        raise SpecError(str(file), "", f"cannot be imported: {type(error).__name__}: {error}") from None
    table = getattr(module, "BEHAVIOURS", None)
    if not isinstance(table, Mapping):
        raise SpecError(str(file), "", "has no table BEHAVIOURS of functions by operation")
    return table


def _namings(specs: Iterable[Spec]) -> Namings:
    """By which fields the records of these vendors refer to others."""
    return {
        stored_kind(spec.provider, kind): [Naming(field, link.each) for field, link in shape.links.items()]
        for spec in specs
        for kind, shape in spec.records.items()
        if shape.links
    }


def open_services(
    names: Sequence[str] | None = None,
    *,
    fixtures: Path | None = None,
    accepted_keys: Sequence[str] = (),
    seed: int | None = None,
    store: str = MEMORY,
    limits: Limits = DEFAULTS,
) -> dict[str, Service]:
    """Ready services of the named vendors (all by default), sharing one set of spaces in the store of that address.

    `accepted_keys` may contain `any`. Raises SpecError for a broken spec or fixture, StoreRefused for a store that
    cannot be used.
    """
    vendors = {name: load_vendor(name, fixtures, limits) for name in (names or provider_names())}

    def fill(transaction: Transaction) -> None:
        for vendor in vendors.values():
            vendor.fixtures.fill(transaction, vendor.spec)

    kept = open_store(store, limits)
    kept.refer(_namings([vendor.spec for vendor in vendors.values()]))
    spaces = Spaces(
        kept,
        fill,
        shared_keys=[key for vendor in vendors.values() for key in vendor.fixtures.keys],
        accepted_keys=[key for key in accepted_keys if key != "any"],
        secret_keys=[key for name in vendors if fixtures is not None for key in _own_keys(name, fixtures)],
        accept_any="any" in accepted_keys,
        seed=seed,
        limits=limits,
    )
    spaces.open(DEFAULT_SPACE)
    return {
        name: Service(vendor.spec, vendor.behaviours, spaces, vendor.wrong_note) for name, vendor in vendors.items()
    }
