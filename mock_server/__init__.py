"""Ringback's mock server: the phone-number APIs of four voice-AI vendors, stateful and spec-driven."""

__version__ = "0.1.0"
