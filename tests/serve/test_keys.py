"""API keys: what is kept of them, who is let in, and files that change under a running server."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from scalemt.errors import ConfigurationError, UnknownNameError, UsageError
from scalemt.serve.keys import ANONYMOUS, SCOPES, Caller, KeyRing
from scalemt.serve.refusals import Forbidden, Unauthorized
from scalemt.serve.settings import Limits

LIMITS = Limits(characters=777)


class Time:
    """A clock that stands until it is moved; also seconds since 1970."""

    def __init__(self) -> None:
        self.at = 1_800_000_000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.fixture
def server(path: Path, clock: Time) -> tuple[KeyRing, str]:
    """A running server's ring, and the key of ann."""
    secret = KeyRing(path, LIMITS, create=True).add("ann", ["translate"])
    return KeyRing(path, LIMITS, clock=clock, now=clock), secret


def change(path: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(path.read_text("utf-8"))
    edit(content)
    path.write_text(json.dumps(content), "utf-8")


# What is kept


def test_a_key_is_let_in_and_its_file_does_not_hold_it(path: Path) -> None:
    ring = KeyRing(path, LIMITS, create=True)
    secret = ring.add("ann", ["memory:write", "translate", "translate"], {"monthly": 5, "texts": 0})
    assert re.fullmatch(r"scalemt_[A-Za-z0-9_-]{43}", secret)
    assert ring.caller(secret) == Caller(
        "ann", frozenset({"translate", "memory:write"}), Limits(characters=777, texts=0, monthly=5)
    )
    text = path.read_text("utf-8")
    assert secret not in text
    assert secret.removeprefix("scalemt_") not in text
    assert sha256(secret.encode()).hexdigest() in text
    (entry,) = json.loads(text)["keys"]
    assert entry["prefix"] == secret[:14]
    assert entry["scopes"] == ["translate", "memory:write"]
    assert entry["limits"] == {"texts": 0, "monthly": 5}
    assert sorted(item.name for item in path.parent.iterdir()) == ["keys.json", "keys.json.lock"]


def test_what_is_kept_tells_no_digest(path: Path) -> None:
    ring = KeyRing(path, LIMITS, create=True)
    ring.add("ann", ["translate"], note="Ann's laptop")
    (key,) = ring.entries()
    assert key.digest not in repr(key)
    assert set(key.as_json()) == {"name", "prefix", "scopes", "limits", "created", "expires", "note"}
    assert key.as_json()["note"] == "Ann's laptop"


def test_two_keys_differ(path: Path) -> None:
    ring = KeyRing(path, LIMITS, create=True)
    first, second = ring.add("ann", ["translate"]), ring.add("bob", SCOPES)
    assert first != second
    assert (ring.caller(first).name, ring.caller(second).name) == ("ann", "bob")
    assert [key.name for key in ring.entries()] == ["ann", "bob"]


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")
def test_the_file_is_for_its_owner_alone_whatever_the_umask(path: Path) -> None:
    before = os.umask(0)
    try:
        KeyRing(path, LIMITS, create=True).add("ann", ["translate"])
    finally:
        os.umask(before)
    assert {item.stat().st_mode & 0o777 for item in path.parent.iterdir()} == {0o600}


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only root gives files away")
def test_what_root_changes_stays_with_the_user_of_the_server(path: Path) -> None:
    ring = KeyRing(path, LIMITS, create=True)
    ring.add("ann", ["translate"])
    os.chown(path, 1234, 1234)
    path.chmod(0o640)
    ring.add("bob", ["translate"])
    found = path.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (1234, 1234, 0o640)


def test_a_link_stays_a_link(path: Path) -> None:
    real = path.with_name("real.json")
    path.symlink_to(real)
    KeyRing(path, LIMITS, create=True).add("ann", ["translate"])
    assert path.is_symlink()
    assert [key.name for key in KeyRing(real, LIMITS).entries()] == ["ann"]


def test_an_interrupted_change_leaves_the_file_as_it_was(
    server: tuple[KeyRing, str], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigurationError, match="cannot be written: No space left on device"):
        KeyRing(path, LIMITS).add("bob", ["translate"])
    assert path.read_bytes() == before
    assert sorted(item.name for item in path.parent.iterdir()) == ["keys.json", "keys.json.lock"]


@pytest.mark.slow
def test_processes_that_add_at_once_lose_nothing(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from scalemt.serve.keys import KeyRing; "
        "from scalemt.serve.settings import Limits\n"
        "for n in range(10):\n"
        "    KeyRing(Path(sys.argv[1]), Limits(), create=True).add(f'{sys.argv[2]}{n}', ['translate'])"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(path), name]) for name in "abc"]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert {key.name for key in KeyRing(path, LIMITS).entries()} == {f"{a}{n}" for a in "abc" for n in range(10)}


