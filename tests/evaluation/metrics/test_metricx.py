"""MetricX: input formats, the regression head, and folders that are not what they should be."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from scalemt.errors import ConfigurationError, InputError, ModelError
from scalemt.evaluation.metrics import MetricContext, build_metric
from scalemt.evaluation.metrics.metricx import MetricX, MetricXQE, which
from scalemt.evaluation.systems import Output, System, TestSet
from scalemt.huggingface import quiet

SOURCES = (
    "The boat left at dawn.",
    "Nobody had seen the key.",
    "",
    "It rained for six days, and the road was gone.",
)
OUTPUTS = ("O barco partiu ao amanhecer.", "", "Nada.", "Choveu  seis dias e a estrada sumiu. " * 30)
REFERENCES = ("O barco saiu de madrugada.", "Ninguém tinha visto a chave.", "Nada mesmo.", "Choveu seis dias.")
TEST_SET = TestSet("boats", SOURCES, (REFERENCES, OUTPUTS))
SYSTEM = System("a", tuple(Output(text) for text in OUTPUTS))
SCORE_TOKEN = 250089
HEADS, WIDTH, BUCKETS, FAR = 2, 8, 32, 128

pytestmark = pytest.mark.slow  # each test wants the folder, which imports transformers


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A MetricX-24 folder as Google publishes it, two layers deep, its output layer untied from the embeddings."""
    torch = pytest.importorskip("torch")
    hf: Any = pytest.importorskip("transformers")
    torch.set_num_threads(1)
    torch.manual_seed(11)
    made = tmp_path_factory.mktemp("models") / "metricx-24-hybrid-tiny-v2p6"
    made.mkdir()
    config = hf.MT5Config(vocab_size=250112, d_model=16, d_kv=WIDTH, d_ff=24, num_layers=2, num_heads=HEADS)
    with quiet():
        weights = {
            name: weight.clone() for name, weight in hf.MT5ForConditionalGeneration(config).state_dict().items()
        }
    for name, weight in weights.items():
        if "layer_norm" not in name:
            weight.normal_(0.0, 1.5 / weight.shape[-1] ** 0.5)
    weights["encoder.embed_tokens.weight"] = weights["decoder.embed_tokens.weight"] = weights["shared.weight"]
    weights["shared.weight"][0, 0] = 6.0  # the decoder's start: what all texts have in common lifts scores above 0
    weights["lm_head.weight"] = torch.randn(250112, 16)
    weights["lm_head.weight"][SCORE_TOKEN, 0] = 4.0
    torch.save(weights, made / "pytorch_model.bin")
    stated = {"model_type": "mt5", "architectures": ["MT5ForRegression"], "tie_word_embeddings": False}
    (made / "config.json").write_text(json.dumps({**config.to_dict(), **stated}))
    _write_pieces(made / "spiece.model")
    (made / "tokenizer_config.json").write_text('{"tokenizer_class": "T5Tokenizer", "extra_ids": 0}')
    return made


def _write_pieces(path: Path) -> None:
    import sentencepiece

    written = io.BytesIO()
    names = ["source: candidate: reference:"] * 3
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([*SOURCES, *OUTPUTS[:3], *REFERENCES, *names]),
        model_writer=written,
        vocab_size=80,
        hard_vocab_limit=False,
        minloglevel=2,
        num_threads=1,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
    )
    path.write_bytes(written.getvalue())


# What the model computes, written a second time from the raw weights: T5 1.1 (Raffel et al. 2020; Shazeer 2020).


