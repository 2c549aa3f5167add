"""All planted defects."""

from __future__ import annotations

from tests.defects import teli
from tests.defects.planting import Defect

DEFECTS: list[Defect] = [*teli.DEFECTS]
