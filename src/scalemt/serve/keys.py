"""API keys: who may call a server, what for, and how much of it.

A key file holds no key, only what tells one again, so that whoever reads it can call nothing. It is written by
`scalemt keys`, and a running server sees each change within a second.
"""

from __future__ import annotations

import hmac
import json
import logging
import os
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from scalemt.errors import ConfigurationError, UnknownNameError
from scalemt.serve.files import locked, write_private
from scalemt.serve.refusals import Forbidden, Unauthorized
from scalemt.serve.settings import Limits

SCOPES = ("translate", "documents", "memory", "memory:write", "glossaries", "evaluate", "metrics")
"""What a key may be good for."""

ANONYMOUS = "anonymous"
"""The name of whoever calls a server that wants no keys; no key has it."""

_LAYOUT = 1
_LOOK_EVERY = 1.0  # seconds between two looks at the file
_PREFIX = "scalemt_"  # by which scanners for secrets that were published by mistake know a key
_SHOWN = len(_PREFIX) + 6  # characters that are kept in the clear: 36 of 256 random bits
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_LIMITS = tuple(item.name for item in fields(Limits))

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who was let in.

    Args:
        name: of the key; usage and glossaries belong to it.
        scopes: some of `SCOPES`.
        limits: what it may ask for.
    """

    name: str
    scopes: frozenset[str]
    limits: Limits

    def require(self, scope: str) -> None:
        """Return if the caller may do what the scope stands for.

        Raises:
            Forbidden: it may not; the message names the scope.
        """
        if scope not in self.scopes:
            raise Forbidden(
                f"The key of {self.name} lacks the scope {scope}. Whoever runs the server can make one that has "
                f"it: scalemt keys add NAME --scope {scope}."
            )


@dataclass(frozen=True, slots=True)
class Key:
    """What is kept of a key.

    Args:
        name: of whoever it was made for; unique in a file.
        digest: SHA-256 of the key, in hexadecimal.
        prefix: its first characters, by which people tell keys apart.
        scopes: some of `SCOPES`, in their order.
        limits: those that differ from the server's, by field of `Limits`.
        created: when it was made.
        expires: from when on it is refused; None is never.
        note: anything else.
    """

    name: str
    digest: str = field(repr=False)
    prefix: str
    scopes: tuple[str, ...]
    limits: Mapping[str, int]
    created: datetime
    expires: datetime | None = None
    note: str = ""

    def is_expired(self, at: float) -> bool:
        """Whether it is refused at a time (seconds since 1970)."""
        return self.expires is not None and at >= self.expires.timestamp()

    def as_json(self) -> dict[str, Any]:
        """Return all but the digest, for people and programs."""
        return {
            "name": self.name,
            "prefix": self.prefix,
            "scopes": list(self.scopes),
            "limits": dict(self.limits),
            "created": _written(self.created),
            "expires": _written(self.expires) if self.expires else None,
            "note": self.note,
        }


class KeyRing:
    """The keys of a file, by which callers are known.

    Args:
        path: of the key file; None lets everybody in, as one anonymous caller who may do all.
        limits: of callers whose key says nothing else.
        create: whether the file may be missing until a key is added.
        clock: seconds, for looking at the file once a second at most.
        now: seconds since 1970, for expiry.

    Raises:
        ConfigurationError: the file is missing, broken, or could be written by others; the message says the mend.
    """

    def __init__(
        self,
        path: Path | None,
        limits: Limits,
        *,
        create: bool = False,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.path = path
        self._limits = limits
        self._clock = clock
        self._now = now
        self._anonymous = Caller(ANONYMOUS, frozenset(SCOPES), limits)
        self._keys: dict[str, tuple[Key, Caller]] = {}
        self._stamp: tuple[int, ...] = ()
        self._looked = clock()
        self._trouble = ""
        if path is not None and not (create and not path.exists()):
            self._load(path)

    def caller(self, secret: str | None) -> Caller:
        """Return whoever a key was made for.

        Args:
            secret: the key as it was sent; None or "" where none was.

        Raises:
            Unauthorized: a key is needed, and none was sent.
            Forbidden: the key is unknown, withdrawn or expired.
        """
        if self.path is None:
            return self._anonymous
        if not secret:
            raise Unauthorized(
                "This server wants an API key, and none was sent. Whoever runs it makes them: scalemt keys add."
            )
        self._look(self.path)
        digest = _digest(secret)
        found = self._keys.get(digest)
        # The look-up finds digests, which tell nothing of a key that comes near; the comparison is exact besides.
        if found is None or not hmac.compare_digest(found[0].digest, digest):
            raise Forbidden(
                "The key is not one of this server, or was withdrawn. Ask whoever runs it for another."
            )
        key, caller = found
        if key.is_expired(self._now()):
            raise Forbidden(f"The key of {key.name} has expired. Ask whoever runs the server for another.")
        return caller

    def named(self, name: str) -> Caller | None:
        """Return the caller of a name, None where its key is gone; for work that an earlier request began."""
        if self.path is None:
            return self._anonymous if name == ANONYMOUS else None
        self._look(self.path)
        return next((caller for key, caller in self._keys.values() if key.name == name), None)

    def entries(self) -> list[Key]:
        """Return what is kept of each key, in the order in which they were made."""
        if self.path is not None:
            self._look(self.path)
        return [key for key, _ in self._keys.values()]

    def add(
        self,
        name: str,
        scopes: Iterable[str],
        limits: Mapping[str, int] | None = None,
        expires: datetime | None = None,
        note: str = "",
    ) -> str:
        """Make a key and return it: nobody can read it anywhere afterwards.

        Args:
            name: of whoever it is for.
            scopes: some of `SCOPES`.
            limits: those that differ from the server's, by field of `Limits`.
            expires: with its time zone; from then on the key is refused.
            note: anything else.

        Raises:
            ConfigurationError: the name is taken or cannot be one, a limit or time makes no sense, or the file
                cannot be written.
            UnknownNameError: a scope or limit that does not exist.
        """
        secret = _PREFIX + secrets.token_urlsafe(32)
        created = datetime.fromtimestamp(int(self._now()), UTC)
        if expires is not None and expires <= created:
            raise ConfigurationError(f"The key would have expired on {_written(expires)}. Give a time to come.")
        key = Key(
            _checked_name(name),
            _digest(secret),
            secret[:_SHOWN],
            _checked_scopes(scopes),
            _checked_limits(limits or {}),
            created,
            expires,
            note,
        )
        with self._changing() as keys:
            if any(other.name == name for other in keys):
                raise ConfigurationError(
                    f"{self.path} holds a key of {name} already. Give another name, or withdraw it first: "
                    f"scalemt keys remove {name}."
                )
            keys.append(key)
        return secret

    def remove(self, name: str) -> None:
        """Withdraw a key.

        Raises:
            UnknownNameError: there is none of that name.
            ConfigurationError: the file cannot be read or written.
        """
        with self._changing() as keys:
            found = [key for key in keys if key.name == name]
            if not found:
                raise UnknownNameError("key", name, [key.name for key in keys])
            keys.remove(found[0])

    @contextmanager
    def _changing(self) -> Iterator[list[Key]]:
        """Give the keys as they stand in the file now, and write what became of them."""
        path = self.path
        if path is None:
            raise ConfigurationError("Without a key file there are no keys to change. Give one with --key-file.")
        try:
            with locked(path):
                if path.exists():
                    self._load(path)
                keys = [key for key, _ in self._keys.values()]
                yield keys
                written = {"version": _LAYOUT, "keys": [{**key.as_json(), "sha256": key.digest} for key in keys]}
                write_private(path, (json.dumps(written, ensure_ascii=False, indent=1) + "\n").encode())
                self._load(path)
        except OSError as fault:
            raise ConfigurationError(
                f"The key file {path} cannot be written: {fault.strerror or fault}."
            ) from None

    def _look(self, path: Path) -> None:
        """Read the file if it changed; if it cannot be used any more, the former keys go on."""
        at = self._clock()
        if at - self._looked < _LOOK_EVERY:
            return
        self._looked = at
        try:
            if _stamp(path.stat()) != self._stamp:
                self._load(path)
                _log.info("The key file %s was read again: %d keys.", path, len(self._keys))
            self._trouble = ""
        except (OSError, ConfigurationError) as fault:
            # The stamp stays as it was: it is tried again each second, but told once.
            if str(fault) != self._trouble:
                _log.error("The key file changed and cannot be used, so the former keys go on. %s", fault)
            self._trouble = str(fault)

    def _load(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                found = os.fstat(file.fileno())
                _check_mode(path, found.st_mode)
                data = file.read()
        except FileNotFoundError:
            raise ConfigurationError(
                f"There is no key file {path}. Make it, and a key, with: scalemt keys add NAME --key-file {path}"
            ) from None
        except OSError as fault:
            raise ConfigurationError(f"The key file {path} cannot be read: {fault.strerror or fault}.") from None
        keys = _parsed(data, path)
        self._keys = {key.digest: (key, self._caller_of(key)) for key in keys}
        self._stamp = _stamp(found)

    def _caller_of(self, key: Key) -> Caller:
        return Caller(key.name, frozenset(key.scopes), replace(self._limits, **key.limits))


def _digest(secret: str) -> str:
    # Keys are 256 random bits, not words that people think of: nobody can try them all, however quick the hash is.
    # NIST SP 800-63B, section 5.1.2.2, wants salt and a slow hash only for secrets of less than 112 bits.
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _stamp(found: os.stat_result) -> tuple[int, ...]:
    # The time of the last change of mode or owner too: the mend of a refused file may be a chmod.
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)


def _check_mode(path: Path, mode: int) -> None:
    if os.name != "posix":
        return
    if mode & 0o022:
        raise ConfigurationError(
            f"The key file {path} can be written by other users (mode {mode & 0o777:o}), who could let themselves "
            f"in. Take that from them: chmod go-w {path}"
        )
    if mode & 0o044:
        _log.warning(
            "The key file %s can be read by other users (mode %o). It holds no keys, but names and limits. "
            "Take that from them: chmod go-r %s",
            path,
            mode & 0o777,
            path,
        )


def _parsed(data: bytes, path: Path) -> list[Key]:
    mend = "Mend it, or put back the last copy that worked."
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as fault:
        raise ConfigurationError(f"The key file {path} is not JSON ({fault}). {mend}") from None
    if (
        not isinstance(content, dict)
        or content.get("version") != _LAYOUT
        or not isinstance(content.get("keys"), list)
    ):
        raise ConfigurationError(
            f'The key file {path} is not of the form {{"version": {_LAYOUT}, "keys": […]}}. {mend}'
        )
    keys: list[Key] = []
    for number, item in enumerate(content["keys"], 1):
        try:
            keys.append(_read_key(item))
        except (ConfigurationError, UnknownNameError) as fault:
            raise ConfigurationError(f"The key file {path}, key {number}: {fault} {mend}") from None
    for part in ("name", "digest"):
        if len({getattr(key, part) for key in keys}) < len(keys):
            raise ConfigurationError(f"The key file {path} holds two keys of the same {part}. {mend}")
    return keys


def _read_key(item: object) -> Key:
    if not isinstance(item, dict):
        raise ConfigurationError("It is no JSON object.")
    texts = {name: item.get(name, "") for name in ("name", "sha256", "prefix", "note")}
    scopes, limits = item.get("scopes"), item.get("limits", {})
    if not all(isinstance(value, str) for value in texts.values()):
        raise ConfigurationError("One of name, sha256, prefix and note is no string.")
    if not re.fullmatch(r"[0-9a-f]{64}", texts["sha256"]):
        raise ConfigurationError("Its sha256 is not 64 hexadecimal digits.")
    if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
        raise ConfigurationError("Its scopes are no list of strings.")
    if not isinstance(limits, dict):
        raise ConfigurationError("Its limits are no JSON object.")
    created = _read_time(item, "created")
    if created is None:
        raise ConfigurationError("It does not say when it was created.")
    return Key(
        _checked_name(texts["name"]),
        texts["sha256"],
        texts["prefix"],
        _checked_scopes(scopes),
        _checked_limits(limits),
        created,
        _read_time(item, "expires"),
        texts["note"],
    )


def _checked_name(name: str) -> str:
    if name == ANONYMOUS or not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{name[:80]!r} cannot be the name of a key. Use up to 64 letters (A to Z), digits and . _ @ -, and "
            f"begin with a letter or digit; {ANONYMOUS} is whoever has no key."
        )
    return name


def _checked_scopes(scopes: Iterable[str]) -> tuple[str, ...]:
    given = set(scopes)
    for scope in sorted(given - set(SCOPES)):
        raise UnknownNameError("scope", scope, SCOPES)
    if not given:
        raise ConfigurationError(f"A key without a scope can do nothing. Choose of: {', '.join(SCOPES)}.")
    return tuple(scope for scope in SCOPES if scope in given)


def _checked_limits(limits: Mapping[str, Any]) -> dict[str, int]:
    for name, value in limits.items():
        if name not in _LIMITS:
            raise UnknownNameError("limit", name, _LIMITS)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
            raise ConfigurationError(f"The limit {name} is {value!r}. Give a whole number; 0 lifts the limit.")
    return {name: limits[name] for name in _LIMITS if name in limits}


def _read_time(item: Mapping[str, Any], name: str) -> datetime | None:
    value = item.get(name)
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise ConfigurationError(f"The time {name} is {value!r}. Write it as 2027-01-31T00:00:00Z.") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