class PlainT5:
    """Scores one text, unpadded, with nothing but matrix products."""

    def __init__(self, folder: Path) -> None:
        import sentencepiece
        import torch

        self.torch = torch
        self.weights: dict[str, Any] = torch.load(folder / "pytorch_model.bin")
        self.pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "spiece.model"))

    def score(self, text: str, most: int) -> float:
        encoded = self.encode(self.pieces.encode(text)[: most - 1])
        return min(25.0, max(0.0, self.raw(encoded)))

    def raw(self, encoded: Any) -> float:
        state = self.weights["shared.weight"][[0]]
        for block in range(2):
            name = f"decoder.block.{block}.layer"
            state = state + self.attend(f"{name}.0.SelfAttention", self.norm(f"{name}.0", state), None, 0.0)
            state = state + self.attend(f"{name}.1.EncDecAttention", self.norm(f"{name}.1", state), encoded, 0.0)
            state = state + self.feed(f"{name}.2", state)
        state = self.norm("decoder.final", state)
        return float(state[0] @ self.weights["lm_head.weight"][SCORE_TOKEN])

    def encode(self, ids: list[int]) -> Any:
        state = self.weights["shared.weight"][ids]
        bias = self.bias(len(ids))
        for block in range(2):
            name = f"encoder.block.{block}.layer"
            state = state + self.attend(f"{name}.0.SelfAttention", self.norm(f"{name}.0", state), None, bias)
            state = state + self.feed(f"{name}.1", state)
        return self.norm("encoder.final", state)

    def norm(self, name: str, state: Any) -> Any:
        scale = (state.pow(2).mean(-1, keepdim=True) + 1e-6).rsqrt()
        key = f"{name}_layer_norm.weight" if name.endswith("final") else f"{name}.layer_norm.weight"
        return self.weights[key] * state * scale

    def attend(self, name: str, state: Any, other: Any, bias: Any) -> Any:
        seen = state if other is None else other
        q, k, v = (
            (given @ self.weights[f"{name}.{part}.weight"].T).view(-1, HEADS, WIDTH).transpose(0, 1)
            for part, given in (("q", state), ("k", seen), ("v", seen))
        )
        mixed = (q @ k.transpose(1, 2) + bias).softmax(-1) @ v
        joined = mixed.transpose(0, 1).reshape(-1, HEADS * WIDTH)
        return joined @ self.weights[f"{name}.o.weight"].T

    def feed(self, name: str, state: Any) -> Any:
        normed = self.norm(name, state)
        gate, linear, out = (
            self.weights[f"{name}.DenseReluDense.{part}.weight"].T for part in ("wi_0", "wi_1", "wo")
        )
        gelu = self.torch.nn.functional.gelu(normed @ gate, approximate="tanh")
        return (gelu * (normed @ linear)) @ out

    def bias(self, length: int) -> Any:
        table = self.weights["encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"]
        buckets = [[self.bucket(key - query) for key in range(length)] for query in range(length)]
        return table[self.torch.tensor(buckets)].permute(2, 0, 1)

    def bucket(self, distance: int) -> int:
        import math

        half = BUCKETS // 2
        base, distance, exact = (half if distance > 0 else 0), abs(distance), half // 2
        if distance < exact:
            return base + distance
        grown = exact + int(math.log(distance / exact) / math.log(FAR / exact) * (half - exact))
        return base + min(half - 1, grown)


FORMATS: dict[str, tuple[type[MetricX], int, Callable[[str, str, str], str]]] = {
    "23": (MetricX, 1024, lambda src, mt, ref: f"candidate: {mt} reference: {ref}"),
    "24": (MetricX, 1536, lambda src, mt, ref: f"source: {src} candidate: {mt} reference: {ref}"),
    "23-qe": (MetricXQE, 1024, lambda src, mt, ref: f"candidate: {mt} source: {src}"),
    "24-qe": (MetricXQE, 1536, lambda src, mt, ref: f"source: {src} candidate: {mt}"),
}


def prefixed(kind: str, folder: Path, tmp_path: Path) -> str:
    """The folder under a name that tells nothing, so that the prefix decides."""
    (tmp_path / "plain").symlink_to(folder)
    return f"{kind[:2]}:{tmp_path / 'plain'}"


