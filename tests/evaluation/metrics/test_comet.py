"""COMET and COMETKiwi: equal to unbabel-comet called directly, and clear about what is missing."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
from pathlib import Path

import pytest

from evaluation.metrics.neural_models import NeuralModels
from scalemt.errors import BackendError, ConfigurationError, InputError, ModelError
from scalemt.evaluation.metrics import build_metric
from scalemt.evaluation.metrics.comet import COMET, COMETKiwi, find_checkpoint
from scalemt.evaluation.systems import Output, System, TestSet

CHECKPOINT = Path("checkpoints") / "model.ckpt"


def copied(neural: NeuralModels, name: str, folder: Path) -> Path:
    """A model that a test may spoil, with its encoder beside it."""
    shutil.copytree(neural.folder / name, folder / name)
    shutil.copytree(neural.folder / "tiny-xlm-roberta", folder / "tiny-xlm-roberta")
    return folder / name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("comet:tiny-comet-da", "comet"),
        ("cometkiwi:tiny-cometkiwi-da", "kiwi"),
        ("comet:tiny-unified", "unified"),
        ("cometkiwi:tiny-unified", "unified-alone"),
    ],
)
def test_scores_equal_the_library_called_directly(spec: str, expected: str, neural: NeuralModels) -> None:
    finished: list[int] = []
    metric = neural.metric(spec)
    measured = metric.measure(neural.system, neural.test_set, finished.append)
    direct = neural.expected[expected]
    assert max(direct) - min(direct) > 0.5
    assert (measured.segments / 100.0).tolist() == pytest.approx(direct, abs=1e-4)
    mean = sum(direct) / len(direct)
    assert metric.score(measured.statistics.sum(0)[None])[0] == pytest.approx(100.0 * mean, abs=1e-2)
    assert sum(finished) == len(direct)


@pytest.mark.slow
def test_the_checkpoint_file_is_as_good_as_its_folder(neural: NeuralModels) -> None:
    folder = neural.folder / "tiny-comet-da"
    by_folder, by_file = COMET(str(folder)), COMET(str(folder / CHECKPOINT))
    assert by_folder.signature == by_file.signature
    assert by_folder.signature.startswith("model:tiny-comet-da|sha256:")
    assert "|ref:first|scale:100|unbabel-comet:2." in by_folder.signature
    assert " " not in by_folder.signature
    kiwi = COMETKiwi(str(neural.folder / "tiny-cometkiwi-da")).signature
    assert "|ref:none|" in kiwi


@pytest.mark.slow
def test_scores_depend_on_neither_order_nor_number(neural: NeuralModels) -> None:
    metric = neural.metric("cometkiwi:tiny-cometkiwi-da")
    repeated = neural.samples[::-1] * 10  # more than one chunk
    test_set = TestSet("many", tuple(row["src"] for row in repeated))
    finished: list[int] = []
    system = System("a", tuple(Output(row["mt"]) for row in repeated))
    segments = metric.measure(system, test_set, finished.append).segments / 100.0
    assert segments.tolist() == pytest.approx(neural.expected["kiwi"][::-1] * 10, abs=1e-4)
    assert sum(finished) == 150
    assert len(finished) > 1


@pytest.mark.slow
def test_the_first_of_several_references_counts(neural: NeuralModels) -> None:
    metric = neural.metric("comet:tiny-comet-da")
    one = neural.test_set
    two = TestSet("two", one.sources, (*one.references, ("nada",) * len(one)))
    found = [metric.measure(neural.system, test_set).segments.tolist() for test_set in (one, two)]
    assert found[0] == found[1]
    swapped = metric.measure(
        neural.system, TestSet("swapped", one.sources, two.references[::-1])
    ).segments.tolist()
    assert swapped != found[0]


@pytest.mark.slow
def test_kiwi_does_without_references_and_comet_does_not(neural: NeuralModels) -> None:
    alone = TestSet("alone", neural.test_set.sources)
    kiwi = neural.metric("cometkiwi:tiny-cometkiwi-da")
    assert len(kiwi.measure(neural.system, alone).segments) == len(alone)
    with pytest.raises(InputError, match="COMET needs references"):
        neural.metric("comet:tiny-comet-da").measure(neural.system, alone)


@pytest.mark.slow
def test_a_model_of_the_other_kind_is_refused(neural: NeuralModels) -> None:
    with pytest.raises(ModelError, match="looks at no reference: measure it as cometkiwi:FOLDER"):
        COMET(str(neural.folder / "tiny-cometkiwi-da"))
    with pytest.raises(ModelError, match="needs references: measure it as comet:FOLDER"):
        COMETKiwi(str(neural.folder / "tiny-comet-da"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("hparams", "told"),
    [
        ("class_identifier: ranking_metric\n", "is a 'ranking_metric'.*Valid choices: regression_metric"),
        ("- 1\n- 2\n", "does not hold named values"),
        ("class_identifier: [\n", "failed on"),
        ("class_identifier: !!python/object/apply:os.getcwd []\n", "failed on"),
        ("", "does not hold named values"),
    ],
)
def test_a_strange_description_is_refused(hparams: str, told: str, neural: NeuralModels, tmp_path: Path) -> None:
    folder = copied(neural, "tiny-comet-da", tmp_path)
    (folder / "hparams.yaml").write_text(hparams)
    with pytest.raises(ModelError, match=told):
        COMET(str(folder))


@pytest.mark.slow
def test_a_missing_encoder_is_named_with_its_place(neural: NeuralModels, tmp_path: Path) -> None:
    folder = copied(neural, "tiny-comet-da", tmp_path)
    shutil.rmtree(tmp_path / "tiny-xlm-roberta")
    with pytest.raises(ModelError) as caught:
        COMET(str(folder)).measure(neural.system, neural.test_set)
    assert "the encoder tiny-xlm-roberta" in str(caught.value)
    assert f"--local-dir {tmp_path / 'tiny-xlm-roberta'}" in str(caught.value)


class Trap:
    """Leaves a folder behind when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.mark),)


