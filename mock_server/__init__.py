"""Ringback's mock server: the phone-number APIs of four voice-AI vendors, stateful and spec-driven."""

from ringback import __version__ as __version__
