"""What happens to a job from outside: a full disk, a locked ledger, changed files and options."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from jobs.desk import OUT, SOURCE, Desk, settled
from jobs.runs import LEDGER, ended, kill, until
from scalemt.jobs import schema
from scalemt.jobs.ledger import Ledger

pytestmark = pytest.mark.slow  # each is a job or several

# The disk and its folders.


@pytest.fixture
def small_disk(desk: Desk) -> Iterator[Path]:
    """A file system of 600 KB that the job is to live on."""
    where = desk.folder / "disk"
    where.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(where)],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        pytest.skip(f"no file system can be mounted here: {made.stderr.strip()}")
    yield where
    subprocess.run(["umount", "-l", str(where)], check=True)


def mounted(where: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(where)], check=True)


@pytest.mark.slow
def test_a_full_disk_pauses_the_job_and_room_completes_it(desk: Desk, small_disk: Path) -> None:
    texts = desk.write(count=240)
    out = "disk/out"
    done = desk.place.run(*desk.arguments(out=out))
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    assert "room on the disk" in done.stderr
    assert f"scalemt job resume {out}" in done.stderr
    assert not desk.has_output(out)
    mounted(small_disk, "size=8m")
    again = desk.place.run("resume", out, timeout=30)
    assert again.returncode == 0, again.stderr
    assert desk.output(out) == [settled(text) for text in texts]
    held = desk.held(out)
    assert (held.states, held.doubled) == ({"done": 240}, 0)


@pytest.mark.slow
def test_a_disk_that_is_full_at_the_end_loses_nothing(desk: Desk, small_disk: Path) -> None:
    """All is translated, and only the output has no room: resuming writes it and asks nobody."""
    texts = desk.write(count=40)
    mounted(small_disk, "size=8m")
    out = "disk/out"
    desk.server.latency = 0.3
    process = desk.place.start(*desk.arguments(out=out))
    until(lambda: desk.server.billing.different > 20, process)
    with (small_disk / "ballast").open("wb") as ballast:
        ballast.write(bytes(4 << 20))
    room = os.statvfs(small_disk)
    ledger = 64 << 10  # what the ledger still needs
    with (small_disk / "more").open("wb") as more:
        more.write(bytes(max(0, room.f_bavail * room.f_bsize - ledger)))
    ended(process)
    (small_disk / "ballast").unlink()
    (small_disk / "more").unlink()
    done = desk.run("resume", out)
    assert done.returncode == 0, done.stderr
    assert desk.output(out) == [settled(text) for text in texts]


def test_a_folder_that_cannot_be_written_is_refused(desk: Desk, small_disk: Path) -> None:
    desk.write(count=2)
    mounted(small_disk, "ro")
    done = desk.go(out="disk/out")
    assert done.returncode == 2
    assert "disk/out cannot be made" in done.stderr
    (desk.folder / "file").write_text("")
    done = desk.go(out="file")
    assert done.returncode == 2
    assert "file" in done.stderr
    assert not desk.server.billing.calls


def test_a_folder_that_turns_read_only_stops_the_job(desk: Desk, small_disk: Path) -> None:
    texts = desk.write(count=4)
    mounted(small_disk, "size=8m")
    desk.server.key = "another"
    assert desk.place.run(*desk.arguments(out="disk/out")).returncode == 3
    mounted(small_disk, "ro")
    done = desk.run("resume", "disk/out")
    assert done.returncode in (2, 3)
    assert "writable" in done.stderr
    assert "Traceback" not in done.stderr
    mounted(small_disk, "rw")
    desk.server.key = ""
    assert desk.run("resume", "disk/out").returncode == 0
    assert desk.output("disk/out") == [settled(text) for text in texts]


# The ledger.


def test_a_locked_ledger_says_so_and_loses_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = desk.write(count=40)
    process = desk.place.start(*desk.arguments())
    desk.server.latency = 0.2
    until(lambda: desk.server.billing.different > 8, process)
    kill(process)
    opening: list[Any] = [schema.connect, Ledger.create, Ledger.open]
    for function in opening:
        monkeypatch.setitem(function.__kwdefaults__, "patience", 0.3)  # a minute is too long for a test
    with closing(sqlite3.connect(desk.folder / OUT / LEDGER, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        done = desk.run("resume", OUT)
        other.execute("ROLLBACK")
    assert done.returncode == 3, done.stderr
    assert "locked" in done.stderr
    assert f"scalemt job resume {OUT}" in done.stderr
    assert "Traceback" not in done.stderr
    desk.server.latency = 0.0
    assert desk.run("resume", OUT).returncode == 0
    assert desk.output() == [settled(text) for text in texts]


def test_no_ledger_no_job(desk: Desk) -> None:
    (desk.folder / "empty").mkdir()
    for verb in ("status", "resume", "cancel", "export", "retry-failed"):
        for folder in ("empty", "nowhere"):
            done = desk.run(verb, folder)
            assert (done.returncode, done.stdout) == (2, "")
            assert f"{folder} holds no job" in done.stderr
            assert "scalemt job run" in done.stderr
            assert "Traceback" not in done.stderr
    assert not (desk.folder / "nowhere").exists()


def test_a_ledger_that_is_none_is_refused(desk: Desk) -> None:
    desk.write(count=2)
    (desk.folder / OUT).mkdir()
    (desk.folder / OUT / LEDGER).write_text("no ledger at all, but a text that is long enough to be one\n" * 40)
    for arguments in (("resume", OUT), ("status", OUT), desk.arguments()):
        done = desk.run(*arguments)
        assert done.returncode == 2
        assert LEDGER in done.stderr
        assert "Traceback" not in done.stderr


def test_a_job_cut_off_while_its_ledger_was_made_begins_anew(desk: Desk) -> None:
    """A kill between opening the file and writing the first row leaves an empty one."""
    texts = desk.write(count=2)
    (desk.folder / OUT).mkdir()
    with closing(sqlite3.connect(desk.folder / OUT / LEDGER)) as file:
        file.execute("PRAGMA journal_mode=WAL")
    done = desk.run("resume", OUT)
    assert done.returncode == 2
    assert "scalemt job run" in done.stderr
    assert desk.go().returncode == 0
    assert desk.output() == [settled(text) for text in texts]


def test_a_job_cut_off_before_its_files_were_noted_is_not_done(desk: Desk) -> None:
    """A kill between making the ledger and noting the files: resuming must not call nothing a success."""
    texts = desk.write(count=2)
    from scalemt.config import load_configuration
    from scalemt.jobs.settings import Settings

    configuration = load_configuration()
    chosen = configuration.profile(None, specialists="phrasebook", generalist="billing", shots=0, gate="checks")
    Ledger.create(desk.folder / OUT, Settings.of(chosen, configuration, "en", "pt")).close()
    done = desk.run("resume", OUT)
    assert done.returncode == 2, done.stderr
    assert "scalemt job run" in done.stderr
    again = desk.go()
    assert again.returncode == 0, again.stderr
    assert desk.output() == [settled(text) for text in texts]


# Files and options.


@pytest.mark.parametrize("change", ["other", "longer", "gone"])
def test_a_changed_input_is_refused_by_name(desk: Desk, change: str) -> None:
    desk.write(count=4)
    desk.server.key = "another"
    assert desk.go().returncode == 3
    desk.server.key = ""
    before = (desk.folder / SOURCE).read_bytes()
    changed = before.swapcase() if change == "other" else before + b"More.\n"
    (desk.folder / SOURCE).write_bytes(changed)
    if change == "gone":
        (desk.folder / SOURCE).unlink()
    told = {"other": "its content is another", "gone": "cannot be read"}.get(change, "bytes and now has")
    commands = (("resume", OUT), desk.arguments()) if change != "gone" else (("resume", OUT),)
    for arguments in commands:
        done = desk.run(*arguments)
        assert done.returncode == 2, done.stderr
        assert SOURCE in done.stderr
        assert told in done.stderr
    assert not desk.server.billing.billed()
    (desk.folder / SOURCE).write_bytes(before)
    assert desk.run("resume", OUT).returncode == 0


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--gate", "off"), "gate was 'checks' and is now 'off'"),
        (("--to", "es"), "target was 'pt' and is now 'es'"),
        (("--shots", "2"), "shots was 0 and is now 2"),
        (("--format", "json"), "format was not set and is now 'json'"),
        (("--specialist", "renewed"), "specialists was"),
    ],
)
def test_other_options_are_refused_by_name(desk: Desk, more: tuple[str, ...], told: str) -> None:
    desk.write(count=4)
    assert desk.go().returncode == 0
    calls = len(desk.server.billing.calls)
    done = desk.go(*more)
    assert done.returncode == 2
    assert told in done.stderr
    assert f"scalemt job resume {OUT}" in done.stderr
    assert len(desk.server.billing.calls) == calls


def test_the_same_command_again_goes_on_and_pays_nothing(desk: Desk) -> None:
    texts = desk.write(count=12)
    assert desk.go().returncode == 0
    done = desk.go()
    assert done.returncode == 0, done.stderr
    assert len(desk.server.billing.calls) == 12
    assert desk.output() == [settled(text) for text in texts]


def test_a_backend_of_another_version_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.write(count=40)
    desk.server.key = "another"
    assert desk.go(specialist="renewed").returncode == 3
    monkeypatch.setenv("JOB_VERSION", "2")
    done = desk.run("resume", OUT)
    assert done.returncode == 2, done.stderr
    assert "phrasebook[test]" in done.stderr
    assert "phrasebook[2]" in done.stderr


def test_a_file_of_no_known_format_is_refused_and_leaves_the_folder_free(desk: Desk) -> None:
    (desk.folder / "source.xyz").write_text("Some text.\n")
    done = desk.go(source="source.xyz")
    assert done.returncode == 2
    assert "source.xyz" in done.stderr
    assert "--format" in done.stderr
    right = desk.go("--format", "txt", source="source.xyz")
    assert right.returncode == 0, right.stderr
    assert desk.has_output(source="source.xyz")
    assert desk.go(source="nothing.txt", out="other").returncode == 2


@pytest.mark.parametrize("content", [b"", b"\n\n", b"---\n***\n"])
def test_an_input_without_text_is_done_at_once(desk: Desk, content: bytes) -> None:
    (desk.folder / SOURCE).write_bytes(content)
    done = desk.go()
    assert done.returncode == 0, done.stderr
    assert (desk.folder / OUT / SOURCE).read_bytes() == content
    assert (desk.status()["state"], desk.status()["segments"]) == ("done", 0)


def test_a_job_is_resumed_from_another_folder(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it wrote stands in its folder, and not under the one in which it was begun."""
    texts = desk.write(count=4)
    desk.server.key = "another"
    assert desk.go().returncode == 3
    desk.server.key = ""
    monkeypatch.chdir(desk.folder.parent)
    done = desk.run("resume", f"{desk.folder.name}/{OUT}")
    assert done.returncode == 0, done.stderr
    assert desk.output() == [settled(text) for text in texts]


def test_a_mistake_that_costs_nothing_leaves_the_folder_free(desk: Desk) -> None:
    texts = desk.write(count=4)
    wrong = desk.go(specialist="nonsense")
    assert wrong.returncode == 2
    assert "nonsense" in wrong.stderr
    right = desk.go()
    assert right.returncode == 0, right.stderr
    assert desk.output() == [settled(text) for text in texts]


def test_a_file_whose_name_is_not_utf8(desk: Desk) -> None:
    texts = desk.write(count=2)
    name = os.fsdecode(b"na\xefve.txt")
    (desk.folder / SOURCE).rename(desk.folder / name)
    done = desk.go(source=name)
    assert done.returncode == 0, done.stderr
    assert desk.output(source=name) == [settled(text) for text in texts]
