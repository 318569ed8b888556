"""The ledger: made once, pinned, written in turns, and clear about what is wrong with it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from jobs.ledgers import settings
from scalemt.config import Configuration, Profile, load_configuration
from scalemt.errors import LedgerError, PausedError
from scalemt.formats import FormatOptions
from scalemt.jobs.answers import LedgerJournal, Limits
from scalemt.jobs.ledger import Ledger
from scalemt.jobs.schema import FILE_NAME, LAYOUT
from scalemt.jobs.settings import Settings
from scalemt.jobs.status import status_of


def test_settings_come_back_as_they_were(tmp_path: Path) -> None:
    profile = Profile(
        method="refine", specialists=("x:arg", "bergamot"), generalist="y", batch=16, options={"a": "b"}
    )
    tables = Configuration(specialists={"x": {"type": "bergamot"}}, generalists={"y": {"type": "openai"}})
    options = FormatOptions(fields=("messages[*].content", "title"), selective="prompt")
    pinned = Settings.of(profile, tables, "eng_Latn", "por", "jsonl", options)
    ledger = Ledger.create(tmp_path, pinned)
    assert ledger.settings == pinned
    assert (pinned.source, pinned.target, pinned.options.source) == ("en", "pt", "en")
    assert ledger.settings.profile.explicit >= {"method", "batch"}
    assert "shots" not in ledger.settings.profile.explicit  # calibration may still choose it


def test_time_outs_keys_and_prices_are_those_of_today(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What changes no translation is not pinned; what does is, and tables that are not used are no concern."""
    monkeypatch.chdir(tmp_path)
    configured = tmp_path / "scalemt.toml"
    table = '[generalists.y]\ntype = "openai"\nurl = "http://127.0.0.1:1/v1"\nmodel = "m"\n'

    def today(more: str) -> Settings:
        configured.write_text(table + more, "utf-8")
        return Settings.of(Profile(generalist="y"), load_configuration(), "en", "pt")

    ledger = Ledger.create(tmp_path / "job", today("timeout = 5.0\nprice_prompt = 1.0\n"))
    begun(ledger)
    other = today("timeout = 9.0\nretries = 2\n[generalists.z]\ntype = 'fake'\n")
    found = Ledger.create(tmp_path / "job", other).settings.configuration.generalists
    assert dict(found["y"]) == {
        "type": "openai", "url": "http://127.0.0.1:1/v1", "model": "m", "timeout": 9.0, "retries": 2,
    }  # fmt: skip
    with pytest.raises(LedgerError, match=r"job: y was [^;]*\. Go on"):
        Ledger.create(tmp_path / "job", today("kind = 'base'\n"))


def test_the_cache_is_used_only_when_asked_for() -> None:
    assert not settings().profile.cache
    assert settings(cache=True).profile.cache


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({}, 512),
        ({"method": "refine"}, 32),
        ({"batch": 7}, 7),
        ({"method": "refine", "batch": 9}, 9),
        ({"method": "terminology"}, 32),
        ({"method": "terminology", "options": {"by": "specialist"}}, 512),
    ],
)
def test_chunks_are_large_where_nobody_is_asked(fields: dict[str, Any], size: int) -> None:
    assert settings(**fields).chunk == size


def test_another_job_is_refused_and_the_difference_named(tmp_path: Path) -> None:
    begun(Ledger.create(tmp_path, settings()))
    Ledger.create(tmp_path, settings()).close()
    with pytest.raises(
        LedgerError, match=r"target was 'pt' and is now 'es'; method was 'draft' and is now 'refine'"
    ):
        Ledger.create(tmp_path, settings("es", method="refine"))


def test_threads_are_not_pinned(tmp_path: Path) -> None:
    begun(Ledger.create(tmp_path, settings(threads=1)))
    assert Ledger.create(tmp_path, settings(threads=3)).settings.profile.threads == 3
    assert Ledger.open(tmp_path).settings.profile.threads == 3


