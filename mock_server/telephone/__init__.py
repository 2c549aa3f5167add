"""The telephone of a space: calls with a life that its clock moves, and who picks up when a number rings."""

from mock_server.telephone.announcing import written
from mock_server.telephone.calls import STATES, CallLimit, shown
from mock_server.telephone.conducting import reminded
from mock_server.telephone.courier import Courier
from mock_server.telephone.destinations import Destination
from mock_server.telephone.facts import facts
from mock_server.telephone.fates import OUTCOMES
from mock_server.telephone.keeping import BadCalls, export_calls, import_calls, read_calls, wrong_campaigns
from mock_server.telephone.serving import ringing
from mock_server.telephone.switchboard import (
    DEFAULT_CALLER,
    AmbiguousNumber,
    NoSuchCall,
    NoSuchNumber,
    NotLive,
    Switchboard,
)

__all__ = [
    "DEFAULT_CALLER",
    "OUTCOMES",
    "STATES",
    "AmbiguousNumber",
    "BadCalls",
    "CallLimit",
    "Courier",
    "Destination",
    "NoSuchCall",
    "NoSuchNumber",
    "NotLive",
    "Switchboard",
    "export_calls",
    "facts",
    "import_calls",
    "read_calls",
    "reminded",
    "ringing",
    "shown",
    "written",
    "wrong_campaigns",
]
