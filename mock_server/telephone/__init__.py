"""The telephone of a space: calls with a life that its clock moves, and who picks up when a number rings."""

from mock_server.telephone.campaigning.conducting import reminded
from mock_server.telephone.line.calls import STATES, CallLimit, shown
from mock_server.telephone.line.facts import facts
from mock_server.telephone.line.fates import OUTCOMES
from mock_server.telephone.line.keeping import BadCalls, export_calls, import_calls, read_calls, wrong_campaigns
from mock_server.telephone.serving import ringing
from mock_server.telephone.switchboard import (
    DEFAULT_CALLER,
    AmbiguousNumber,
    NoSuchCall,
    NoSuchNumber,
    NotLive,
    Switchboard,
)
from mock_server.telephone.telling.announcing import written
from mock_server.telephone.telling.courier import Courier
from mock_server.telephone.telling.destinations import Destination

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
