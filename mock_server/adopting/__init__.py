"""Any OpenAPI file made a spec of ours: what it says is kept, what it means inferred, what is left out told."""

from mock_server.adopting.adopting import Adopted, adopt
from mock_server.adopting.reading import NotAdopted

__all__ = ["Adopted", "NotAdopted", "adopt"]
