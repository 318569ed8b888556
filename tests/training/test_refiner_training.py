"""A toy refiner from its configuration to its use; killed, stopped, short of what it needs; nothing is mocked."""

from __future__ import annotations

import fcntl
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scalemt.cli import cli
from scalemt.errors import InputError, ModelError, PausedError, UsageError
from scalemt.trained import TrainedModels
from scalemt.training.watching import Progress
from training.toy_refiner import Quiet, toy, toy_file

for package in ("torch", "peft", "accelerate", "gguf", "xllamacpp", "tensorboardX"):
    pytest.importorskip(package)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of toy material."""
    made = tmp_path_factory.mktemp("toy")
    toy(made)
    return made


@pytest.fixture(scope="module")
def losses(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, float]:
    """The losses of a training that nothing interrupts."""
    watcher = Quiet()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCALEMT_DATA_DIR", str(tmp_path_factory.mktemp("data")))
        run(folder, tmp_path_factory.mktemp("work"), watcher)
    return watcher.losses


def run(folder: Path, work: Path, watcher: Quiet, **options: object) -> object:
    """Train the toy."""
    from scalemt.training.refiner import train_refiner

    fresh = bool(options.pop("fresh", False))
    return train_refiner(toy(folder, **options), work, watcher, fresh=fresh)


def called(*arguments: str) -> int:
    """Call the command line."""
    code: int = cli.main(list(arguments), standalone_mode=False)
    return code


def test_a_refiner_is_trained_registered_and_used(
    folder: Path, data_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = toy_file(folder)
    code = cli.main(
        ["train", "refiner", str(file), "--work", str(tmp_path / "work"), "--json"], standalone_mode=False
    )
    assert code == 0
    printed = json.loads(capsys.readouterr().out)
    shelf = TrainedModels()
    card, place = shelf.resolve("toy")
    assert printed["folder"] == str(place)
    assert (card.kind, card.backend, card.pairs) == ("generalist", "llamacpp", ("en->pt",))
    assert card.scores["training"]["samples"] == 24
    assert card.scores["training"]["last_loss"] < card.scores["training"]["first_loss"]
    assert card.data["triplets"] == 20
    assert sum(card.data["buckets"].values()) == 20
    assert card.licence.endswith("CC0 (texts)")
    assert "Samples, en->pt" in card.notes
    assert {path.name for path in place.iterdir()} == {
        "adapter.gguf", "refiner.toml", "configuration.toml", "losses.jsonl", "card.json", "README.md",
    }  # fmt: skip
    told = ["--from", "en", "--to", "pt", "--specialist", f"bergamot:{folder / 'student'}", "--generalist", "toy"]
    assert cli.main(
        ["translate", "The box is open.", *told, "--gate", "off", "--json"], standalone_mode=False
    ) in (0, 1)
    signature = json.loads(capsys.readouterr().out)["signature"]
    assert "+lora:" in signature
    assert f"template:{card.settings['template']}" in signature
    assert "demonstrations:fixed0" in signature or "demonstrations:none" in signature


def test_a_killed_training_goes_on_to_the_same_losses(
    folder: Path, losses: dict[int, float], data_folder: Path, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    code = "from scalemt.cli import main; main()"
    command = [sys.executable, "-c", code, "train", "refiner", str(toy_file(folder)), "--work", str(work)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env=os.environ | {"OMP_NUM_THREADS": "1"})
    log = work / "training" / "losses.jsonl"
    deadline = time.monotonic() + 120
    while not (log.exists() and '"step": 3' in log.read_text()) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert (work / "training" / "checkpoint-2" / "whole").exists()
    again = Quiet()
    run(folder, work, again)
    assert again.losses == {step: losses[step] for step in again.losses}
    assert 1 < min(again.losses) <= max(again.losses) == 6
    kept = TrainedModels().folder("toy") / "losses.jsonl"
    told = [json.loads(line) for line in kept.read_text().splitlines()]
    assert [item["step"] for item in told if "loss" in item] == [1, 2, 3, 4, 5, 6]
    assert sorted(path.name for path in work.iterdir()) == ["dev.jsonl", "scalemt.lock", "triplets.jsonl"]


def test_ctrl_c_writes_a_checkpoint_first(
    folder: Path, losses: dict[int, float], data_folder: Path, tmp_path: Path
) -> None:
    from scalemt.training.faults import InterruptedTrainingError

    class Stopping(Quiet):
        def progress(self, told: Progress) -> None:
            super().progress(told)
            if told.step == 3:
                os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(InterruptedTrainingError, match="the same command goes on from it"):
        run(folder, tmp_path, Stopping())
    assert signal.getsignal(signal.SIGINT) is before
    assert TrainedModels().names() == []
    with pytest.raises(UsageError, match="with other settings or other data"):
        run(folder, tmp_path, Quiet(), learning_rate=0.5)
    again = Quiet()
    run(folder, tmp_path, again)
    assert min(again.losses) >= 4
    assert again.losses == {step: losses[step] for step in again.losses}


def test_a_loss_that_is_no_number_ends_the_training(folder: Path, data_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(
        PausedError, match=r"The loss is (nan|inf) at step \d: .*Lower learning_rate \(it is 1e\+30\)"
    ):
        run(folder, tmp_path, Quiet(), learning_rate=1e30)
    assert TrainedModels().names() == []


def test_nothing_to_learn_from_says_what_took_it(folder: Path, data_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Of 20 triplets none can be learnt: 20 more than 16 tokens"):
        run(folder, tmp_path, Quiet(), max_tokens=16)


def test_a_full_disk_keeps_what_was_whole(folder: Path, data_folder: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(mount, check=False).returncode:
        pytest.skip("nobody but root can mount a small disk")
    try:
        with pytest.raises(PausedError, match=r"The disk of .* is full"):
            run(folder, disk, Quiet(), checkpoint_every=1, steps=40)
        assert TrainedModels().names() == []
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.parametrize("architecture", ["gemma3", "llama", "qwen2"])
def test_llama_cpp_scores_as_torch_does_with_the_adapter(architecture: str, tmp_path: Path) -> None:
    import torch

    from scalemt.generalists.llamacpp_adapter import Adapter
    from scalemt.generalists.llamacpp_native import NativeScorer
    from scalemt.training.refiner.configuration import Lora
    from scalemt.training.refiner.exporting import export_adapter
    from scalemt.training.refiner.foundation import adapted, converted
    from training.tiny_gguf import write_tiny

    file = write_tiny(tmp_path / "tiny.gguf", architecture)
    place = converted(file)
    model = adapted(place, Lora(rank=4), precision="float32", seed=0)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.2)  # a fresh adapter changes nothing
    model.eval().save_pretrained(str(tmp_path / "peft"))
    assert export_adapter(tmp_path / "peft", place, tmp_path / "a.gguf") == 2 * 7 * 2
    opening, answer = [1, 300, 301, 302, 303, 304, 305], [310, 320, 330, 340]
    with torch.no_grad():
        logits = torch.log_softmax(model(torch.tensor([opening + answer])).logits[0], -1)
        with model.disable_adapter():
            bare = torch.log_softmax(model(torch.tensor([opening + answer])).logits[0], -1)
    places = list(enumerate(answer, len(opening) - 1))
    wanted, without = (sum(float(table[at, token]) for at, token in places) for table in (logits, bare))
    assert abs(wanted - without) > 0.2
    for scale, expected in ((1.0, wanted), (0.0, without)):
        adapter = Adapter(tmp_path / "a.gguf", scale)
        scorer = NativeScorer(file, threads=1, context=256, rounding="fast", adapter=adapter)
        assert math.isclose(scorer.score(opening, answer), expected, abs_tol=0.05)
        scorer.close()


def test_a_training_that_had_ended_is_not_done_again(folder: Path, data_folder: Path, tmp_path: Path) -> None:
    from scalemt.training.refiner import train_refiner

    (tmp_path / "file").write_text("no folder can be made here")
    (tmp_path / "work").mkdir()
    with (tmp_path / "work" / "scalemt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="Another process works in"):
            train_refiner(toy(folder), tmp_path / "work", Quiet())
    with pytest.raises(UsageError, match="cannot be made: "):
        train_refiner(toy(folder), tmp_path / "file", Quiet())
    with pytest.raises(UsageError, match="cannot be written"):
        train_refiner(toy(folder), tmp_path / "work", Quiet(), shelf=TrainedModels(tmp_path / "file"))
    again = Quiet()
    card, place = train_refiner(toy(folder), tmp_path / "work", again)
    assert again.losses == {}
    assert card.scores["training"]["steps"] == 6
    assert len((place / "losses.jsonl").read_text().splitlines()) == 6


def test_a_folder_without_gguf_is_merged_and_run_by_transformers(
    folder: Path, data_folder: Path, tmp_path: Path
) -> None:
    from scalemt.training.refiner import train_refiner
    from scalemt.training.refiner.foundation import converted
    from training.tiny_gguf import write_tiny

    made = toy(folder, steps=1, measure_every=0)
    base = made.base.model_copy(update={"model": str(converted(folder / "tiny.gguf"))})
    card, place = train_refiner(made.model_copy(update={"base": base}), tmp_path / "work", Quiet())
    assert (card.backend, set(card.paths)) == ("transformers", {"path", "template"})
    assert (place / "model" / "model.safetensors").exists()
    other = base.model_copy(update={"gguf": str(write_tiny(tmp_path / "other.gguf", "llama"))})
    with pytest.raises(ModelError, match=r"other\.gguf cut texts differently"):
        train_refiner(made.model_copy(update={"base": other}), tmp_path / "work", Quiet())


def test_an_adapter_of_another_model_is_refused(folder: Path, tmp_path: Path) -> None:
    from scalemt.generalists.llamacpp import LlamaCppGeneralist

    with pytest.raises(ModelError, match="is no adapter"):
        LlamaCppGeneralist(folder / "tiny.gguf", adapter=folder / "tiny.gguf")
    with pytest.raises(ModelError, match="There is no model file"):
        LlamaCppGeneralist(folder / "tiny.gguf", adapter=tmp_path / "none.gguf")
