"""Answers chosen instead of the behaviour's: by the request's preference, a rule of its space, a magic value."""

from mock_server.choosing.chooser import Choice, Chooser
from mock_server.choosing.preferences import BadPreference
from mock_server.choosing.stubbing import stubbed

__all__ = ["BadPreference", "Choice", "Chooser", "stubbed"]
