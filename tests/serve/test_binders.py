"""Glossaries of several directions: kept, changed, mended, each for its owner alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from scalemt.serve.binders import MOST_PARTS, Binders, Terms
from scalemt.serve.glossaries import Shelf
from scalemt.serve.refusals import InvalidRequest, NotFound, Unavailable
from scalemt.types import Pair

_THERE, _BACK = Pair("en", "pt"), Pair("pt", "en")


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """Where the glossaries of binders are."""
    return Shelf(tmp_path / "glossaries")


@pytest.fixture
def binders(tmp_path: Path, shelf: Shelf) -> Binders:
    """Binders in an empty folder."""
    return Binders(tmp_path / "binders", shelf)


def test_a_binder_is_kept_for_its_owner(binders: Binders, tmp_path: Path, shelf: Shelf) -> None:
    made = binders.create("ann", " port ", [Terms(_THERE, "boat\tbarco"), Terms(_BACK, "cais,pier", tabs=False)])
    again = Binders(tmp_path / "binders", shelf)
    assert again.get("ann", made.id.upper()) == made
    assert (made.name, {pair: kept.entries for pair, kept in made.parts.items()}) == (
        "port",
        {_THERE: 1, _BACK: 1},
    )
    assert again.listed("ann") == [made]
    assert again.alone("ann") == []
    assert again.listed("bob") == []
    for number in (made.id, "../../etc/passwd", ""):
        with pytest.raises(NotFound):
            again.get("bob", number)


def test_what_is_changed_takes_the_place_of_what_was(binders: Binders, shelf: Shelf) -> None:
    made = binders.create("ann", "port", [Terms(_THERE, "boat\tbarco\npier\tcais")])
    merged = binders.put("ann", made.id, Terms(_THERE, "boat\tnave"), merge=True)
    assert dict(shelf.entries("ann", merged.parts[_THERE].id)) == {"boat": "nave", "pier": "cais"}
    replaced = binders.put("ann", made.id, Terms(_THERE, "sail\tvela"))
    assert shelf.entries("ann", replaced.parts[_THERE].id) == (("sail", "vela"),)
    both = binders.put("ann", made.id, Terms(_BACK, "vela\tsail"), merge=True)
    assert binders.rename("ann", made.id, "harbour").name == "harbour"
    assert binders.part("ann", made.id, Pair("en-GB", "pt-BR")) == both.parts[_THERE]
    # Nothing is left on the shelf of what was there before.
    assert {item.id for item in shelf.list("ann")} == {item.id for item in both.parts.values()}
    binders.remove_part("ann", made.id, _THERE)
    with pytest.raises(NotFound, match="it has: pt->en"):
        binders.part("ann", made.id, _THERE)
    binders.remove("ann", made.id)
    assert not shelf.list("ann")
    assert not binders.listed("ann")


def test_a_glossary_of_the_shelf_is_one_of_a_single_direction(binders: Binders, shelf: Shelf) -> None:
    kept = shelf.create("ann", "port", _THERE, entries=[("boat", "barco")])
    assert binders.get("ann", kept.id).parts == {_THERE: kept}
    assert binders.alone("ann") == [kept]
    assert binders.rename("ann", kept.id, "harbour").id == kept.id
    changed = binders.put("ann", kept.id, Terms(_THERE, "boat\tnave"))
    assert (changed.id, changed.name) == (kept.id, "harbour")
    assert [item.id for item in binders.listed("ann")] == [kept.id]
    assert binders.alone("ann") == []


def test_what_goes_wrong_leaves_nothing_behind(binders: Binders, shelf: Shelf) -> None:
    good, bad = Terms(_THERE, "boat\tbarco"), Terms(_BACK, "one column")
    with pytest.raises(InvalidRequest, match="expected a source and a target"):
        binders.create("ann", "port", [good, bad])
    with pytest.raises(InvalidRequest, match="one dictionary a direction"):
        binders.create("ann", "port", [good, good])
    with pytest.raises(InvalidRequest, match="at least one dictionary"):
        binders.create("ann", "port", [])
    with pytest.raises(InvalidRequest, match="wants a name"):
        binders.create("ann", "\x00", [good])
    assert shelf.list("ann") == []
    made = binders.create("ann", "port", [good])
    with pytest.raises(InvalidRequest):
        binders.put("ann", made.id, Terms(_THERE, "one column"))
    assert binders.get("ann", made.id) == made
    assert MOST_PARTS < 1_000  # or no owner could fill a binder


def test_broken_and_missing_files_are_passed_over(binders: Binders, shelf: Shelf, tmp_path: Path) -> None:
    made = binders.create("ann", "port", [Terms(_THERE, "boat\tbarco"), Terms(_BACK, "cais\tpier")])
    shelf.delete("ann", made.parts[_BACK].id)
    assert list(binders.get("ann", made.id).parts) == [_THERE]
    (path,) = (tmp_path / "binders").glob("*/*.json")
    path.write_text("{")
    with pytest.raises(NotFound):
        binders.get("ann", made.id)
    # Its glossaries are not lost with it.
    assert [item.parts for item in binders.listed("ann")] == [{_THERE: made.parts[_THERE]}]


def test_a_disk_that_takes_nothing_is_told(binders: Binders, shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "binders").write_text("a file where a folder should be")
    with pytest.raises(Unavailable, match="can neither read nor keep glossaries"):
        binders.create("ann", "port", [Terms(_THERE, "boat\tbarco")])
    assert shelf.list("ann") == []
