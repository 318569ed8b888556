"""A student is fine-tuned, written, registered and used; killed, it goes on as if nothing had happened."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scalemt.errors import PausedError, UsageError
from scalemt.specialists.bergamot import BergamotSpecialist
from scalemt.trained import TrainedModels
from scalemt.training.bergamot import FineTuned, FineTuning, fine_tune
from scalemt.training.bergamot.writing import Student
from scalemt.training.faults import InterruptedTrainingError
from scalemt.training.watching import Progress, Silent
from scalemt.types import Pair
from training.students import task

pytest.importorskip("transformers", reason="the extra 'training' is not installed")
pytestmark = pytest.mark.slow


class Curve(Silent):
    """Keeps the losses, and does something at a step."""

    def __init__(self, at: int = 0, then: Callable[[], Any] = lambda: None) -> None:
        self.losses: dict[int, float] = {}
        self._at, self._then = at, then

    def progress(self, told: Progress) -> None:
        self.losses[told.step] = told.loss
        if told.step == self._at:
            self._then()


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> FineTuning:
    return task(tmp_path_factory.mktemp("student"))


@pytest.fixture(scope="module")
def whole(settings: FineTuning, tmp_path_factory: pytest.TempPathFactory) -> tuple[FineTuned, Curve]:
    folder, curve = tmp_path_factory.mktemp("whole"), Curve()
    return fine_tune(settings, folder / "work", shelf=TrainedModels(folder / "models"), watcher=curve), curve


def weights(made: FineTuned) -> bytes:
    (path,) = made.folder.glob("model*.bin")
    return path.read_bytes()


def test_it_is_registered_with_what_it_was_made_of(whole: tuple[FineTuned, Curve], settings: FineTuning) -> None:
    made, curve = whole
    card = made.card
    assert (card.shown, card.backend, card.pairs) == ("toy:1", "bergamot", ("en->pt",))
    assert card.parent == settings.base
    assert card.scores["dev"]["after"]["chrf++"] > card.scores["dev"]["before"]["chrf++"]
    assert card.scores["general"]["pairs"] == 1
    assert card.data["1: corpus.tsv"]["learnt from"] == 20  # 24, of which dev holds 4
    assert curve.losses[12] < curve.losses[3]
    assert not list(made.folder.parent.parent.parent.glob("work"))
    specialist = BergamotSpecialist(**card.options_in(made.folder))
    assert specialist.draft(["The ferry is blue."], Pair("en", "pt"))[0][0].text
    assert card.scores["signature"].startswith("bergamot[en-pt;")
    assert (made.folder / "history.jsonl").stat().st_size
    assert list((made.folder / "logs").iterdir())
    assert "toy:1" in (made.folder / "README.md").read_text("utf-8")


def test_the_shortlist_allows_what_was_learnt(whole: tuple[FineTuned, Curve]) -> None:
    told = whole[0].card.data["shortlist"]
    assert told["entries added"] > 0
    assert told["corpora, after"]["tokens cut off"] < told["corpora, before"]["tokens cut off"]


def test_killed_it_goes_on_to_the_same_losses_and_the_same_weights(
    whole: tuple[FineTuned, Curve], settings: FineTuning, tmp_path: Path
) -> None:
    shelf, work = TrainedModels(tmp_path / "models"), tmp_path / "work"
    child = os.fork()
    if not child:
        fine_tune(settings, work, shelf=shelf, watcher=Curve(9, lambda: os.kill(os.getpid(), signal.SIGKILL)))
        os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert shelf.names() == []
    curve = Curve()
    made = fine_tune(settings, work, shelf=shelf, watcher=curve)
    assert set(curve.losses) == {9, 12}
    assert curve.losses == {step: whole[1].losses[step] for step in curve.losses}
    assert weights(made) == weights(whole[0])


def test_an_interruption_waits_for_the_step_and_other_settings_are_refused(
    whole: tuple[FineTuned, Curve], settings: FineTuning, tmp_path: Path
) -> None:
    shelf, work = TrainedModels(tmp_path / "models"), tmp_path / "work"
    with pytest.raises(InterruptedTrainingError, match="goes on from it"):
        fine_tune(settings, work, shelf=shelf, watcher=Curve(3, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    other = settings.model_copy(update={"seed": 2})
    with pytest.raises(UsageError, match="--fresh"):
        fine_tune(other, work, shelf=shelf)
    assert weights(fine_tune(settings, work, shelf=shelf)) == weights(whole[0])
    assert shelf.versions("toy") == [1]


def test_stopped_early_and_killed_before_it_was_registered_it_is_registered_as_it_was(tmp_path: Path) -> None:
    settings, work = task(tmp_path, steps=40, every=1, patience=1, rate=0.5), tmp_path / "work"
    shelf, curve = TrainedModels(tmp_path / "models"), Curve()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainedModels, "adding", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            fine_tune(settings, work, shelf=shelf, watcher=curve)
    last = max(curve.losses)
    assert last < 40
    again = Curve()
    made = fine_tune(settings, work, shelf=shelf, watcher=again)
    assert again.losses == {}
    assert made.card.settings["best step"] <= last


def _interrupted(self: TrainedModels, name: str) -> Any:
    raise KeyboardInterrupt


def test_a_batch_that_is_too_large_is_told_with_one_that_fits(tmp_path: Path) -> None:
    with pytest.raises(
        PausedError, match=r"not enough memory for batches of 4 pairs.*Batches of 1 fit, as was tried"
    ):
        _spoil(task(tmp_path), tmp_path, _greedy)


def test_a_full_disk_pauses_and_is_gone_on_from(
    whole: tuple[FineTuned, Curve], settings: FineTuning, tmp_path: Path
) -> None:
    shelf, work = TrainedModels(tmp_path / "models"), tmp_path / "work"
    write, left = Student.write, iter(range(3))

    def full(self: Student, *args: Any) -> None:
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Student, "write", full)
        with pytest.raises(PausedError, match=r"is full.*checkpoint of step 9 is whole"):
            fine_tune(settings, work, shelf=shelf)
    assert weights(fine_tune(settings, work, shelf=shelf)) == weights(whole[0])


def test_a_loss_that_is_no_number_pauses(tmp_path: Path) -> None:
    spoilt = task(tmp_path, rate=0.9)
    with pytest.raises(PausedError, match=r"Lower rate \(it is 0\.9\)") as caught:
        _spoil(spoilt, tmp_path, lambda loss, rows: loss * float("nan"))
    assert "--fresh" in str(caught.value)
    assert TrainedModels(tmp_path / "models").names() == []


def _greedy(loss: Any, rows: int) -> Any:
    if rows > 1:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")
    return loss


def _spoil(settings: FineTuning, folder: Path, how: Callable[[Any, int], Any]) -> None:
    from scalemt.training.bergamot.twin import Twin

    right = Twin.forward

    def wrong(self: Twin, source: Any, mask: Any, labels: Any) -> dict[str, Any]:
        return {"loss": how(right(self, source, mask, labels)["loss"], len(source))}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Twin, "forward", wrong)
        fine_tune(settings, folder / "work", shelf=TrainedModels(folder / "models"))
