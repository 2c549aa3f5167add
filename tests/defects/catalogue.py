"""All planted defects, and what no defect can be planted for."""

from __future__ import annotations

from tests.defects import beside, derived, edges, interactly, listed, moves, teli, uponai, values, vogent
from tests.defects.planting import Defect

DEFECTS: list[Defect] = [
    *teli.DEFECTS,
    *vogent.DEFECTS,
    *interactly.DEFECTS,
    *uponai.DEFECTS,
    *values.DEFECTS,
    *moves.DEFECTS,
    *edges.DEFECTS,
    *beside.DEFECTS,
    *listed.DEFECTS,
    *derived.DEFECTS,
]

BEYOND = {
    ("uponai", "clear"): "no page says what null or an empty list does; a server that differs is a note",
}
"""Properties of a vendor that only rest on our own decisions, so that no server can break a documented statement."""
