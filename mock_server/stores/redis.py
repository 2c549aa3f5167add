"""Spaces in Redis or Valkey: processes of several hosts work on them. Whatever is done to a space is one script.

All keys of a space have its name as their hash tag, so that a cluster keeps them on one node.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from secrets import randbits
from typing import Any, TypeVar
from urllib.parse import urlsplit

from mock_server.process.limits import DEFAULTS, Limits
from mock_server.stores.backends import (
    CHANGED,
    JOURNAL_STEP,
    KEPT,
    REMEMBERED,
    REMEMBERED_BYTES,
    Change,
    News,
    Proposal,
    Reply,
    decoded,
)
from mock_server.stores.protocols import StoreFailed, StoreRefused, StoreUncertain

log = logging.getLogger("ringback")

Result = TypeVar("Result")

FORMAT = 1
"""The version of the stored form, kept under `rb:format`."""

OLDEST = 7
"""The first Redis whose scripts may do what ours do; every Valkey may."""
_CONNECT_SECONDS = 2.0
_ANSWER_SECONDS = 10.0
_LOOK_SECONDS = 0.5
_LATE_NANOSECONDS = 200_000_000
"""So late an entry of another process may be kept after it was numbered."""
_BELL, _SIZES = "rb:bell", "rb:sizes"
_ROWS_AT_ONCE = 1_000
_SNAPSHOTS, _AWAKE, _SPACES, _FORMAT = "rb:snapshots", "rb:awake", "rb:spaces", "rb:format"

# Of a space: its version, journal and world (meta), its documents, the last sequence numbers of its kinds, the changes
# that led to this version, its journal, and who has a lease.
_PARTS = ("meta", "rows", "lasts", "log", "journal", "lease")

_NEWS = """
local function news(since)
  local version = tonumber(redis.call('HGET', KEYS[1], 'version') or '0')
  local behind = version - since
  if behind == 0 then return {string.format('%.0f', version), {}} end
  if behind > 0 and behind <= redis.call('LLEN', KEYS[4]) then
    return {string.format('%.0f', version), redis.call('LRANGE', KEYS[4], -behind, -1)}
  end
  if version == 0 then return {'0', {}} end
  return {string.format('%.0f', version), false, redis.call('HGETALL', KEYS[2]), redis.call('HGETALL', KEYS[3]),
    redis.call('HGET', KEYS[1], 'world')}
end
"""

_LOAD = _NEWS + "return news(tonumber(ARGV[1]))"

_COMMIT = (
    _NEWS
    + """
local at = 0
local function next() at = at + 1 return ARGV[at] end
local expected, token, first, moves, mode = next(), next(), next(), next(), next()
local version = redis.call('HGET', KEYS[1], 'version') or '0'
if expected ~= '-1' then
  local holder = redis.call('GET', KEYS[6])
  if holder and holder ~= token then return {'taken'} end
  if version ~= expected then return {'changed', news(tonumber(expected))} end
elseif version == '0' then return {'kept', '0'} end
if token ~= '' then redis.call('DEL', KEYS[6]) end
if mode == 'gone' then
  redis.call('DEL', unpack(KEYS))
  return {'kept', '0'}
end
if moves == '1' then
  if version == '0' then
    version = first
    redis.call('HSET', KEYS[1], 'version', first, 'born', first)
  else
    version = string.format('%.0f', redis.call('HINCRBY', KEYS[1], 'version', 1))
  end
  if mode == 'whole' then redis.call('DEL', KEYS[2], KEYS[3]) end
  local world, change = next(), next()
  if world ~= '' then redis.call('HSET', KEYS[1], 'world', world) end
  if change ~= '' then
    redis.call('RPUSH', KEYS[4], change)
    redis.call('LTRIM', KEYS[4], -tonumber(next()), -1)
  else
    redis.call('DEL', KEYS[4])
    next()
  end
  for _ = 1, tonumber(next()) do redis.call('HSET', KEYS[3], next(), next()) end
  for _ = 1, tonumber(next()) do redis.call('HDEL', KEYS[2], next()) end
  for _ = 1, tonumber(next()) do redis.call('HSET', KEYS[2], next(), next()) end
