"""What stands behind flags, read: JSON, headers, values to match, what a caller says."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any


def as_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not JSON") from None


def json_or_file(text: str) -> tuple[Any]:
    """The JSON of an argument or of the file it names, in a tuple so that null is not mistaken for nothing."""
    if not text.startswith("@"):
        return (as_json(text),)
    try:
        return (as_json(Path(text[1:]).read_text(encoding="utf-8")),)
    except (OSError, UnicodeDecodeError) as error:
        raise argparse.ArgumentTypeError(f"{text[1:]}: {error}") from None


def header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise argparse.ArgumentTypeError(f"{text!r}: 'Name: value' is needed")
    return name.strip(), value.strip()


def match(text: str) -> tuple[str, Any]:
    """`body.x=5` is the text "5", `body.x:=5` the JSON number."""
    place, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r}: body.x=TEXT or body.x:=JSON is needed")
    return (place[:-1], as_json(value)) if place.endswith(":") else (place, value)


def said(file: str) -> list[dict[str, str]]:
    try:
        lines = (sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise argparse.ArgumentTypeError(f"{file}: {error}") from None
    lines_said = []
    for line in filter(str.strip, lines):
        speaker, colon, text = line.partition(":")
        known = colon and speaker.strip().lower() in ("agent", "caller")
        lines_said.append(
            {"speaker": speaker.strip().lower(), "text": text.strip()} if known else {"speaker": "caller", "text": line}
        )
    return lines_said
