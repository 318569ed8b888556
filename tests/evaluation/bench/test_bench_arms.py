"""Arms and test sets from names, variants and plan files."""

from __future__ import annotations

from pathlib import Path

import pytest

from scalemt.config import Configuration
from scalemt.errors import ConfigurationError, InputError, UnknownLanguageError, UnknownNameError
from scalemt.evaluation.bench.arms import Choice, first, parse_variant, read_plan, read_set, with_fields
from scalemt.types import Pair


def choice(**overrides: object) -> Choice:
    profiles: dict[str, dict[str, object]] = {
        "default": {"shots": 3},
        "mine": {"method": "refine", "gate": "checks", "pivot": "es"},
    }
    return Choice(Configuration(profiles=profiles), None, overrides)


def test_a_name_is_a_profile_or_else_a_method_over_the_chosen_one() -> None:
    assert choice().arm("mine").profile.gate == "checks"
    arm = choice(seed=4).arm("few-shot")
    assert (arm.name, arm.profile.method, arm.profile.shots, arm.profile.seed) == ("few-shot", "few-shot", 3, 4)
    with pytest.raises(
        UnknownNameError, match=r"no profile or method named 'refin'.*default, dictionary, draft, few-shot, .*mine"
    ):
        choice().arm("refin")


def test_only_the_method_pivot_goes_through_a_pivot() -> None:
    assert choice().arm("pivot").profile.pivot == "en"
    assert choice(pivot="fr").arm("pivot").profile.pivot == "fr"
    assert choice(pivot="fr").arm("refine").profile.pivot is None
    based = Choice(choice().configuration, "mine", {})
    assert based.arm("pivot").profile.pivot == "es"
    assert based.arm("draft").profile.pivot is None
    assert choice().arm("mine").profile.pivot == "es"


@pytest.mark.parametrize(
    ("text", "name", "fields"),
    [
        ("a:gate=off", "a", {"gate": "off"}),
        ("a b: method=refine, max-tokens=5", "a b", {"method": "refine", "max_tokens": "5"}),
        ("x:specialists=bergamot,apertium,gate=off", "x", {"specialists": "bergamot,apertium", "gate": "off"}),
        ("x:generalist=openai:http://h/v1?a=b#m", "x", {"generalist": "openai:http://h/v1?a=b#m"}),
    ],
)
def test_variants_are_read(text: str, name: str, fields: dict[str, str]) -> None:
    assert parse_variant(text) == (name, fields)


@pytest.mark.parametrize("text", ["", "a", "a:", ":gate=off", "a:gate", "a:,", "gate=off"])
def test_a_variant_of_another_form_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"ungated:method=refine,gate=off"):
        parse_variant(text)


def test_a_variant_wins_over_the_command_line_and_may_name_its_base() -> None:
    arm = choice(shots=7).variant("x", {"profile": "mine", "shots": "2", "confidences": "off"})
    assert (arm.profile.gate, arm.profile.shots, arm.profile.confidences) == ("checks", 2, False)
    assert choice(pivot="fr").variant("x", {"method": "refine"}).profile.pivot is None
    assert choice().variant("x", {"method": "pivot"}).profile.pivot == "en"
    with pytest.raises(ConfigurationError, match=r"unknown field 'gait'. Valid choices"):
        choice().variant("x", {"gait": "off"})


def test_fields_are_replaced_or_left_to_their_default() -> None:
    profile = choice().arm("mine").profile
    changed = with_fields(profile, pivot=None, shots=0)
    assert (changed.name, changed.pivot, changed.shots, changed.gate) == ("mine", None, 0, "checks")
    assert "batch" not in changed.explicit
    with pytest.raises(ConfigurationError, match="shots is 65"):
        with_fields(profile, shots=65)


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text, "utf-8")


def test_a_set_is_read_and_cut(tmp_path: Path) -> None:
    write(tmp_path, news_en="one\ntwo\nthree\n", news_pt="um\ndois\ntrês\n")
    found = read_set("", tmp_path / "news.en", [tmp_path / "news.pt"], ("eng_Latn", "por"))
    assert (found.name, found.pair, found.ids) == ("news.en-pt", Pair("en", "pt"), ("1", "2", "3"))
    cut = first(found, 2)
    assert (cut.sources, cut.references, cut.ids) == (("one", "two"), (("um", "dois"),), ("1", "2"))
    assert first(found, None) is found
    assert first(found, 9) is found


