"""Texts on their way into a training: configurations, batches, vocabularies, ids."""

from __future__ import annotations

import re
from itertools import zip_longest
from pathlib import Path

import pytest

from scalemt.errors import ConfigurationError
from scalemt.training.pairs import Pairs
from scalemt.training.specialist.batches import Rounds
from scalemt.training.specialist.configuration import Model, Recipe, Training, Vocabulary, read_recipe
from scalemt.training.specialist.fitting import pace_of
from scalemt.training.specialist.loop import chosen_steps
from scalemt.training.tables import Corpus
from scalemt.types import Pair
from training.toy_corpora import RECIPE, toy_pairs, write_toys

HOME = Path(__file__).parents[2]
_FIELD = re.compile(r"`(\w+)`")


def recipe(place: Path, *changes: str) -> Recipe:
    write_toys(place)
    (place / "recipe.toml").write_text(RECIPE, "utf-8")
    return read_recipe(place / "recipe.toml", changes=changes)


def test_a_recipe_is_read_with_paths_from_its_folder_or_another(tmp_path: Path) -> None:
    made = recipe(tmp_path)
    assert made.pair == Pair("en", "eu")
    assert made.corpora[0].files == (str(tmp_path / "train.tsv"),)
    other = read_recipe(tmp_path / "recipe.toml", folder="elsewhere", changes=["corpora.0.fraction=0.5", "name=x"])
    assert (other.name, other.corpora[0].fraction) == ("x", 0.5)
    assert other.dev.files == (str(Path("elsewhere") / "dev.tsv"),)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("heads = 2", "heads = 3", r"field model: value error, width 32 must be a multiple of heads 3"),
        ("heads = 2", "head = 2", r"field head: there is no such field. Valid choices: base, layers"),
        ("size = 200", 'size = "big"', r"line 13, field size: .*found 'big'"),
        ('to = "eu"', 'to = "qqq-nonsense"', r"line 3, field to: .*qqq-nonsense"),
        ('name = "toy"', "", r"field name: it is missing"),
        ("seed = 3", "seed = = 3", r"is not TOML.*docs/training.md"),
        ("[model]", '[[steps]]\nfilter = "lengths"\n\n[model]', r"step 1: there is no filter 'lengths'. Valid"),
    ],
)
def test_what_is_wrong_in_a_recipe_is_told(before: str, after: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(RECIPE.replace(before, after), "utf-8")
    with pytest.raises(ConfigurationError, match=told):
        read_recipe(tmp_path / "recipe.toml")


def test_every_pair_is_seen_once_a_round_and_updates_keep_to_their_tokens() -> None:
    lengths = [3 + number % 17 for number in range(500)]
    rounds = Rounds([lengths], [1.0], 100, seed=5)
    first, second = rounds.round(0), rounds.round(1)
    places = sorted(place for batch in first for _, _, place in batch)
    assert places == list(range(500))
    assert all(len(batch) * max(lengths[place] for *_, place in batch) <= 100 for batch in first)
    assert first != second
    assert first == Rounds([lengths], [1.0], 100, seed=5).round(0)
    assert first != Rounds([lengths], [1.0], 100, seed=6).round(0)


def test_updates_in_parts_hold_the_same_pairs() -> None:
    lengths = [[5 + number % 9 for number in range(90)]]
    whole, parted = (list(Rounds(lengths, [1.0], 120, parts=parts, seed=1, updates=14)) for parts in (1, 3))
    assert (len(whole), len(parted)) == (14, 42)
    for number, batch in enumerate(whole):
        assert sorted(batch) == sorted(place for part in parted[3 * number : 3 * number + 3] for place in part)


def test_several_corpora_are_drawn_by_their_weights() -> None:
    rounds = Rounds([[10] * 100, [10] * 900], [9.0, 1.0], 100, seed=2)
    drawn = [corpus for batch in rounds.round(0) for _, corpus, _ in batch]
    assert len(drawn) == 1000
    assert 860 < drawn.count(0) < 940


def test_measurements_fall_on_lines_of_the_log(tmp_path: Path) -> None:
    assert pace_of(recipe(tmp_path, "training.every=50"), 30)[1:] == (90, 48, 16)
    passes = ("training.steps=0", "training.epochs=2.5", "training.every=0")
    assert pace_of(recipe(tmp_path, *passes), 30)[1:] == (75, 30, 15)


def test_the_best_or_the_last_are_averaged() -> None:
    history = [{"step": step, "eval_chrf": score} for step, score in ((10, 3.0), (20, 5.0), (30, 4.0), (40, 5.0))]
    history.insert(0, {"step": 5, "loss": 1.0})
    assert chosen_steps(history, 3, best=True) == [40, 20, 30]
    assert chosen_steps(history, 3, best=False) == [40, 30, 20]


def section() -> str:
    text = (HOME / "docs" / "training.md").read_text("utf-8")
    return text.partition("\n## Train a specialist\n")[2].partition("\n## ")[0]


def test_the_docs_name_every_field_with_its_default(tmp_path: Path) -> None:
    text = section()
    example = text.partition("```toml\n")[2].partition("```")[0]
    (tmp_path / "example.toml").write_text(example, "utf-8")
    assert read_recipe(tmp_path / "example.toml").training.threads == 2
    rows = [line.split("|")[1:4] for line in text.split("\n") if line.count("|") == 4]
    named = {name: default for _, what, shown in rows
             for name, default in zip_longest(_FIELD.findall(what), shown.split(", "))}  # fmt: skip
    for kind in (Model, Vocabulary, Training, Corpus):
        for name, item in kind.model_fields.items():
            shown = str(named[item.alias or name] or "").strip()
            wanted = str(item.default).lower() if isinstance(item.default, bool) else f"{item.default}"
            if kind in (Vocabulary, Training) or name in ("layers", "inner", "weight"):
                assert shown == wanted.removesuffix(".0"), name


@pytest.mark.parametrize(
    "file", sorted((HOME / "recipes" / "libreoffice-help").glob("*.toml")), ids=lambda path: path.stem
)
def test_the_recipes_can_be_read(file: Path) -> None:
    made = read_recipe(file)
    assert made.name == f"libreoffice-help-{file.stem}"
    assert len(made.filters()) == 4


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_texts_are_cut_anew_in_each_round_and_the_same_in_each_run(kind: str, tmp_path: Path) -> None:
    from scalemt.training.specialist.codec import Codec
    from scalemt.training.specialist.material import encode
    from scalemt.training.specialist.network import prepare
    from scalemt.training.specialist.sampling import Sampler

    made = recipe(tmp_path, f"vocabulary.kind={kind}", "vocabulary.size=150")
    sources, targets = zip(*toy_pairs(50), strict=True)
    corpus = Pairs("toy", sources, targets)
    prepare(made, (corpus,), tmp_path / "start")
    codec = Codec(tmp_path / "start", made.pair)
    usual = encode(corpus, codec, 128)
    first, again = (Sampler(codec, [corpus], [usual], 0.2, 1, 128) for _ in range(2))
    drawn = first.round(3)
    assert drawn == again.round(3)
    assert drawn != first.round(4)
    assert drawn[0].tokens > usual.tokens
    assert [codec.text(ids) for ids in drawn[0].targets] == list(targets)


@pytest.mark.slow
def test_a_vocabulary_says_how_large_it_must_be(tmp_path: Path) -> None:
    from scalemt.training.specialist.vocabulary import make_vocabulary

    sources, targets = zip(*toy_pairs(50), strict=True)
    options = recipe(tmp_path).vocabulary
    with pytest.raises(
        ConfigurationError, match=r"vocabulary.size is 100, but characters and bytes alone need \d+"
    ):
        make_vocabulary(
            sources, targets, options.model_copy(update={"size": 100, "byte_fallback": True}), tmp_path
        )
    # Asked for more than there are, it takes what there are.
    assert make_vocabulary(sources, targets, options.model_copy(update={"size": 5000}), tmp_path) < 1000
