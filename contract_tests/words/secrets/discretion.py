"""Keys kept out of what is written down: whole or in part, however short, whoever said them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from contract_tests.words.findings import Finding, Outcome
from mock_server.messages import Json

MASK = "***"
SHORTEST_PART = 8
"""So many characters of a key in a row are taken out; fewer are a part of many other words."""


class Discretion:
    """Takes keys out of texts that a person or a machine will read: what is judged is not touched.

    Each part of a key of eight characters or more is taken out wherever it stands; a key that is itself shorter only
    where it stands as a word.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        known = sorted({secret for secret in secrets if secret}, key=len, reverse=True)
        self._long = [secret for secret in known if len(secret) >= SHORTEST_PART]
        short = [re.escape(secret) for secret in known if len(secret) < SHORTEST_PART]
        self._short = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(short)})(?![A-Za-z0-9])") if short else None

    def text(self, text: str) -> str:
        """The text without any key."""
        for secret in self._long:
            text = _without(text, secret)
        return self._short.sub(MASK, text) if self._short is not None else text

    def node(self, node: Json) -> Json:
        """A JSON value without any key."""
        if isinstance(node, dict):
            return {self.text(name): self.node(child) for name, child in node.items()}
        if isinstance(node, list | tuple):
            return [self.node(child) for child in node]
        return self.text(node) if isinstance(node, str) else node

    def finding(self, finding: Finding) -> Finding:
        """A finding without any key."""
        if not self._long and self._short is None:
            return finding
        return replace(
            finding,
            request=self.text(finding.request),
            at=self.text(finding.at),
            message=self.text(finding.message),
            expected=self.node(finding.expected),
            actual=self.node(finding.actual),
            curl=self.text(finding.curl),
            steps=tuple(map(self.text, finding.steps)),
            answer=self.text(finding.answer),
            look=self.text(finding.look),
        )

    def outcome(self, outcome: Outcome) -> Outcome:
        """An outcome without any key."""
        return replace(
            outcome,
            reason=self.text(outcome.reason),
            findings=list(map(self.finding, outcome.findings)),
            notes=list(map(self.finding, outcome.notes)),
        )


def _without(text: str, secret: str) -> str:
    """The text without the secret, and without any part of it that is long enough to tell something."""
    last = len(secret) - SHORTEST_PART + 1
    parts = {secret[at : at + SHORTEST_PART] for at in range(last)}
    if not any(part in text for part in parts):
        return text
    hidden = bytearray(len(text))
    for part in parts:
        at = text.find(part)
        while at >= 0:
            hidden[at : at + SHORTEST_PART] = b"\1" * SHORTEST_PART
            at = text.find(part, at + 1)
    found, before = [], 0
    for char, mark in zip(text, hidden, strict=True):
        if not mark:
            found.append(char)
        elif not before:
            found.append(MASK)
        before = mark
    return "".join(found)