@pytest.mark.parametrize("kind", list(FORMATS))
def test_scores_equal_a_computation_by_hand(kind: str, folder: Path, tmp_path: Path) -> None:
    build, most, written = FORMATS[kind]
    finished: list[int] = []
    metric = build(prefixed(kind, folder, tmp_path))
    measured = metric.measure(SYSTEM, TEST_SET, finished.append)
    oracle = PlainT5(folder)
    texts = [written(*row) for row in zip(SOURCES, OUTPUTS, REFERENCES, strict=True)]
    expected = [oracle.score(text, most) for text in texts]
    assert 0.0 < min(expected) < max(expected) - 1.0 < 24.0
    assert measured.segments.tolist() == pytest.approx(expected, abs=1e-4)
    assert metric.score(measured.statistics.sum(0)[None])[0] == pytest.approx(sum(expected) / 4, abs=1e-4)
    assert sum(finished) == 4


@pytest.mark.parametrize(("factor", "bound"), [(-1.0, 0.0), (4.0, 25.0)])
def test_scores_are_clipped_at_both_bounds(factor: float, bound: float, folder: Path, tmp_path: Path) -> None:
    torch: Any = import_module("torch")
    scaled = tmp_path / "metricx-24"
    shutil.copytree(folder, scaled)
    weights = torch.load(scaled / "pytorch_model.bin")
    weights["lm_head.weight"] *= factor
    torch.save(weights, scaled / "pytorch_model.bin")
    oracle = PlainT5(scaled)
    raw = [
        oracle.raw(oracle.encode(oracle.pieces.encode(f"source: {text} candidate: {text}"))) for text in SOURCES
    ]
    assert min(raw) < 0.0 if factor < 0 else max(raw) > 25.0
    copies = System("copy", tuple(Output(text) for text in SOURCES))
    scores = MetricXQE(str(scaled)).measure(copies, TEST_SET).segments.tolist()
    assert bound in scores
    assert scores == pytest.approx([min(25.0, max(0.0, score)) for score in raw], abs=1e-4)


def test_a_batch_of_one_scores_as_a_batch_of_many(folder: Path) -> None:
    metric = MetricX(str(folder))
    together = metric.measure(SYSTEM, TEST_SET).segments.tolist()
    for index in range(4):
        one = TestSet("one", SOURCES[index : index + 1], (REFERENCES[index : index + 1],))
        alone = metric.measure(System("a", SYSTEM.outputs[index : index + 1]), one).segments
        assert alone[0] == pytest.approx(together[index], abs=1e-5)


def test_a_text_beyond_the_limit_is_cut_where_the_released_code_cuts_it(folder: Path) -> None:
    long = "O barco partiu ao amanhecer. " * 400
    metric = MetricXQE(f"24:{folder}")
    system, test_set = System("long", (Output(long),)), TestSet("long", SOURCES[:1])
    oracle = PlainT5(folder)
    text = f"source: {SOURCES[0]} candidate: {long}"
    assert len(oracle.pieces.encode(text)) > 1536
    assert metric.measure(system, test_set).segments[0] == pytest.approx(oracle.score(text, 1536), abs=1e-4)
    metric._load()
    cut = metric._tokenizer(text, truncation=True, max_length=1536).input_ids[:-1]
    assert metric._encode([text]) == [cut]
    assert len(cut) == 1535


def test_it_is_built_by_its_specification(folder: Path) -> None:
    metric = build_metric(f"metricx:{folder}", MetricContext(threads=1))
    assert isinstance(metric, MetricX)
    assert metric.higher_is_better is False
    signature = metric.signature
    assert signature.startswith("model:metricx-24-hybrid-tiny-v2p6|sha256:")
    assert "|generation:24|reads:src+mt+ref|ref:first|float32|transformers:" in signature
    assert " " not in signature
    other = build_metric(f"metricx-qe:{folder}").signature
    assert "|reads:src+mt|ref:none|" in other
    version = import_module("transformers").__version__
    assert other.endswith(f"transformers:{version}")


