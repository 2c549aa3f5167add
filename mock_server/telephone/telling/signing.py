"""The header that says who sent a delivery, as each vendor's page words it."""

from __future__ import annotations

import hmac
from hashlib import sha256

from mock_server.spec import Signature


def signed(signature: Signature, body: str, secret: str, milliseconds: int) -> tuple[str, str]:
    """The header's name and value for this body; the hash is HMAC-SHA256 in hexadecimal."""
    known = {"{body}": body, "{ms}": str(milliseconds), "{secret}": secret}
    hashed = hmac.new(secret.encode(), _filled(signature.of, known).encode(), sha256).hexdigest()
    return signature.header, _filled(signature.value, {**known, "{hmac}": hashed})


def _filled(text: str, known: dict[str, str]) -> str:
    # The body last: what it says must not be taken for a mark of ours.
    for mark in ("{secret}", "{ms}", "{hmac}", "{body}"):
        if mark in known:
            text = text.replace(mark, known[mark])
    return text