@pytest.mark.slow
def test_code_in_a_checkpoint_is_not_run(neural: NeuralModels, tmp_path: Path) -> None:
    folder = copied(neural, "tiny-comet-da", tmp_path)
    (folder / CHECKPOINT).write_bytes(pickle.dumps({"state_dict": Trap(tmp_path / "sprung")}, protocol=2))
    with pytest.raises(ModelError, match="unbabel-comet failed on"):
        COMET(str(folder)).measure(neural.system, neural.test_set)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.slow
def test_a_killed_process_is_reported(neural: NeuralModels) -> None:
    metric = COMET(str(neural.folder / "tiny-comet-da"))
    os.kill(metric._worker.pid, signal.SIGKILL)
    with pytest.raises(BackendError, match="ended by SIGKILL, as the kernel does when memory runs out"):
        metric.measure(neural.system, neural.test_set)


# What needs no library.


@pytest.mark.parametrize(
    ("spec", "repository", "encoder"),
    [
        ("comet", "Unbabel/wmt22-comet-da", "/models/xlm-roberta-large"),
        ("cometkiwi", "Unbabel/wmt22-cometkiwi-da", "/models/microsoft/infoxlm-large"),
    ],
)
def test_without_a_folder_it_says_where_the_weights_are(spec: str, repository: str, encoder: str) -> None:
    with pytest.raises(ModelError) as caught:
        build_metric(spec)
    told, folder = str(caught.value), f"/models/{repository.split('/')[1]}"
    assert f"hf download {repository} --local-dir {folder}" in told
    assert f"--local-dir {encoder}" in told
    assert told.endswith(f"--metrics {spec}:{folder}")
    assert ("licence must be accepted" in told) == (spec == "cometkiwi")


def test_an_incomplete_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read: No such file"):
        find_checkpoint(tmp_path / "absent")
    with pytest.raises(ModelError, match=r"one file checkpoints/\*\.ckpt; .* has none"):
        find_checkpoint(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / CHECKPOINT).write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(ModelError, match="git-lfs pointer, not the weights"):
        find_checkpoint(tmp_path)
    (tmp_path / CHECKPOINT).write_bytes(b"PK")
    with pytest.raises(ModelError, match=r"lacks .*hparams\.yaml"):
        find_checkpoint(tmp_path / CHECKPOINT)
    (tmp_path / "hparams.yaml").touch()
    assert find_checkpoint(tmp_path) == tmp_path / CHECKPOINT
    (tmp_path / "checkpoints" / "other.ckpt").touch()
    with pytest.raises(ModelError, match=r"has model\.ckpt, other\.ckpt"):
        find_checkpoint(tmp_path)


def test_without_the_library_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / CHECKPOINT).write_bytes(b"PK")
    (tmp_path / "hparams.yaml").touch()
    monkeypatch.setenv("SCALEMT_COMET_PYTHON", str(tmp_path / "absent"))
    with pytest.raises(ConfigurationError) as caught:
        COMET(str(tmp_path))
    told = str(caught.value)
    assert told.startswith(f"SCALEMT_COMET_PYTHON is {tmp_path / 'absent'}, which cannot be run")
    assert "pip install 'unbabel-comet>=2.2.4' 'setuptools<81' 'sentencepiece<0.2.3'" in told
    assert "export SCALEMT_COMET_PYTHON=" in told
