"""`scalemt keys`."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from scalemt.cli.keys import command
from scalemt.errors import ConfigurationError, UnknownNameError, UsageError
from scalemt.serve.keys import SCOPES, KeyRing
from scalemt.serve.settings import Limits


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Invoke a command in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def invoke(name: str, *arguments: str) -> Result:
        return CliRunner().invoke(command, (name, *arguments, "--key-file", "keys.json"), standalone_mode=False)

    return invoke


def shown(done: Result) -> Any:
    assert done.exception is None, done.exception
    return json.loads(done.stdout)


def test_add_prints_the_key_alone_on_standard_output(call: Callable[..., Result]) -> None:
    done = call("add", "ann")
    assert done.return_value == 0
    secret = done.stdout.removesuffix("\n")
    caller = KeyRing(Path("keys.json"), Limits()).caller(secret)
    assert (caller.name, caller.scopes) == ("ann", frozenset({"translate", "documents", "glossaries"}))
    assert caller.limits == Limits()
    assert done.stderr == "The key of ann, which is shown this once (translate, documents, glossaries):\n"


def test_add_with_everything(call: Callable[..., Result]) -> None:
    flags = ("--scope", "evaluate", "--scope", "memory", "--limit", "characters=10000", "--limit", "monthly=0")
    told = shown(call("add", "bob", *flags, "--expires", "2090-01-31", "--note", "Böb", "--json"))
    assert {name: told[name] for name in ("name", "scopes", "limits", "expires", "note")} == {
        "name": "bob",
        "scopes": ["memory", "evaluate"],
        "limits": {"characters": 10000, "monthly": 0},
        "expires": "2090-02-01T00:00:00Z",
        "note": "Böb",
    }
    caller = KeyRing(Path("keys.json"), Limits(monthly=7)).caller(told["key"])
    assert (caller.limits.characters, caller.limits.monthly) == (10000, 0)


def test_add_all_scopes(call: Callable[..., Result]) -> None:
    assert shown(call("add", "root", "--scope", "all", "--json"))["scopes"] == list(SCOPES)


def test_a_time_from_now(call: Callable[..., Result]) -> None:
    told = shown(call("add", "ann", "--expires", "30d", "--json"))
    ahead = datetime.fromisoformat(told["expires"]) - datetime.now(UTC)
    assert timedelta(days=30, seconds=-60) < ahead <= timedelta(days=30)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--scope", "admin"), "no scope named 'admin'"),
        (("--limit", "speed=3"), "no limit named 'speed'"),
        (("--limit", "texts"), "--limit is 'texts'; expected a name and a number"),
        (("--limit", "texts=-3"), "expected a name and a number"),
        (("--limit", "texts=" + "9" * 30), "expected a name and a number"),
        (("--limit", "texts=" + "9" * 17), "Give a whole number"),
        (("--expires", "soon"), "--expires is 'soon'; expected a day such as 2027-01-31"),
        (("--expires", "2027-13-01"), "expected a day"),
        (("--expires", "9999-12-31"), "expected a day"),
        (("--expires", "999999999w"), "expected a day"),
        (("--expires", "2020-01-01"), "would have expired on 2020-01-02T00:00:00Z"),
        (("--expires", "0d"), "would have expired"),
    ],
)
def test_add_refuses_what_it_cannot_use(call: Callable[..., Result], flags: tuple[str, ...], told: str) -> None:
    done = call("add", "ann", *flags)
    assert isinstance(done.exception, UsageError)
    assert told in str(done.exception)
    assert done.stdout == ""
    assert not Path("keys.json").exists()


def test_a_name_is_given_once(call: Callable[..., Result]) -> None:
    call("add", "ann")
    done = call("add", "ann")
    assert isinstance(done.exception, ConfigurationError)
    assert "scalemt keys remove ann" in str(done.exception)
    assert done.stdout == ""


def test_list_shows_no_key(call: Callable[..., Result]) -> None:
    secret = call("add", "ann", "--limit", "characters=10000", "--note", "red \x1b[31m").stdout.strip()
    other = call("add", "bob", "--scope", "metrics", "--expires", "2090-01-31").stdout.strip()
    done = call("list")
    assert done.return_value == 0
    first, second = done.stdout.splitlines()
    assert first == f"ann  {secret[:14]}…  translate, documents, glossaries; characters 10,000  red ␛[31m"
    assert second == f"bob  {other[:14]}…  metrics; until 2090-02-01T00:00:00Z"
    rows = [json.loads(line) for line in call("list", "--json").stdout.splitlines()]
    assert [row["name"] for row in rows] == ["ann", "bob"]
    assert all(
        value not in line for line in call("list", "--json").stdout.splitlines() for value in (secret, other)
    )
    assert all("sha256" not in row and "key" not in row for row in rows)


def test_list_marks_expired_keys(call: Callable[..., Result]) -> None:
    call("add", "ann", "--expires", "1d")
    text = Path("keys.json").read_text("utf-8")
    (told,) = [json.loads(line) for line in call("list", "--json").stdout.splitlines()]
    Path("keys.json").write_text(text.replace(told["expires"], "2021-01-01T00:00:00Z"), "utf-8")
    assert call("list").stdout.endswith("until 2021-01-01T00:00:00Z  EXPIRED\n")


def test_remove(call: Callable[..., Result]) -> None:
    call("add", "ann")
    call("add", "bob")
    assert call("remove", "ann").stdout == "Withdrew the key of ann.\n"
    assert shown(call("remove", "bob", "--json")) == {"removed": "bob"}
    assert call("list").stdout == ""
    done = call("remove", "ann")
    assert isinstance(done.exception, UnknownNameError)


@pytest.mark.parametrize("name", ["list", "remove"])
def test_a_file_that_is_not_there(call: Callable[..., Result], name: str) -> None:
    done = call(name, *(["ann"] if name == "remove" else []))
    assert isinstance(done.exception, ConfigurationError)
    assert "There is no key file keys.json. Make it, and a key, with: scalemt keys add NAME" in str(done.exception)
    assert list(Path().iterdir()) == []
