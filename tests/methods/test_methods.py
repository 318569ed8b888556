"""Methods by themselves: what each prepares, and what it refuses."""

from __future__ import annotations

import pytest

from helpers import EN_PT, english_portuguese
from scalemt.errors import ConfigurationError
from scalemt.memory.selection import FixedSelector
from scalemt.methods import METHODS, Kit
from scalemt.prompts import load_template
from scalemt.specialists.recorded import RecordedSpecialist
from scalemt.specialists.road import DirectRoad, RecordedRoad, Road
from scalemt.types import Demonstration, Draft, Segment

BARE = Demonstration("the old house", "a casa velha")
DRAFTED = Demonstration("the house", "a casa", (Draft("o casa"),))
SEGMENTS = [Segment("the house is blue", "7"), Segment("blue", "8")]


def kit(road: Road | None = None, *pool: Demonstration) -> Kit:
    selector = FixedSelector(pool, len(pool)) if pool else None
    return Kit(EN_PT, load_template("plain"), selector, road, confidences=False)


@pytest.mark.parametrize("name", METHODS.names())
def test_every_method_says_what_it_needs_and_keeps_order(name: str) -> None:
    method = METHODS.load(name)()
    assert method.name == name
    road = RecordedRoad(RecordedSpecialist(drafts=[[Draft("um")], [Draft("dois")]]), EN_PT)
    road.positions = [0, 1]
    prepared = method.prepare(SEGMENTS, kit(road, DRAFTED))
    assert [item.segment for item in prepared] == SEGMENTS
    # Without a glossary no draft misses a term, without rules none breaks one, and there is nothing to edit.
    asks = method.needs_generalist and not method.aims_at_terms and not method.aims_at_rules
    asks = asks and name != "code-switch"  # asks only where no specialist covers the pair
    asks = asks and not method.dispatches  # others prepare
    assert all(bool(item.prompt) == asks for item in prepared)
    drafts = method.needs_specialist or method.drafts_where_possible
    assert all(bool(item.drafts) == drafts for item in prepared)


@pytest.mark.parametrize("name", ["draft", "refine", "pivot", "multi-path"])
def test_a_method_that_drafts_refuses_to_work_without_a_specialist(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"method {name} needs a specialist"):
        METHODS.load(name)().prepare(SEGMENTS, kit())


def test_refine_makes_the_drafts_that_demonstrations_lack_and_keeps_those_they_bring() -> None:
    prepared = METHODS.load("refine")().prepare(
        SEGMENTS, kit(DirectRoad(english_portuguese(), EN_PT), BARE, DRAFTED)
    )
    assert [item.drafts[0].text for item in prepared[0].demonstrations] == ["a velha casa", "o casa"]
    assert prepared[1].prompt is not None
    assert prepared[1].prompt.text.endswith("English: blue\nDraft: azul\nPortuguese:")


def test_recorded_drafts_cannot_draft_demonstrations() -> None:
    road = RecordedRoad(RecordedSpecialist(drafts=[[Draft("um")]]), EN_PT)
    road.positions = [0]
    with pytest.raises(ConfigurationError, match="'the old house' has no drafts"):
        METHODS.load("refine")().prepare(SEGMENTS[:1], kit(road, BARE))


def test_pivot_on_a_direct_road_asks_for_the_third_language() -> None:
    with pytest.raises(ConfigurationError, match="--pivot LANG"):
        METHODS.load("pivot")().prepare(SEGMENTS, kit(DirectRoad(english_portuguese(), EN_PT)))


def test_few_shot_shows_no_drafts() -> None:
    prepared = METHODS.load("few-shot")().prepare(SEGMENTS, kit(None, DRAFTED))
    assert prepared[0].prompt is not None
    assert "Draft" not in prepared[0].prompt.text
    assert prepared[0].standing is None
