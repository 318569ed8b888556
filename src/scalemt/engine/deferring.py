"""Deferral in a run: prompts of segments that are not worth a call are taken away, so that their drafts stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from scalemt.methods import Kit, Prepared
from scalemt.quality.deferral import Account, Deferral, Drafted, free_features
from scalemt.types import Demonstration

if TYPE_CHECKING:
    from scalemt.engine.assembly import Plan

__all__ = ["Account", "defer", "nearest", "without_deferred"]


def defer(prepared: Sequence[Prepared], plan: Plan, account: Account) -> list[Prepared]:
    """Return the segments of a window, those that are not put to the generalist without their prompts.

    Args:
        prepared: a window, in the order of the run.
        plan: holds budget and calibration; with a budget of 1 nothing is done.
        account: of the run; what is asked here is entered into it.
    """
    if plan.budget >= 1 or not plan.method.needs_generalist:
        return list(prepared)
    rows = [_features(item, plan) for item in prepared]
    choices = Deferral(plan.budget, plan.deferral).choose(rows, account)
    return [
        replace(item, decisions=(*item.decisions, choice.decision))
        if choice.asked
        # What no prompt shows was not shown: the translation must not tell of demonstrations.
        else replace(item, prompt=None, demonstrations=(), decisions=(*item.decisions, choice.decision))
        for item, choice in zip(prepared, choices, strict=True)
    ]


def without_deferred(thirds: Sequence[Prepared], prepared: Sequence[Prepared]) -> list[Prepared]:
    """Return the prompts of another candidate without those of segments that were deferred."""
    pairs = zip(thirds, prepared, strict=True)
    return [third if item.prompt else replace(third, prompt=None) for third, item in pairs]


def _features(item: Prepared, plan: Plan) -> dict[str, float] | None:
    if item.standing is None or not item.standing.text.strip():
        return None
    shown = nearest(plan.kit, item.demonstrations)
    return free_features(Drafted(item.segment.text, item.drafts, item.standing.text, plan.pair, shown))


def nearest(kit: Kit, shown: Sequence[Demonstration]) -> Sequence[Demonstration]:
    """Return the demonstrations that tell of likeness: all of them, or none where the list is the same for all."""
    return () if kit.selector is None or kit.selector.name == "fixed" else shown
