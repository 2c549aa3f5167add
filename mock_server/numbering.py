"""Telephone numbers: their form, which area codes are real, and numbers that ring nobody."""

from __future__ import annotations

import re
from functools import lru_cache

E164_FORM = re.compile(r"^\+[1-9]\d{6,14}$")
"""E.164 as a matter of form: a plus sign and 7 to 15 digits. The documented examples are not all assigned."""

LINES_PER_AREA = 10_000
_DIRECTORY_ASSISTANCE = 1212
_STRIDE = 7_919
"""Coprime to 10,000: stepping by it visits every line once, in an order that looks random."""


def is_e164(text: object) -> bool:
    return isinstance(text, str) and E164_FORM.match(text) is not None


@lru_cache(maxsize=1_000)
def is_north_american_area(code: str) -> bool:
    """Whether libphonenumber knows these three digits as a geographic area code of the US or Canada."""
    if not (len(code) == 3 and code.isascii() and code.isdigit()):
        return False
    import phonenumbers

    number = phonenumbers.PhoneNumber(country_code=1, national_number=int(code + "5550100"))
    return phonenumbers.number_type(
        number
    ) == phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE and phonenumbers.region_code_for_number(number) in (
        "US",
        "CA",
    )


def fictitious_line(area: str, index: int) -> str | None:
    """The `index`-th number of an area code's 555 exchange, E.164; None for 555-1212, which is real.

    Indices from 0 to 9,999 give every line of the exchange once.
    """
    line = (int(area) * 13 + index * _STRIDE) % LINES_PER_AREA
    return None if line == _DIRECTORY_ASSISTANCE else f"+1{area}555{line:04d}"


def pretty(e164: str) -> str:
    """`+13137316433` as `+1 313-731-6433`; a number of another country unchanged."""
    if len(e164) == 12 and e164.startswith("+1"):
        return f"+1 {e164[2:5]}-{e164[5:8]}-{e164[8:]}"
    return e164