def test_what_it_needs_depends_on_generation_and_kind(folder: Path) -> None:
    no_source, no_reference = TestSet("r", references=(REFERENCES,)), TestSet("s", SOURCES)
    assert MetricX(f"24:{folder}").lacks(no_source) == ["sources"]
    assert MetricX(f"24:{folder}").lacks(no_reference) == ["references"]
    assert MetricXQE(f"24:{folder}").lacks(no_source) == ["sources"]
    assert MetricXQE(f"24:{folder}").lacks(no_reference) == []
    with pytest.raises(InputError, match="MetricX needs sources, which r lacks"):
        MetricX(f"24:{folder}").measure(SYSTEM, no_source)


def test_metricx_23_needs_no_sources(folder: Path, tmp_path: Path) -> None:
    metric = MetricX(prefixed("23", folder, tmp_path))
    assert metric.lacks(TestSet("r", references=(REFERENCES,))) == []


def test_without_a_folder_it_says_where_the_weights_are() -> None:
    with pytest.raises(ModelError) as caught:
        build_metric("metricx")
    told = str(caught.value)
    assert (
        "hf download google/metricx-24-hybrid-large-v2p6 --local-dir /models/metricx-24-hybrid-large-v2p6" in told
    )
    assert "hf download google/mt5-large spiece.model" in told
    assert "--metrics metricx:/models/metricx-24-hybrid-large-v2p6" in told
    with pytest.raises(ModelError, match="--metrics metricx-qe:/models/"):
        build_metric("metricx-qe")


@pytest.mark.parametrize(
    ("argument", "generation", "folder"),
    [
        ("/models/metricx-23-xl-v2p0", "23", "/models/metricx-23-xl-v2p0"),
        ("/models/MetricX_24/", "24", "/models/MetricX_24"),
        ("23:/models/metricx-24", "23", "/models/metricx-24"),
        ("/hub/models--google--metricx-24-hybrid-xl-v2p6/snapshots/0af", "24", None),
        ("/metricx-23/metricx-24", "24", None),
    ],
)
def test_the_generation_is_read_from_prefix_or_name(argument: str, generation: str, folder: str | None) -> None:
    assert which(argument) == (generation, Path(folder or argument))


@pytest.mark.parametrize("argument", ["/models/mine", "25:/models/mine", "23:", ":", "24"])
def test_a_folder_that_tells_no_generation_is_refused(argument: str) -> None:
    with pytest.raises(ConfigurationError, match="whether it is MetricX-23 or MetricX-24"):
        MetricX(argument)


def test_a_model_of_the_other_kind_is_refused() -> None:
    with pytest.raises(ModelError, match="measure it as metricx-qe"):
        MetricX("/models/metricx-23-qe-xl-v2p0")
    with pytest.raises(ModelError, match="measure it as metricx:FOLDER"):
        MetricXQE("/models/metricx-23-xl-v2p0")


def test_an_incomplete_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no model folder"):
        MetricX(f"24:{tmp_path / 'absent'}")
    (tmp_path / "config.json").write_text('{"model_type": "mt5", "vocab_size": 100}')
    with pytest.raises(ModelError, match="lacks its weights"):
        MetricX(f"24:{tmp_path}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(ModelError, match="git-lfs pointer"):
        MetricX(f"24:{tmp_path}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"PK")
    with pytest.raises(ModelError, match=r"hf download google/mt5-large spiece\.model"):
        MetricX(f"24:{tmp_path}")
    (tmp_path / "config.json").write_text('{"model_type": "t5"}')
    with pytest.raises(ModelError, match="is a 't5' model"):
        MetricX(f"24:{tmp_path}")


def test_weights_that_are_none_are_refused(folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "metricx-24"
    shutil.copytree(folder, broken)
    (broken / "pytorch_model.bin").write_bytes(b"\x00" * 1000)
    with pytest.raises(ModelError, match="cannot be loaded"):
        MetricX(str(broken)).measure(SYSTEM, TEST_SET)
    config = json.loads((broken / "config.json").read_text())
    (broken / "config.json").write_text(json.dumps({**config, "vocab_size": 32128}))
    with pytest.raises(ModelError, match="its vocabulary has 32128 entries, and the score is entry 250089"):
        MetricX(str(broken)).measure(SYSTEM, TEST_SET)