# Who is let in


def test_without_a_file_everybody_is_one_caller_who_may_do_all() -> None:
    ring = KeyRing(None, LIMITS)
    assert ring.caller(None) == ring.caller("anything") == Caller(ANONYMOUS, frozenset(SCOPES), LIMITS)
    for scope in SCOPES:
        ring.caller(None).require(scope)
    assert ring.entries() == []
    with pytest.raises(ConfigurationError, match="Without a key file"):
        ring.add("ann", ["translate"])


@pytest.mark.parametrize("secret", [None, ""])
def test_no_key(server: tuple[KeyRing, str], secret: str | None) -> None:
    with pytest.raises(Unauthorized, match="wants an API key, and none was sent"):
        server[0].caller(secret)


def test_keys_that_are_refused_are_not_repeated(server: tuple[KeyRing, str], path: Path) -> None:
    ring, secret = server
    digest = sha256(secret.encode()).hexdigest()
    for wrong in (secret[:-1], secret + " ", secret.lower(), digest, "scalemt_", "x" * 100_000, "ß\udc80\0"):
        with pytest.raises(Forbidden) as refused:
            ring.caller(wrong)
        assert wrong not in str(refused.value)
    assert ring.caller(secret).name == "ann"


def test_an_expired_key(path: Path, clock: Time) -> None:
    until = datetime.fromtimestamp(clock.at, UTC) + timedelta(days=1)
    secret = KeyRing(path, LIMITS, create=True, now=clock).add("ann", ["translate"], expires=until)
    ring = KeyRing(path, LIMITS, clock=clock, now=clock)
    clock.at += 86399
    assert ring.caller(secret).name == "ann"
    clock.at += 1
    with pytest.raises(Forbidden, match="key of ann has expired") as refused:
        ring.caller(secret)
    assert secret not in str(refused.value)
    (key,) = ring.entries()
    assert key.is_expired(clock.at)
    assert key.expires == until


def test_a_scope_that_is_missing_is_named(server: tuple[KeyRing, str]) -> None:
    ring, secret = server
    caller = ring.caller(secret)
    caller.require("translate")
    with pytest.raises(Forbidden, match="key of ann lacks the scope memory:write") as refused:
        caller.require("memory:write")
    assert secret not in str(refused.value)


# A running server


def test_a_running_server_sees_changes_within_a_second(
    server: tuple[KeyRing, str], path: Path, clock: Time
) -> None:
    ring, first = server
    second = KeyRing(path, LIMITS).add("bob", ["metrics"])
    clock.at += 0.5
    with pytest.raises(Forbidden):
        ring.caller(second)
    clock.at += 0.5
    assert ring.caller(second).scopes == {"metrics"}
    KeyRing(path, LIMITS).remove("ann")
    clock.at += 1
    with pytest.raises(Forbidden, match="was withdrawn"):
        ring.caller(first)
    assert [key.name for key in ring.entries()] == ["bob"]


