"""Answers chosen instead of the behaviour's: by the request's preference, a rule of its space, a magic value."""

from mock_server.choosing.chooser import NOTHING_CHOSEN, Choice, Chooser
from mock_server.choosing.preferences import BadPreference
from mock_server.choosing.stubbing import stubbed

__all__ = ["NOTHING_CHOSEN", "BadPreference", "Choice", "Chooser", "stubbed"]