def test_a_set_that_does_not_pair_up_names_both_counts(tmp_path: Path) -> None:
    write(tmp_path, a_en="one\ntwo\n", a_pt="um\n", e_en="")
    with pytest.raises(InputError, match=r"a.pt has 1 lines, but .*a.en has 2"):
        read_set("", tmp_path / "a.en", [tmp_path / "a.pt"], ("en", "pt"))
    with pytest.raises(InputError, match="empty"):
        read_set("", tmp_path / "e.en", [], ("en", "pt"))
    with pytest.raises(UnknownLanguageError):
        read_set("", tmp_path / "a.en", [], ("en", "portugese"))


PLAN = """
[[sets]]
src = "a.en"
ref = "a.pt"
from = "en"
to = "pt"

[[sets]]
name = "again"
src = "a.en"
ref = ["a.pt", "a.pt"]
from = "en"
to = "pt-BR"

[[systems]]
name = "draft"

[[systems]]
name = "ten"
method = "refine"
shots = 10
demonstrations = "d.jsonl"
"""


def test_a_plan_is_read_relative_to_its_own_folder(tmp_path: Path) -> None:
    write(tmp_path, a_en="one\n", a_pt="um\n", plan_toml=PLAN, d_jsonl='{"source": "x", "target": "y"}\n')
    sets, arms = read_plan(tmp_path / "plan.toml", choice())
    assert [item.name for item in sets] == ["a.en-pt", "again"]
    assert len(sets[1].references) == 2
    assert [arm.name for arm in arms] == ["draft", "ten"]
    assert arms[0].profile.method == "draft"
    assert arms[1].profile.demonstrations == str(tmp_path / "d.jsonl")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sets = [", "is not TOML"),
        ("[[sets]]\nsrc = 'a.en'\nfrom = 'en'\n", "[[sets]] number 1 lacks to."),
        ("[[sets]]\nsrc = 3\nfrom = 'en'\nto = 'pt'\n", "[[sets]] number 1: src is 3"),
        ("[[set]]\nsrc = 'a.en'\n", "has an unknown table or field 'set'. Valid choices: sets, systems."),
        ("[[systems]]\nmethod = 'draft'\n", "lacks name"),
        ("[[systems]]\nname = 3\n", "lacks name"),
        (
            "[[systems]]\nname = 'x'\nmethod = 'draft'\nshot = 3\n",
            "The system x: In profile default (built in): unknown field 'shot'",
        ),
        ("[[systems]]\nname = 'x'\nprofile = ['fast']\nshots = 3\n", "x: profile is ['fast']; expected the name"),
        ("[[sets]]\nsrc = ''\nfrom = 'en'\nto = 'pt'\n", "number 1: src is ''"),
        ("sets = 3\n", "sets is 3; expected [[sets]] tables."),
        ("sets = [3]\n", "expected [[sets]] tables."),
        (
            "[[sets]]\nsrc = 'a'\nfrom = 'en'\nto = 'pt'\n[[sets]]\nsrc = 'a'\nfrom = 'en'\nto = 'pt'\nhue = 1\n",
            "[[sets]] number 2: unknown field 'hue'. Valid choices: src, from, to, name, ref.",
        ),
    ],
)
def test_a_wrong_plan_says_what_is_wrong(tmp_path: Path, text: str, told: str) -> None:
    write(tmp_path, plan_toml=text)
    with pytest.raises(ConfigurationError) as error:
        read_plan(tmp_path / "plan.toml", choice())
    assert told in str(error.value)


def test_a_variant_has_one_name_and_a_method_that_exists() -> None:
    with pytest.raises(ConfigurationError, match="The system a has a second name, 'x'"):
        choice().variant(*parse_variant("a:name=x"))
    with pytest.raises(UnknownNameError, match="There is no method named 'refin'"):
        choice().variant(*parse_variant("a:method=refin"))


def test_a_plan_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none.toml cannot be read: No such file"):
        read_plan(tmp_path / "none.toml", choice())
