"""Pages of the vendors' documentation, fetched: http and https only, so many bytes, so many seconds."""

from __future__ import annotations

import queue
from threading import Thread
from typing import NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from mock_server import __version__


class NotFetched(Exception):
    """A page did not come; the sentence says why. `gone` tells that its server says that it is not there."""

    def __init__(self, why: str, *, gone: bool = False, everywhere: bool = False, late: bool = False) -> None:
        super().__init__(why)
        self.gone = gone
        self.everywhere = everywhere
        """Nothing of that host will come."""
        self.late = late


class Fetched(NamedTuple):
    """What came: the content, and the encoding that the server names."""

    content: bytes
    charset: str


class _Redirects(HTTPRedirectHandler):
    """Follows a few times, and to http and https only."""

    max_redirections = 5

    def redirect_request(self, req, fp, code, msg, headers, newurl):  # type: ignore[no-untyped-def]
        """The request to follow with; none where it leads elsewhere."""
        if urlsplit(newurl).scheme not in ("http", "https"):
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def fetch(address: str, seconds: float, largest: int) -> Fetched:
    """What stands at an address; NotFetched where it does not come whole in that time, or is larger."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise NotFetched(f"{address!r} is no web address; http:// or https:// is needed")
    done: queue.Queue[Fetched | NotFetched] = queue.Queue()
    # A server that sends a byte now and then is never late; the clock is kept here.
    Thread(target=lambda: done.put(_answer(address, seconds, largest)), daemon=True).start()
    try:
        found = done.get(timeout=seconds)
    except queue.Empty:
        raise NotFetched(f"did not come within {seconds:g} s", late=True) from None
    if isinstance(found, NotFetched):
        raise found
    return found


def _answer(address: str, seconds: float, largest: int) -> Fetched | NotFetched:
    asked = Request(address, headers={"User-Agent": f"ringback/{__version__}", "Accept": "text/html, text/*;q=0.9"})  # noqa: S310
    try:
        with build_opener(_Redirects).open(asked, timeout=seconds) as reply:
            content = reply.read(largest + 1)
            if len(content) > largest:
                return NotFetched(f"is larger than {largest >> 20} MiB")
            return Fetched(content, reply.headers.get_content_charset() or "")
    except HTTPError as error:
        if 300 <= error.code < 400:
            return NotFetched("is redirected too often, or to what is no web address")
        return NotFetched(f"answers {error.code}", gone=error.code in (404, 410))
    except URLError as error:
        return NotFetched(f"cannot be reached: {error.reason}", everywhere=True)
    except Exception as error:  # Whatever a server makes of HTTP.
        return NotFetched(f"does not answer as a web server: {type(error).__name__}")
