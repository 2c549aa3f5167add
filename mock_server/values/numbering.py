"""Telephone numbers: their form, which area codes are real, and numbers that ring nobody."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

E164_FORM = re.compile(r"\+[1-9][0-9]{6,14}")
"""E.164 as a matter of form: a plus sign and 7 to 15 digits. The documented examples are not all assigned."""

LINES_PER_AREA = 10_000
_DIRECTORY_ASSISTANCE = 1212
_STRIDE = 7_919
"""Coprime to 10,000: stepping by it visits every line once, in an order that looks random."""


def is_e164(text: object) -> bool:
    return isinstance(text, str) and E164_FORM.fullmatch(text) is not None


def area_country(code: str) -> str | None:
    """`US` or `CA` when libphonenumber knows these three digits as a geographic area code there, else None."""
    # What is remembered must be small: a client may send a mebibyte as its area code.
    return _known_area(code) if len(code) == 3 and code.isascii() and code.isdigit() else None


@lru_cache(maxsize=1_000)
def _known_area(code: str) -> str | None:
    import phonenumbers

    number = phonenumbers.PhoneNumber(country_code=1, national_number=int(code + "5550100"))
    if phonenumbers.number_type(number) != phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE:
        return None
    country = phonenumbers.region_code_for_number(number)
    return country if country in ("US", "CA") else None


def is_north_american_area(code: str) -> bool:
    """Whether these three digits are a geographic area code of the US or Canada."""
    return area_country(code) is not None


def fictitious_line(area: str, index: int) -> str | None:
    """The `index`-th number of an area code's 555 exchange, E.164; None for 555-1212, which is real.

    Indices from 0 to 9,999 give every line of the exchange once.
    """
    line = (int(area) * 13 + index * _STRIDE) % LINES_PER_AREA
    return None if line == _DIRECTORY_ASSISTANCE else f"+1{area}555{line:04d}"


class Block(NamedTuple):
    """Consecutive numbers that ring nobody: `+`, the calling code, the `stem` they share, then `digits` digits."""

    calling_code: str
    stem: str
    digits: int

    @property
    def size(self) -> int:
        return int(10**self.digits)

    def number(self, line: int) -> str:
        """The number at `line` (0 to `size` - 1), E.164."""
        return f"+{self.calling_code}{self.stem}{line:0{self.digits}d}"

    def lines(self, prefix: str) -> range:
        """The lines whose number, without the calling code, begins with `prefix`."""
        if self.stem.startswith(prefix):
            return range(self.size)
        rest = prefix[len(self.stem) :]
        if not (prefix.startswith(self.stem) and rest.isascii() and rest.isdigit() and len(rest) <= self.digits):
            return range(0)
        step = 10 ** (self.digits - len(rest))
        return range(int(rest) * step, (int(rest) + 1) * step)


_DRAMA_STEMS = (
    "1134960 1144960 1154960 1164960 1174960 1214960 1314960 1414960 1514960 1614960 1914980 1632960"
    " 2079460 2896496 2920180 3069990 7700900 8081570 9098790"
).split()
"""Where Ofcom keeps a thousand numbers each for use in TV and radio drama."""


def fictitious_blocks(country: str) -> tuple[Block, ...]:
    """The blocks of a country: 555 exchanges for US and CA, Ofcom's drama ranges for GB, none elsewhere."""
    return _blocks(country) if country in ("CA", "GB", "US") else ()


@lru_cache
def _blocks(country: str) -> tuple[Block, ...]:
    if country == "GB":
        return tuple(Block("44", stem, 3) for stem in _DRAMA_STEMS)
    return tuple(Block("1", f"{area}555", 4) for area in range(200, 1_000) if area_country(str(area)) == country)


def fictitious_place(number: str) -> tuple[Block, int] | None:
    """The block in which a number lies and its line there; None for a number that might ring somebody."""
    digits = number[1:]
    if not (number.startswith("+") and digits.isascii() and digits.isdigit() and len(number) in (12, 13)):
        return None
    if len(number) == 12 and number[1] == "1" and number[5:8] == "555" and is_north_american_area(number[2:5]):
        line = int(number[8:])
        return None if line == _DIRECTORY_ASSISTANCE else (Block("1", number[2:8], 4), line)
    if len(number) == 13 and number.startswith("+44") and number[3:10] in _DRAMA_STEMS:
        return Block("44", number[3:10], 3), int(number[10:])
    return None


def pretty(e164: str) -> str:
    """`+13137316433` as `+1 313-731-6433`; a number of another country unchanged."""
    if len(e164) == 12 and e164.startswith("+1"):
        return f"+1 {e164[2:5]}-{e164[5:8]}-{e164[8:]}"
    return e164
