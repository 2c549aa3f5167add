"""The shapes of ids that vendors hand out, made from the space's clock and chance."""

from __future__ import annotations

from datetime import datetime
from random import Random

_VERSION_4 = 0x4 << 76 | 0x2 << 62
"""What a UUID says of its version and its variant."""
_FREE = (1 << 128) - 1 ^ (0xF << 76 | 0x3 << 62)
"""The bits of a UUID that say nothing."""


def uuid4(random: Random) -> str:
    """A version 4 UUID, as in `4d051118-c116-4923-8ff4-1a9761115fec`."""
    digits = f"{random.getrandbits(128) & _FREE | _VERSION_4:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def hexadecimal(random: Random, digits: int) -> str:
    """That many lower-case hexadecimal digits."""
    return f"{random.getrandbits(4 * digits):0{digits}x}"


def epoch_x_digits(now: datetime, random: Random) -> str:
    """13 digits of milliseconds, `x`, 18 digits: `1762896364768x389173798861431550`."""
    return f"{int(now.timestamp() * 1000):013d}x{random.randrange(10**17, 10**18)}"


def object_id(now: datetime, random: Random) -> str:
    """24 hexadecimal digits, the first eight being the time in seconds: `1f7b1b1b1b1b1b1b1b1b1b1b`."""
    return f"{int(now.timestamp()):08x}{hexadecimal(random, 16)}"