end
local most, most_bytes = tonumber(next()), tonumber(next())
local moment, count = tonumber(next()), tonumber(next())
for _ = 1, count do
  local number = math.max(moment, tonumber(redis.call('HGET', KEYS[1], 'number') or '0') + 1)
  number = string.format('%.0f', number)
  local entry = '[' .. number .. ',' .. string.sub(next(), 2)
  redis.call('HSET', KEYS[1], 'number', number)
  redis.call('ZADD', KEYS[5], number, entry)
  redis.call('HINCRBY', KEYS[1], 'bytes', #entry)
end
if count > 0 then
  -- Who hears it looks twice, so that it need not ring for each.
  if math.abs(moment - tonumber(redis.call('HGET', KEYS[1], 'rung') or '0')) > 5000 then
    redis.call('HSET', KEYS[1], 'rung', string.format('%.0f', moment))
    redis.call('PUBLISH', 'rb:bell', '')
  end
  local bytes = tonumber(redis.call('HGET', KEYS[1], 'bytes'))
  local kept = redis.call('ZCARD', KEYS[5])
  while kept > 0 and (kept > most or bytes > most_bytes) do
    bytes = redis.call('HINCRBY', KEYS[1], 'bytes', -#redis.call('ZPOPMIN', KEYS[5])[1])
    kept = kept - 1
  end
end
return {'kept', version}
"""
)

_SHORTEN = """
local entries = redis.call('ZPOPMIN', KEYS[5], ARGV[1])
local bytes = 0
for at = 1, #entries, 2 do bytes = bytes + #entries[at] end
return redis.call('HINCRBY', KEYS[1], 'bytes', -bytes)
"""

_CLEAR = "redis.call('DEL', KEYS[5]) return redis.call('HSET', KEYS[1], 'bytes', 0)"

_LEASE = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""

_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"

_REST = (
    "if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then return redis.call('HDEL', KEYS[1], ARGV[1]) end return 0"
)


class RedisBackend:
    """The Redis, Valkey or cluster at an address; raises StoreRefused for one that cannot be used."""

    at_once = 16
    """Each waits for an answer of the service most of its time."""
    spans_spaces = False
    """In a cluster each space is on one node."""

    def __init__(self, address: str, limits: Limits = DEFAULTS) -> None:
        self.address = _without_password(address)
        self.problem: str | None = None
        self._limits = limits
        self._failed_at = 0.0
        self._keys: dict[str, list[str]] = {}
        self._stopped = threading.Event()
        try:
            import redis
        except ImportError:
            raise StoreRefused(
                f"{self.address}: the package redis is missing; `pip install 'ringback[redis]'` brings it"
            ) from None
        self._redis = redis
        try:
            self._client = _client(redis, address)
            self._look()
        except (redis.RedisError, OSError, ValueError) as error:
            raise StoreRefused(f"{self.address}: {_said(error)}") from None
        self._scripts = {
            text: self._client.register_script(text)
            for text in (_LOAD, _COMMIT, _SHORTEN, _CLEAR, _LEASE, _RELEASE, _REST)
        }
        self._looker = threading.Thread(target=self._watch, name="redis", daemon=True)
        self._looker.start()

    def _look(self) -> None:
        """Whether it can be used at all."""
        told = self._client.info("server") if not _is_cluster(self._client) else self._client.info(
            "server", target_nodes=self._client.get_primaries()[0]
        )  # fmt: skip
        version = str(told.get("redis_version", "0"))
        if "valkey_version" not in told and int(version.partition(".")[0]) < OLDEST:
            raise StoreRefused(f"{self.address}: Redis {version}; Redis {OLDEST} or newer, or Valkey, is needed")
        self._client.set(_FORMAT, FORMAT, nx=True)
        kept = int(self._client.get(_FORMAT) or 0)
        if kept > FORMAT:
            raise StoreRefused(
                f"{self.address}: used by a newer Ringback (format {kept}, this one knows {FORMAT}); upgrade,"
                f" or name another database"
            )
        # A replica can be read, and takes nothing.
        self._client.set("rb:probe", 1, px=1000)

    def _watch(self) -> None:
        """Looks, when there was a problem, whether it is over."""
        while not self._stopped.wait(_LOOK_SECONDS):
            if self.problem is None:
                continue
            try:
                self._client.set("rb:probe", 1, px=1000)
            except (self._redis.RedisError, OSError) as error:
                self._failed(error)
            else:
                log.warning("%s takes changes again", self.address)
                self.problem = None

    # --- spaces ---------------------------------------------------------------------------------

    def load(self, space: str, since: int) -> News:
        return _news(self._run(_LOAD, self._of(space), [since]))

    def commit(self, proposals: Sequence[Proposal], token: str) -> Sequence[Reply]:
        replies: list[Reply] = []
        for proposal in proposals:
            replies.append(self._commit(proposal, token))
            if replies[-1].outcome != KEPT:
                break
        return replies

    def _commit(self, proposal: Proposal, token: str) -> Reply:
        space, version, change = proposal
        mode = "gone" if change.gone else "whole" if change.whole else ""
        moves = change.moves and not change.gone
        said: list[Any] = [version, token, randbits(48) + 1, int(moves), mode]
        if moves:
            text = b"" if change.whole else change.encoded()
            if len(text) > REMEMBERED_BYTES:
                text = b""
            said += [change.world or b"", text, REMEMBERED, len(change.lasts)]
            for kind, last in change.lasts.items():
                said += [kind, last]
            said.append(len(change.deleted))
            said += [f"{kind}\0{id}" for kind, id in change.deleted]
            said.append(len(change.written))
            for kind, id, sequence, document in change.written:
                said += [f"{kind}\0{id}", b"%d:%b" % (sequence, document)]
        said += [self._limits.journal_entries_per_space, self._limits.journal_bytes_per_space]
        said += [time.time_ns() // 1000, len(change.entries)]
        said += change.entries
        if version == 0 and moves:
            self._do(lambda: self._client.zadd(_SPACES, {space: time.time()}))
        answer = self._run(_COMMIT, self._of(space), said)
        outcome = answer[0].decode()
        if outcome == KEPT:
            if change.gone:
                self._do(lambda: self._client.zrem(_SPACES, space))
                self._do(lambda: self._client.hdel(_AWAKE, space))
                self._do(lambda: self._client.hdel(_SIZES, space))
            return Reply(KEPT, News(int(answer[1]), ()))
        return Reply(outcome, _news(answer[1]) if outcome == CHANGED else News(0, ()))

    def lease(self, space: str, token: str, seconds: float) -> bool:
        return bool(self._run(_LEASE, self._of(space)[5:], [token, int(seconds * 1000)]))

    def release(self, space: str, token: str) -> None:
        self._run(_RELEASE, self._of(space)[5:], [token])

    def spaces(self) -> dict[str, float]:
        rows = self._do(lambda: self._client.zrange(_SPACES, 0, -1, withscores=True))
        return {name.decode(): used for name, used in sorted(rows)}

    def use(self, names: Mapping[str, float]) -> None:
        if names:
            self._do(lambda: self._client.zadd(_SPACES, dict(names), xx=True, gt=True))

    def total(self, sizes: Mapping[str, int]) -> int:
        # The length of each one's journal is told beside, so that nobody has to ask for all of them.
        told = {name: (size, self._journal_bytes(name)) for name, size in sizes.items()}
        self._say(told)
        return sum(size for size, _ in self._told().values())

    def _journal_bytes(self, space: str) -> int:
        return int(self._do(lambda: self._client.hget(self._of(space)[0], "bytes")) or 0)

    def _say(self, told: Mapping[str, tuple[int, int]]) -> None:
        if told:
            rows = {name: b"%d %d" % pair for name, pair in told.items()}
            self._do(lambda: self._client.hset(_SIZES, mapping=rows))

    def _told(self) -> dict[str, tuple[int, int]]:
        """How many bytes of documents, and of its journal, each space has, as somebody said last."""
        rows, there = self._do(lambda: self._client.hgetall(_SIZES)), self.spaces()
        parted = ((name.decode(), said.partition(b" ")) for name, said in rows.items())
        return {name: (int(size), int(length)) for name, (size, _, length) in parted if name in there}

    def shorten_journals(self) -> None:
        told = self._told()
        while sum(length for _, length in told.values()) > self._limits.journal_bytes:
            longest = max(told, key=lambda name: told[name][1])
            length = self._journal_bytes(longest)
            # Another process may be at it too.
            if length >= told[longest][1]:
                length = int(self._run(_SHORTEN, self._of(longest), [JOURNAL_STEP]))
            told[longest] = (told[longest][0], length)
            self._say({longest: told[longest]})

    def untouched(self, space: str) -> bool:
        version, born = self._do(lambda: self._client.hmget(self._of(space)[0], "version", "born"))
        return bool(version == born)

    # --- journals -------------------------------------------------------------------------------

    def entries(self, space: str, after: int, limit: int) -> list[bytes]:
        key = self._of(space)[4]
        found: list[bytes] = self._do(lambda: self._client.zrangebyscore(key, f"({after}", "+inf", 0, limit))
        return found

    def last_entry(self, space: str) -> int:
        return int(self._do(lambda: self._client.hget(self._of(space)[0], "number")) or 0)

    def entry_count(self, space: str) -> int:
        return int(self._do(lambda: self._client.zcard(self._of(space)[4])))

    def settled(self) -> int:
        # Each process numbers by its own clock, and before what it sends has arrived.
        return (time.time_ns() - _LATE_NANOSECONDS) // 1000

    def listen(self, ring: Callable[[], None]) -> Callable[[], None]:
        stopped = threading.Event()

        def hear(bell: Any) -> None:
            bell.subscribe(_BELL)
            while not stopped.is_set():
                if bell.get_message(timeout=_LOOK_SECONDS) is not None:
                    ring()

        def watch() -> None:
            while not stopped.is_set():
                # While the service is away nothing rings.
                with suppress(self._redis.RedisError, OSError), self._client.pubsub() as bell:
                    hear(bell)
                stopped.wait(_LOOK_SECONDS)

        threading.Thread(target=watch, name="bell", daemon=True).start()
        return stopped.set

    def clear_entries(self, space: str) -> None:
        if self._do(lambda: self._client.hget(self._of(space)[0], "version")):
            self._run(_CLEAR, self._of(space), [])

    # --- snapshots and the telephone ------------------------------------------------------------

    def snapshots(self) -> list[tuple[str, bytes, int]]:
        rows = self._do(lambda: self._client.hgetall(_SNAPSHOTS))
        found = []
        for name, told in sorted(rows.items()):
            size, _, head = told.partition(b" ")
            found.append((name.decode(), head, int(size)))
        return found

    def snapshot(self, name: str) -> bytes | None:
        found: bytes | None = self._do(lambda: self._client.get(f"rb:snapshot:{name}"))
        return found

    def keep_snapshot(self, name: str, snapshot: bytes | None) -> None:
        if snapshot is None:
            self._do(lambda: self._client.hdel(_SNAPSHOTS, name))
            self._do(lambda: self._client.delete(f"rb:snapshot:{name}"))
            return
        head = b"%d %b" % (len(snapshot), snapshot.partition(b"\n")[0])
        self._do(lambda: self._client.set(f"rb:snapshot:{name}", snapshot))
        self._do(lambda: self._client.hset(_SNAPSHOTS, name, head))

    def awake(self) -> dict[str, str]:
        rows = self._do(lambda: self._client.hgetall(_AWAKE))
        return {name.decode(): mark.decode() for name, mark in rows.items()}

    def wake(self, space: str, mark: str) -> None:
        self._do(lambda: self._client.hset(_AWAKE, space, mark))

    def rest(self, space: str, mark: str) -> None:
        self._run(_REST, [_AWAKE], [space, mark])

    # --- the service ----------------------------------------------------------------------------

    def _of(self, space: str) -> list[str]:
        return [f"rb:{{{space}}}:{part}" for part in _PARTS]

    def _run(self, script: str, keys: list[str], said: list[Any]) -> Any:
        return self._do(lambda: self._scripts[script](keys=keys, args=said))

    def _do(self, work: Callable[[], Result]) -> Result:
        if self.problem is not None and time.monotonic() - self._failed_at < _LOOK_SECONDS * 2:
            # Whoever waited for a service that does not answer would keep all others waiting.
            raise StoreFailed(f"{self.address}: {self.problem}")
        try:
            return work()
        except (self._redis.RedisError, OSError) as error:
            self._failed(error)
            # What Redis refuses in words it has not done.
            kind = StoreFailed if isinstance(error, self._redis.ResponseError) else StoreUncertain
            raise kind(f"{self.address}: {_said(error)}") from None

    def _failed(self, error: Exception) -> None:
        if self.problem is None:
            log.error("%s: %s; changes are refused until it takes them again", self.address, _said(error))
        self.problem, self._failed_at = _said(error), time.monotonic()

    def close(self) -> None:
        self._stopped.set()
        self._looker.join()
        self._client.close()


def _client(redis: Any, address: str) -> Any:
    # A change that may have arrived must not be sent again: it would be made twice.
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    how = {
        "socket_connect_timeout": _CONNECT_SECONDS,
        "socket_timeout": _ANSWER_SECONDS,
        "retry": Retry(NoBackoff(), 0),
    }
    scheme, _, rest = address.partition("://")
    if scheme.endswith("+cluster"):
        return redis.RedisCluster.from_url(f"{scheme.removesuffix('+cluster')}://{rest}", **how)
    if scheme == "unix":
        how.pop("socket_connect_timeout")
    return redis.Redis.from_url(address, **how)


def _is_cluster(client: Any) -> bool:
    return hasattr(client, "get_primaries")


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:300].rstrip(".") or type(error).__name__


def _without_password(address: str) -> str:
    try:
        parts = urlsplit(address)
        host = parts.netloc.rpartition("@")[2]
        return f"{parts.scheme}://{host}{parts.path}"
    except ValueError:
        return address.partition("://")[0] + "://"


def _news(answer: list[Any]) -> News:
    version, changes, *whole = answer
    if changes is not None:
        return News(int(version), [decoded(change) for change in changes])
    rows, lasts, world = whole
    written = []
    for field, row in zip(rows[::2], rows[1::2], strict=True):
        kind, _, id = field.decode().partition("\0")
        sequence, _, document = row.partition(b":")
        written.append((kind, id, int(sequence), document))
    given = {kind.decode(): int(last) for kind, last in zip(lasts[::2], lasts[1::2], strict=True)}
    return News(int(version), (Change(written, (), given, world, whole=True),))
