"""The table of language tokens."""

import pytest

from scalemt.errors import ConfigurationError, ModelError
from scalemt.specialists.families import FAMILIES, Convention, family_named, guess_family, parse_direction
from scalemt.types import Pair

EN_PT = Pair("en", "pt")

VOCABULARIES = {
    "nllb": ["<s>", "<pad>", "</s>", "<unk>", "▁a", "eng_Latn", "por_Latn", "zho_Hans", "zho_Hant"],
    "m2m100": ["<s>", "<pad>", "</s>", "<unk>", "▁a", "__en__", "__pt__", "__no__", "__ns__", "madeupword0"],
    "opus": ["</s>", "<unk>", "▁a", ">>por<<", ">>pob<<", ">>spa_Latn<<", ">>cmn_Hant<<", "<pad>"],
    "madlad": ["<pad>", "</s>", "<unk>", "▁a", "<2en>", "<2pt>", "<2sr_Latn>"],
    "t5": ["<pad>", "</s>", "<unk>", "▁a"],
}


def split(text: str) -> list[str]:
    """A tokenizer in which every word is a piece, and special tokens stay whole."""
    return ["▁" + word if not word.startswith("<2") else word for word in text.split()]


def convention(name: str) -> Convention:
    return Convention(FAMILIES[name], VOCABULARIES[name.removesuffix("-legacy")])


@pytest.mark.parametrize(
    ("name", "source", "prefix"),
    [
        ("nllb", ["eng_Latn", "▁a", "▁b", "</s>"], ["por_Latn"]),
        ("nllb-legacy", ["▁a", "▁b", "</s>", "eng_Latn"], ["por_Latn"]),
        ("m2m100", ["__en__", "▁a", "▁b", "</s>"], ["__pt__"]),
        ("opus", [">>por<<", "▁a", "▁b", "</s>"], []),
        ("madlad", ["<2pt>", "▁a", "▁b", "</s>"], []),
        ("t5", ["▁translate", "▁English", "▁to", "▁Portuguese:", "▁a", "▁b", "</s>"], []),
    ],
)
def test_each_family_marks_the_languages_in_its_own_place(name: str, source: list[str], prefix: list[str]) -> None:
    marked = convention(name)
    assert marked.source("a b", EN_PT, split) == source
    assert marked.prefix(EN_PT) == prefix


def test_the_engine_may_add_the_end_of_sentence_itself() -> None:
    assert convention("opus").source("a", EN_PT, split, end=False) == [">>por<<", "▁a"]


def test_a_single_pair_opus_model_gets_no_token() -> None:
    single = Convention(FAMILIES["opus"], ["</s>", "<unk>", "▁a", "<pad>"])
    assert single.source("a", Pair("en", "xh"), split) == ["▁a", "</s>"]
    assert single.missing(Pair("en", "xh")) == ""


def test_the_mark_that_sentencepiece_puts_before_a_madlad_token_is_kept() -> None:
    def cut(text: str) -> list[str]:
        return ["▁", *split(text)]

    assert convention("madlad").source("a", EN_PT, cut) == ["▁", "<2pt>", "▁", "▁a", "</s>"]


def test_a_text_cannot_choose_its_language() -> None:
    tokens = convention("madlad").source("<2en> a", EN_PT, split)
    assert tokens == ["<2pt>", "<", "2", "e", "n", ">", "▁a", "</s>"]


@pytest.mark.parametrize(
    ("name", "tag", "token"),
    [
        ("nllb", "pt-BR", "por_Latn"),
        ("nllb", "zh-Hant", "zho_Hant"),
        ("nllb", "zh", "zho_Hans"),
        ("nllb", "xh", None),
        ("m2m100", "pt-BR", "__pt__"),
        ("m2m100", "nb", "__no__"),
        ("m2m100", "nso", "__ns__"),
        ("m2m100", "sr-Latn", None),
        ("opus", "pt", ">>por<<"),
        ("opus", "pt-BR", ">>pob<<"),
        ("opus", "es", ">>spa_Latn<<"),
        ("opus", "zh-Hant", ">>cmn_Hant<<"),
        ("opus", "zh", None),
        ("madlad", "pt-BR", "<2pt>"),
        ("madlad", "sr-Latn", "<2sr_Latn>"),
        ("madlad", "sr", None),
    ],
)
def test_codes_are_spelt_as_the_vocabulary_has_them(name: str, tag: str, token: str | None) -> None:
    assert convention(name).token(tag) == token


@pytest.mark.parametrize(
    ("code", "token"),
    [
        ("por", ">>por<<"),
        ("pt", ">>pt<<"),
        ("pt_br", ">>pt_br<<"),
        ("pt_BR", ">>pt_BR<<"),
        ("por_Latn", ">>por_Latn<<"),
    ],
)
def test_opus_spellings_of_brazilian_portuguese(code: str, token: str) -> None:
    assert Convention(FAMILIES["opus"], ["</s>", f">>{code}<<", ">>fra<<"]).token("pt-BR") == token


def test_a_new_language_of_a_tuned_nllb_is_spelt_like_the_old_ones() -> None:
    assert Convention(FAMILIES["nllb"], ["eng_Latn", "roh_Latn"]).token("rm") == "roh_Latn"


def test_missing_says_what_was_tried_and_what_there_is() -> None:
    sentence = convention("opus").missing(Pair("en", "fr"))
    assert "no token for fr (French)" in sentence
    assert ">>fra<<" in sentence
    assert ">>por<<" in sentence
    assert convention("opus").missing(EN_PT) == ""


@pytest.mark.parametrize("name", ["nllb", "m2m100", "opus", "madlad"])
def test_the_family_is_guessed_from_the_vocabulary(name: str) -> None:
    assert guess_family(VOCABULARIES[name], "somewhere").name == name


def test_the_family_is_guessed_from_the_model_type() -> None:
    assert guess_family(VOCABULARIES["t5"], "somewhere", "umt5").name == "t5"
    assert guess_family(["</s>"], "somewhere", "marian").name == "opus"


def test_a_family_that_cannot_be_guessed_must_be_said() -> None:
    with pytest.raises(ModelError, match=r"somewhere.*`family`.*m2m100, madlad, nllb, nllb-legacy, opus, t5"):
        guess_family(["</s>", "▁a"], "somewhere")
    with pytest.raises(ConfigurationError, match=r"'mbart'.*Valid choices: m2m100"):
        family_named("mbart")


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("en-pt", EN_PT),
        ("en->pt", EN_PT),
        ("eng_Latn-por_Latn", EN_PT),
        ("zh-Hant-en", Pair("zh-Hant", "en")),
        ("en-pt-BR", Pair("en", "pt-BR")),
    ],
)
def test_directions(text: str, pair: Pair) -> None:
    assert parse_direction(text) == pair


@pytest.mark.parametrize("text", ["en", "", "en-qqqq"])
def test_what_is_no_direction(text: str) -> None:
    with pytest.raises(ConfigurationError, match="en->pt"):
        parse_direction(text)
