"""A vendor that uses the words of contracts which none of the four does, and defects in what those words drive.

Its spec is adopted from `tests/adopted/pages.yaml`, and two words are written into it by hand, as a reader would.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from mock_server.adopting import adopt
from mock_server.exchange import Service
from mock_server.messages import Answer, Call
from mock_server.stores import State
from tests.conftest import ROOT
from tests.defects.planting import Defect, Plant, behaviour

NAME = "library"


def write_specs(folder: Path) -> None:
    """Writes the vendor's spec and fixtures."""
    adopted = adopt(ROOT / "tests" / "adopted" / "pages.yaml", NAME)
    document = yaml.safe_load(adopted.spec)
    document["x-records"]["books"]["references"] = {"shelf_id": {"record": "shelves", "deleted": "refuse"}}
    document["x-answers"]["in-use"] = {**document["x-answers"]["wrong-state"], "status": 409}
    shelves, shelf = document["paths"]["/shelves"], document["paths"]["/shelves/{id}"]
    shelves["get"]["x-contract"]["order"] = "newest"
    shelf["delete"]["x-contract"]["in-use"] = "in-use"
    (folder / "fixtures").mkdir()
    (folder / f"{NAME}.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    fixtures = yaml.safe_load(adopted.fixtures)
    fixtures["books"][0].pop("shelf_id", None)
    (folder / "fixtures" / f"{NAME}.yaml").write_text(yaml.safe_dump(fixtures), encoding="utf-8")


def _asked_for(operation: str, **changed: Any) -> Plant:
    """What is asked for is changed on its way: each parameter that was sent becomes what its function makes of it."""

    def act(call: Call, state: State, honest: Any) -> Answer:
        query = {name: changed[name](value) if name in changed else value for name, value in call.query.items()}
        said: Answer = honest(call._replace(query={n: v for n, v in query.items() if v is not None}), state)
        return said

    return behaviour(operation, act)


def _oldest_first(call: Call, state: State, honest: Any) -> Answer:
    said: Answer = honest(call, state)
    return said._replace(body=list(said.body)[::-1])


def _unheard(call: Call, state: State, honest: Any) -> Answer:
    said: Answer = honest(call._replace(body={"label": {**call.body["label"], "text": "text"}}), state)
    return said


def _deleted_all_the_same(service: Service) -> None:
    honest = service.behaviours["deleteShelf"]

    def act(call: Call, state: State) -> Answer:
        held = [book for book in state.all("books") if book.get("shelf_id")]
        for book in held:
            state.put("books", {name: value for name, value in book.items() if name != "shelf_id"})
        said = honest(call, state)
        for book in held:
            state.put("books", book)
        return said

    service.behaviours = {**service.behaviours, "deleteShelf": act}


WORDS = [
    Defect("an offset is not heeded", NAME, "list", _asked_for("listShelves", skip=lambda n: None), "listShelves"),
    Defect("an offset is one too far", NAME, "list", _asked_for("listShelves", skip=lambda n: n + 1), "listShelves"),
    Defect("pages count from 0", NAME, "list", _asked_for("listReaders", page=lambda n: n + 1), "listReaders"),
    Defect(
        "the last row is not heeded",
        NAME,
        "list",
        _asked_for("listBooks", starting_after=lambda key: None),
        "listBooks",
    ),
    Defect("the oldest come first", NAME, "list", behaviour("listShelves", _oldest_first), "listShelves"),
    Defect("what stands inside is lost", NAME, "read-back", behaviour("replaceLabel", _unheard), "replaceLabel"),
    Defect("what is in use is deleted", NAME, "links", _deleted_all_the_same, "deleteShelf"),
]
WORDS = [Defect(one.name, one.provider, one.property, one.plant, one.first, "assumed") for one in WORDS]
