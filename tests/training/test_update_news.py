"""What is new in a memory since a version, and what the filters leave of it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from scalemt.errors import InputError
from scalemt.memory import MemoryStore, Unit
from scalemt.training.pairs import read_pairs
from scalemt.training.tables import Texts
from scalemt.training.updating.news import News, gather
from scalemt.types import Pair

EN_PT = Pair("en", "pt")


def confirm(path: Path, *pairs: tuple[str, str], changed: str = "", pair: Pair = EN_PT) -> None:
    with closing(MemoryStore(path, create=True)) as store:
        store.add(Unit(source, target, pair, changed=changed) for source, target in pairs)


def news(folder: Path, memory: Path, since: Any = None, files: tuple[Texts, ...] = (), **more: Any) -> News:
    options = {"held_out": 0.0, "least": 1} | more
    return gather([str(memory)], files, EN_PT, folder, since=since or {}, **options)


def learnt(found: News) -> set[str]:
    return set(read_pairs(Texts(files=(str(found.train),)).as_source(EN_PT), EN_PT).targets)


def test_only_what_came_since_is_learnt_and_a_confirmation_counts(tmp_path: Path) -> None:
    memory = tmp_path / "team.db"
    confirm(
        memory, ("A ripe plum.", "Uma ameixa madura."), ("A tin box.", "Uma lata."), changed="2020-01-01T00:00:00Z"
    )
    first = news(tmp_path / "1", memory)
    assert learnt(first) == {"Uma ameixa madura.", "Uma lata."}
    confirm(memory, ("A blue door.", "Uma porta azul."))
    confirm(memory, ("A tin box.", "Uma lata."), changed="2999-01-01T00:00:00Z")
    second = news(tmp_path / "2", memory, first.memories)
    assert learnt(second) == {"Uma porta azul.", "Uma lata."}
    assert news(tmp_path / "2", memory, {}).told == second.told  # what was begun with is gone on with


def test_of_one_source_the_translation_confirmed_last_is_learnt(tmp_path: Path) -> None:
    memory = tmp_path / "team.db"
    confirm(memory, ("A ripe plum.", "Uma ameixa madura."), changed="2020-01-01T00:00:00Z")
    confirm(memory, ("A ripe plum.", "Uma ameixa boa."), changed="2021-01-01T00:00:00Z")
    assert learnt(news(tmp_path / "1", memory)) == {"Uma ameixa boa."}


def test_the_other_direction_is_turned_and_other_languages_are_passed_over(tmp_path: Path) -> None:
    memory = tmp_path / "team.db"
    confirm(memory, ("Uma ameixa madura.", "A ripe plum."), pair=Pair("pt-BR", "en"))
    confirm(memory, ("A ripe plum.", "Eine reife Pflaume."), pair=Pair("en", "de"))
    assert learnt(news(tmp_path / "1", memory)) == {"Uma ameixa madura."}


def test_what_is_held_out_is_not_trained_on(tmp_path: Path) -> None:
    memory = tmp_path / "team.db"
    confirm(memory, *((f"The plum number {n} is ripe.", f"A ameixa {n} está madura.") for n in range(100)))
    found = news(tmp_path / "1", memory, held_out=0.3)
    assert found.held
    held = set(read_pairs(Texts(files=(str(found.held),)).as_source(EN_PT), EN_PT).targets)
    assert 15 <= len(held) <= 45
    assert not held & learnt(found)
    assert found.told["trained on"] + found.told["held out"] == 100


def test_too_little_is_told_with_what_the_filters_took(tmp_path: Path) -> None:
    memory, rows = tmp_path / "team.db", tmp_path / "more.tsv"
    confirm(memory, ("A <b>ripe</b> plum.", "Uma ameixa madura."))
    rows.write_text("A box.\tUma caixa.\n", "utf-8")
    with pytest.raises(InputError, match=r"Only 1 new pairs.*1 \(team\.db\).*1 \(tags\)"):
        news(tmp_path / "1", memory, files=(Texts(files=(str(rows),)),), least=5)
    with pytest.raises(InputError, match="Nothing new is left"):
        news(tmp_path / "2", memory)
    with pytest.raises(InputError, match="name a memory"):
        gather([], (), EN_PT, tmp_path / "3", since={}, held_out=0.0, least=1)
