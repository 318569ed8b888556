"""Specialists that learn, taught by the memories of a profile: each confirmed unit once, in order.

Online learning after Ortiz-Martínez, García-Varea and Casacuberta 2010 (NAACL): a corrected segment changes the
drafts of those behind it. The memory remembers the last unit that it has taught each model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

from scalemt.errors import InputError
from scalemt.memory import Memories, MemoryStore
from scalemt.specialists.learning import LearningSpecialist
from scalemt.types import Pair

_SMALL = 200  # units that are taught to a model that does not know a memory at all
_MOST = 2_000  # units taught before a translation begins, some 50 ms each; more than that is a case for training


def mark_of(learner: LearningSpecialist, pair: Pair) -> str:
    """Return the name under which a memory keeps the last unit of a kept pair that it has taught a model."""
    return f"{learner.model_id}:{pair.source}:{pair.target}"


def teach(
    learners: Iterable[LearningSpecialist], memories: Memories, pair: Pair, notice: Callable[[str], None]
) -> None:
    """Teach specialists what was confirmed since they were trained from a memory, or taught by it.

    A model that was not trained from a memory (`scalemt train thot --memory`) is taught what a small memory holds,
    and of a large one only what comes later: the rest would take longer than training.
    """
    for learner in learners:
        for store in memories.stores:
            for kept, swapped in store.fitting(pair):
                _teach(learner, store, kept, pair, swapped=swapped, notice=notice)


def _teach(
    learner: LearningSpecialist,
    store: MemoryStore,
    kept: Pair,
    pair: Pair,
    *,
    swapped: bool,
    notice: Callable[[str], None],
) -> None:
    name, newest = mark_of(learner, kept), store.newest_id()
    known = store.mark(name)
    if newest <= known:
        return
    if not known and newest > _SMALL:
        store.set_mark(name, newest)
        notice(
            f"{learner.name} was not trained from {store.path.name} and learns only what is added to it from now "
            f"on: scalemt train thot --memory {store.path} teaches all of it."
        )
        return
    fresh = store.sides(kept, known, swapped=swapped)
    for number, unit in islice(fresh, _MOST):
        learn(learner, unit.source, unit.target, pair)
        store.set_mark(name, number)
    if next(fresh, None) is None:
        store.set_mark(name, newest)
    else:
        notice(
            f"{learner.name} has learnt {_MOST:,} new units of {store.path.name}; the others wait for the next "
            "run. With so many, train it anew: scalemt train thot."
        )


def learn_correction(
    learner: LearningSpecialist, memories: Memories | None, source: str, target: str, pair: Pair
) -> None:
    """Teach a correction that has just gone into the first memory, which need not be taught from there again."""
    learn(learner, source, target, pair)
    for store in memories.stores[:1] if memories else ():
        for kept, _ in store.fitting(pair):
            name, newest = mark_of(learner, kept), store.newest_id()
            if store.mark(name) == newest - 1:
                store.set_mark(name, newest)


def learn(learner: LearningSpecialist, source: str, target: str, pair: Pair) -> bool:
    """Teach one translation; return whether the specialist could take it."""
    try:
        learner.learn(source, target, pair)
    except InputError:
        # Too long for the model: the memory holds it all the same.
        return False
    return True
