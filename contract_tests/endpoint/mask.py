"""Keys taken out of what a server answers, in whatever form it says them back."""

from __future__ import annotations

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from html import escape
from urllib.parse import quote, quote_plus

from contract_tests.words.replies import Reply, reply_of
from contract_tests.words.secrets.discretion import MASK
from mock_server.messages import Json

SHORTEST_SECRET = 8
"""A key with fewer characters is a part of many other words: what is judged keeps it, what is written does not."""


class Mask:
    """Takes secrets out of what a server answers, in whatever form it says them."""

    def __init__(self, secrets: Iterable[str]) -> None:
        long = [secret for secret in secrets if len(secret) >= SHORTEST_SECRET]
        forms = {form for secret in long for form in _forms(secret)}
        inner = {core for secret in long for core in _in_base64(secret)}
        words = [re.escape(form) for form in sorted(forms, key=len, reverse=True)]
        words += [f"[A-Za-z0-9+/_-]*{re.escape(core)}[A-Za-z0-9+/_=-]*" for core in sorted(inner)]
        self._pattern = re.compile("|".join(words), re.IGNORECASE) if words else None
        # The pattern begins with a repetition, which is slow in a long text: these tell whether it is needed.
        self._hints = [form.lower() for form in (*forms, *inner)]

    def reply(self, status: int, headers: Mapping[str, str], content: bytes, flaws: tuple[str, ...] = ()) -> Reply:
        """The reply without any secret."""
        lower = {self.text(name.lower()): self.text(value) for name, value in headers.items()}
        reply = reply_of(status, lower, content, flaws)
        if self._pattern is None:
            return reply
        # Escapes are undone before it is looked for, and only what held a secret is written anew.
        if reply.is_json and (b"\\" in content or self._may_hold(content.decode("utf-8", "replace"))):
            clean = self._node(reply.json)
            if clean != reply.json:
                content = json.dumps(clean, ensure_ascii=False).encode("utf-8", "surrogateescape")
        text = content.decode("utf-8", "surrogateescape")
        clean_text = self.text(text)
        if clean_text == text:
            return reply if content is reply.body else reply_of(status, lower, content, flaws)
        return reply_of(status, lower, clean_text.encode("utf-8", "surrogateescape"), flaws)

    def text(self, text: str) -> str:
        """The text without any secret."""
        return self._pattern.sub(MASK, text) if self._pattern is not None and self._may_hold(text) else text

    def _may_hold(self, text: str) -> bool:
        lower = text.lower()
        return any(hint in lower for hint in self._hints)

    def _node(self, node: Json) -> Json:
        if isinstance(node, dict):
            return {self.text(name): self._node(child) for name, child in node.items()}
        if isinstance(node, list):
            return [self._node(child) for child in node]
        return self.text(node) if isinstance(node, str) else node


def _forms(secret: str) -> set[str]:
    """How a server may say a secret: as it is, escaped for JSON, a URL or HTML, reversed, or in hexadecimal digits."""
    return {
        secret,
        secret[::-1],
        secret.encode().hex(),
        json.dumps(secret)[1:-1],
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        escape(secret),
    }


def _in_base64(secret: str) -> set[str]:
    """What stands in the base64 of any text that holds the secret, whatever comes before and after it."""
    found = set()
    for before in range(3):
        data = b"\0" * before + secret.encode()
        # The first characters also depend on what comes before, the last ones on what comes after.
        for encode in (b64encode, urlsafe_b64encode):
            text = encode(data[: len(data) - len(data) % 3]).decode()
            found.add(text[-(-before * 4 // 3) :])
    return {core for core in found if len(core) >= SHORTEST_SECRET}