def test_limits_that_were_changed_in_the_file_hold(server: tuple[KeyRing, str], path: Path, clock: Time) -> None:
    ring, secret = server
    change(path, lambda content: content["keys"][0]["limits"].update(texts=3))
    clock.at += 1
    assert ring.caller(secret).limits == Limits(characters=777, texts=3)


def test_the_file_is_looked_at_once_a_second_at_most(
    server: tuple[KeyRing, str], clock: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring, secret = server
    looks: list[Path] = []
    real = Path.stat

    def stat(self: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        looks.append(self)
        return real(self, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", stat)
    for _ in range(100):
        ring.caller(secret)
        clock.at += 0.03
    assert len(looks) == 2


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b'{"version": 1, "keys": [{"na'),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"\xff\xfe[]"),
        lambda path: path.write_bytes(b"[" * 100_000),
        lambda path: path.unlink(),
        lambda path: (path.unlink(), path.mkdir()),
        lambda path: path.chmod(0o666),
        lambda path: change(path, lambda content: content["keys"][0].update(scopes=["everything"])),
    ],
    ids=["cut", "empty", "binary", "deep", "gone", "folder", "writable", "unknown scope"],
)
def test_a_file_that_breaks_leaves_the_former_keys_and_is_told_once(
    server: tuple[KeyRing, str],
    path: Path,
    clock: Time,
    caplog: pytest.LogCaptureFixture,
    spoil: Callable[[Path], object],
) -> None:
    ring, secret = server
    good = path.read_bytes()
    spoil(path)
    for _ in range(3):
        clock.at += 1
        assert ring.caller(secret).name == "ann"
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "the former keys go on" in record.getMessage()
    assert secret not in record.getMessage()
    # Mended, it is taken again.
    if path.is_dir():
        path.rmdir()
    path.write_bytes(good)
    path.chmod(0o600)
    other = KeyRing(path, LIMITS).add("bob", ["translate"])
    clock.at += 1
    assert ring.caller(other).name == "bob"


def test_a_mend_of_the_mode_alone_is_seen(server: tuple[KeyRing, str], path: Path, clock: Time) -> None:
    ring, secret = server
    content = path.read_text("utf-8").replace('"ann"', '"eve"')
    path.write_text(content, "utf-8")
    path.chmod(0o620)
    clock.at += 1
    assert ring.caller(secret).name == "ann"
    path.chmod(0o600)
    clock.at += 1
    assert ring.caller(secret).name == "eve"


# Files that no server starts with


def test_a_missing_file_is_no_open_door(path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"There is no key file .*scalemt keys add NAME --key-file"):
        KeyRing(path, LIMITS)


def test_a_file_without_keys_refuses_everybody(server: tuple[KeyRing, str], path: Path) -> None:
    KeyRing(path, LIMITS).remove("ann")
    with pytest.raises(Forbidden):
        KeyRing(path, LIMITS).caller(server[1])