def begun(ledger: Ledger) -> None:
    """Have a job look as if it had paid for something."""
    with ledger.writing() as file:
        file.execute("INSERT INTO answers VALUES (x'00', 'a', 'stop', 1, 1, 1, 0.0, 1, 0, NULL)")


def test_until_something_is_translated_a_job_may_become_another(tmp_path: Path) -> None:
    ledger = Ledger.create(tmp_path, settings())
    ledger.pin("signature", "scalemt:1|specialist:a", "What translates")
    ledger.turn("running")
    other = Ledger.create(tmp_path, settings("es"))
    assert (other.settings.target, other.state, other.get("signature")) == ("es", "reading", None)


def test_a_folder_without_a_job(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"holds no job.*scalemt job run"):
        Ledger.open(tmp_path)


@pytest.mark.parametrize(
    ("content", "told"), [(b"no database", "not a database"), (b"", "cut off while it was made")]
)
def test_a_file_that_is_no_ledger(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(LedgerError, match=told):
        Ledger.open(tmp_path)


def test_a_ledger_of_another_version(tmp_path: Path) -> None:
    Ledger.create(tmp_path, settings()).close()
    with sqlite3.connect(tmp_path / FILE_NAME) as file:
        file.execute(f"PRAGMA user_version={LAYOUT + 1}")
    with pytest.raises(LedgerError, match=f"layout {LAYOUT + 1}, here {LAYOUT}"):
        Ledger.open(tmp_path)


def test_a_ledger_of_the_layout_before_is_brought_up_to_this_one(tmp_path: Path) -> None:
    begun(Ledger.create(tmp_path, settings()))
    with sqlite3.connect(tmp_path / FILE_NAME) as file:
        file.execute("ALTER TABLE answers DROP COLUMN thought")
        file.execute("PRAGMA user_version=1")
    file.close()
    ledger = Ledger.open(tmp_path)
    assert LedgerJournal(ledger, Limits()).find([b"\0"], 1)[b"\0"].text == "a"
    assert ledger.rows("PRAGMA user_version") == [(LAYOUT,)]
    Ledger.open(tmp_path).close()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(LedgerError, match="cannot be made"):
        Ledger.create(tmp_path / "file" / "job", settings())


def test_all_or_nothing_is_written(tmp_path: Path) -> None:
    ledger = Ledger.create(tmp_path, settings())

    def write() -> None:
        with ledger.writing():
            ledger.tally({"done": 3})
            ledger.turn("paused", "why")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write()
    assert ledger.tallies() == {}
    assert ledger.state == "reading"


def test_a_locked_ledger_pauses_the_job_and_loses_nothing(tmp_path: Path) -> None:
    ledger = Ledger.create(tmp_path, settings(), patience=0.05)
    with sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(PausedError, match="Another process has been writing"):
            ledger.tally({"done": 1})
        assert ledger.tallies() == {}  # reading goes on meanwhile
        other.execute("ROLLBACK")
    ledger.tally({"done": 1})
    assert ledger.tallies() == {"done": 1}


def test_a_pinned_value_stays(tmp_path: Path) -> None:
    ledger = Ledger.create(tmp_path, settings())
    ledger.pin("signature", "scalemt:1|specialist:a|gate:off", "What translates")
    ledger.pin("signature", "scalemt:1|specialist:a|gate:off", "What translates")
    with pytest.raises(LedgerError, match=r"What translates changed .* was specialist:a and is now specialist:b"):
        ledger.pin("signature", "scalemt:1|specialist:b|gate:off", "What translates")


def test_the_status_of_a_job_that_nobody_works_on(tmp_path: Path) -> None:
    ledger = Ledger.create(tmp_path, settings())
    ledger.tally({"segments": 5, "done": 2, "failed": 1, "origin draft": 2, "prompt_tokens": 30, "cost": 0.5})
    found = status_of(ledger)
    assert (found.state, found.segments, found.waiting, found.tokens, found.cost) == ("interrupted", 5, 2, 30, 0.5)
    assert found.origins == {"draft": 2}
    assert found.as_json()["waiting"] == 2
