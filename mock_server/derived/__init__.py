"""What a contract says, carried out: creates, reads, updates, deletes, lists, searches, transitions without Python.

`derive` compiles every operation whose contract says enough into one function `(call, state) -> Answer`.
"""

from mock_server.derived.deriving import Derived, carried_out, completions, derive, refines
from mock_server.derived.issued import wrong_note

__all__ = ["Derived", "carried_out", "completions", "derive", "refines", "wrong_note"]