@pytest.mark.parametrize("mode", [0o602, 0o620, 0o666])
def test_a_file_that_others_can_write(server: tuple[KeyRing, str], path: Path, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises(ConfigurationError, match=rf"mode {mode:o}.*chmod go-w {re.escape(str(path))}"):
        KeyRing(path, LIMITS)


def test_a_file_that_others_can_read(
    server: tuple[KeyRing, str], path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.chmod(0o644)
    assert KeyRing(path, LIMITS).caller(server[1]).name == "ann"
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert f"chmod go-r {path}" in record.getMessage()


def _key(**other: object) -> Callable[[dict[str, Any]], object]:
    return lambda content: content["keys"][0].update(other)


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda content: content.update(version=2), 'not of the form {"version": 1'),
        (lambda content: content.update(keys={}), "not of the form"),
        (lambda content: content["keys"].append(7), "key 2: It is no JSON object"),
        (lambda content: content["keys"].append(content["keys"][0]), "two keys of the same name"),
        (
            lambda content: content["keys"].append({**content["keys"][0], "name": "bob"}),
            "two keys of the same digest",
        ),
        (_key(name="../x"), "key 1: '../x' cannot be the name of a key"),
        (_key(name=7), "is no string"),
        (_key(sha256="abc"), "64 hexadecimal digits"),
        (_key(scopes="translate"), "no list of strings"),
        (_key(scopes=[["translate"]]), "no list of strings"),
        (_key(scopes=[]), "can do nothing. Choose of: translate"),
        (_key(scopes=["admin"]), "no scope named 'admin'. Valid choices: documents"),
        (_key(limits=[]), "no JSON object"),
        (_key(limits={"speed": 1}), "no limit named 'speed'. Valid choices: characters"),
        (_key(limits={"texts": True}), "limit texts is True"),
        (_key(limits={"texts": -1}), "limit texts is -1"),
        (_key(limits={"texts": 1.5}), "limit texts is 1.5"),
        (_key(created=None), "when it was created"),
        (_key(created="yesterday"), "time created is 'yesterday'"),
        (_key(expires=20270101), "time expires is 20270101"),
    ],
)
def test_a_broken_file_names_what_is_wrong(
    server: tuple[KeyRing, str], path: Path, edit: Callable[[dict[str, Any]], object], told: str
) -> None:
    change(path, edit)
    with pytest.raises(ConfigurationError) as fault:
        KeyRing(path, LIMITS)
    assert told in str(fault.value)
    assert str(path) in str(fault.value)
    with pytest.raises(ConfigurationError):
        KeyRing(path, LIMITS, create=True).add("new", ["translate"])


def test_a_time_without_zone_is_utc(server: tuple[KeyRing, str], path: Path) -> None:
    change(path, lambda content: content["keys"][0].update(expires="2030-01-01T00:00:00"))
    (key,) = KeyRing(path, LIMITS).entries()
    assert key.expires == datetime(2030, 1, 1, tzinfo=UTC)


# Keys that cannot be made


@pytest.mark.parametrize("name", ["", " ", "a b", "../a", "-a", "a/b", "é", "a" * 65, "a\n", ANONYMOUS])
def test_names_that_cannot_be(path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be the name of a key"):
        KeyRing(path, LIMITS, create=True).add(name, ["translate"])
    assert not path.exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((["admin"],), "no scope named 'admin'"),
        (([],), "without a scope"),
        ((["translate"], {"texts": "1"}), "limit texts is '1'"),
        ((["translate"], {}, datetime(2020, 1, 1, tzinfo=UTC)), "would have expired on 2020-01-01T00:00:00Z"),
    ],
)
def test_what_a_key_cannot_have(path: Path, arguments: tuple[Any, ...], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        KeyRing(path, LIMITS, create=True).add("ann", *arguments)
    assert not path.exists()


def test_a_name_is_taken_once(server: tuple[KeyRing, str], path: Path) -> None:
    ring = KeyRing(path, LIMITS)
    with pytest.raises(ConfigurationError, match="holds a key of ann already"):
        ring.add("ann", ["translate"])
    ring.remove("ann")
    assert ring.caller(ring.add("ann", ["translate"])).name == "ann"
    with pytest.raises(Forbidden):
        ring.caller(server[1])


def test_a_name_that_is_not_there_cannot_be_removed(server: tuple[KeyRing, str], path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"no key named 'bob'\. Valid choices: ann"):
        KeyRing(path, LIMITS).remove("bob")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be written: No such file or directory"):
        KeyRing(tmp_path / "no" / "keys.json", LIMITS, create=True).add("ann", ["translate"])


def test_looking_a_key_up_is_quick(path: Path) -> None:
    ring = KeyRing(path, LIMITS, create=True)
    secret = ring.add("ann", ["translate"])
    began = time.perf_counter()
    for _ in range(1000):
        ring.caller(secret)
    assert time.perf_counter() - began < 1
