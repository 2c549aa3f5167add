"""What a page says, as sentences: whatever is markup, menu or white space says nothing."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from html import unescape

LARGEST_BYTES = 4 << 20
_MOST_SENTENCES = 20_000
_BINARY = (b"%PDF", b"PK\x03\x04", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x1f\x8b", b"\x7fELF")
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([A-Za-z0-9_-]{1,40})", re.IGNORECASE)
_HTML = re.compile(r"<(?:!doctype\s+html|html|head|body|article|main|div|p|h[1-6])\b", re.IGNORECASE)
_SILENT = frozenset(("script", "style", "noscript", "template", "svg", "nav", "footer", "aside", "button", "select"))
_BLOCKS = frozenset(
    "address article blockquote body caption dd details div dl dt fieldset figcaption figure form h1 h2 h3 h4 h5 h6"
    " header hr html li main ol p pre section summary table tbody td tfoot th thead title tr ul".split()
)
_ENDS = re.compile(r"(?<=[.!?])\s+(?=[\"'(\[`*_]*[A-Z0-9])")
_ITEM = re.compile(r"\s*(?:[-*+•]\s|\d{1,3}[.)]\s|#{1,6}\s|\||```|[{}\[\]])")
_SPACE = re.compile(r"\s+")
_ATTRIBUTE = re.compile(r"([A-Za-z:-]{1,40})\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s\"'>]+)")
_DEEPEST, _MOST_IN_QUOTES, _LONGEST_QUOTE = 100, 5, 2000
_LONE_HEADING = re.compile(r"^#{1,6}\s+")
IGNORED = (r"(?:last |page )?(?:updated|modified|edited)(?: on| at)?:? .{0,60}", r"was this page helpful\??.*")
"""What changes by itself, as whole sentences."""


class Unreadable(Exception):
    """A page that is no text; the sentence says why."""


class Page:
    """What was read of a page: its title, the address that it gives itself, and its sentences."""

    def __init__(self, content: bytes, charset: str = "") -> None:
        text = decoded(content, charset)
        self.title, self.address = "", ""
        if _HTML.search(text[:20_000]) is not None:
            found = _Shown(text)
            self.title, self.address, text = " ".join(found.title.split()), found.address, "".join(found.said)
        self.sentences = sentences(text)
        if not self.sentences:
            raise Unreadable("has no text in it")
        self.title = self.title or _LONE_HEADING.sub("", self.sentences[0])

    def said(self, ignore: Iterable[str] = ()) -> list[str]:
        """The sentences, but for those that change by themselves."""
        patterns = [re.compile(one, re.IGNORECASE) for one in (*IGNORED, *ignore)]
        return [one for one in self.sentences if not any(pattern.fullmatch(one) for pattern in patterns)]


def decoded(content: bytes, charset: str = "") -> str:
    """The text of a page: by its mark, by the name that it or its server gives, else as UTF-8."""
    if len(content) > LARGEST_BYTES:
        raise Unreadable(f"is larger than {LARGEST_BYTES >> 20} MiB")
    mark = next((name for begins, name in _MARKS.items() if content.startswith(begins)), "")
    if not mark and (content.startswith(_BINARY) or b"\0" in content[:8192]):
        raise Unreadable("is no text; save the page as HTML or as text")
    named = _CHARSET.search(content[:4096])
    name = mark or charset or (named[1].decode() if named else "utf-8")
    try:
        return content.decode(mark or codecs.lookup(name).name)
    except LookupError:
        raise Unreadable(f"names the encoding {name!r}, which nobody knows; save it as UTF-8") from None
    except (UnicodeDecodeError, ValueError) as error:
        where = f" (byte {error.start})" if isinstance(error, UnicodeDecodeError) else ""
        raise Unreadable(f"is not {name.upper()}{where}; save it as UTF-8") from None


def sentences(text: str) -> list[str]:
    """The sentences of a text, each with single spaces: paragraphs run on over the ends of their lines."""
    found: list[str] = []
    for block in _blocks(text):
        for one in _ENDS.split(block):
            said = " ".join(one.split())
            if said and any(char.isalnum() for char in said):
                found.append(said)
            if len(found) > _MOST_SENTENCES:
                raise Unreadable(f"has more than {_MOST_SENTENCES:,} sentences")
    return found


def _blocks(text: str) -> Iterable[str]:
    lines: list[str] = []
    for line in text.replace("\xa0", " ").splitlines():
        if lines and (not line.strip() or _ITEM.match(line)):
            yield " ".join(lines)
            lines = []
        if line.strip():
            lines.append(line)
    if lines:
        yield " ".join(lines)


class _Shown:
    """What a browser would show of a page's main part, its title, and the address that it gives itself.

    Every character is looked at once, whatever is between: what never ends is text, and takes no time.
    """

    def __init__(self, text: str) -> None:
        self.said: list[str] = []
        self.title = ""
        self.address = ""
        self._silent: list[str] = []
        self._exact = 0
        self._in_title = False
        at, lower = 0, text.lower()
        while at < len(text):
            begins = text.find("<", at)
            self._data(text[at:begins] if begins >= 0 else text[at:])
            if begins < 0:
                return
            if text.startswith("<!--", begins):
                ends = text.find("-->", begins + 4)
                self._comment(text[begins + 4 : begins + 500])
                at = ends + 3 if ends >= 0 else len(text)
                continue
            ends = _end_of_tag(text, begins)
            if ends < 0 or not (text[begins + 1].isalpha() or text[begins + 1] in "/!?"):
                self._data("<")
                at = begins + 1 if ends >= 0 else len(text)
                if ends < 0:
                    self._data(text[begins + 1 :])
                continue
            at = ends + 1
            name = self._tag(text[begins + 1 : ends])
            if name in ("script", "style"):
                closes = lower.find(f"</{name}", at)
                at = closes if closes >= 0 else len(text)

    def _data(self, data: str) -> None:
        if self._in_title:
            self.title += unescape(data)
        elif not self._silent and data:
            self.said.append(unescape(data) if self._exact else unescape(_SPACE.sub(" ", data)))

    def _comment(self, said: str) -> None:
        saved = re.match(r"\s*saved from url=\(\d+\)(\S+)", said)
        if saved is not None:
            self.address = self.address or saved[1]

    def _tag(self, said: str) -> str:
        """Takes a tag in; returns its name where it begins something."""
        closing = said.startswith("/")
        name = (_SPACE.split(said[1:100] if closing else said[:100].rstrip("/"), maxsplit=1) or [""])[0].lower()
        if closing:
            if name in self._silent:
                del self._silent[self._silent.index(name) :]
            self._exact -= name == "pre" and self._exact > 0
            self._in_title = False
        else:
            self._exact += name == "pre"
            self._in_title = name == "title"
            if name in _SILENT and not said.endswith("/") and len(self._silent) < _DEEPEST:
                self._silent.append(name)
            if name in ("link", "meta"):
                given = {key.lower(): unescape(value.strip("\"'")) for key, value in _ATTRIBUTE.findall(said[:2000])}
                canonical = given.get("rel", "").lower() == "canonical" and given.get("href")
                own = given.get("property", "").lower() == "og:url" and given.get("content")
                self.address = self.address or canonical or own or ""
        if name in _BLOCKS or name == "br":
            self.said.append("\n\n" if name in _BLOCKS else "\n")
        return "" if closing else name


def _end_of_tag(text: str, begins: int) -> int:
    """Where a tag ends, not within its quotes; -1 for one that does not."""
    ends = text.find(">", begins)
    for _ in range(_MOST_IN_QUOTES):
        if ends < 0 or text.count('"', begins, ends) % 2 == 0:
            return ends
        quote = text.find('"', ends)
        after = text.find(">", quote) if 0 <= quote < ends + _LONGEST_QUOTE else -1
        if after < 0:
            return ends
        ends = after
    return ends
