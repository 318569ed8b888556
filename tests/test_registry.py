"""Names to classes: lazily, with plug-ins by entry point, and errors that list the choices."""

from __future__ import annotations

import sys
from collections import OrderedDict
from pathlib import Path

import pytest

from scalemt.errors import ConfigurationError, UnknownNameError
from scalemt.generalists import GENERALISTS
from scalemt.memory import SELECTORS
from scalemt.methods import METHODS
from scalemt.registry import Registry
from scalemt.specialists import SPECIALISTS

GROUP = "scalemt_test.things"


@pytest.fixture
def things() -> Registry:
    return Registry("thing", GROUP, {"ordered": "collections:OrderedDict", "broken": "no_such_module_here:Thing"})


@pytest.fixture
def _plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a package with two entry points, one of them under a built-in name."""
    (tmp_path / "plugged_things.py").write_text("class Thing:\n    pass\n")
    info = tmp_path / "plugged_things-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugged-things\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        f"[{GROUP}]\nplugged = plugged_things:Thing\nordered = plugged_things:Thing\n"
        "lost = no_such_module_here:Thing\nhollow = plugged_things:Nothing\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "plugged_things", raising=False)


def test_a_built_in_name_is_imported_when_asked_for(things: Registry) -> None:
    assert things.load("ordered") is OrderedDict
    assert things.names() == ["broken", "ordered"]


def test_an_unknown_name_lists_the_choices(things: Registry) -> None:
    with pytest.raises(UnknownNameError, match=r"no thing named 'odd'\. Valid choices: broken, ordered\.$"):
        things.load("odd")
    with pytest.raises(UnknownNameError, match="Valid choices: none is installed"):
        Registry("thing", GROUP, {}).load("odd")


@pytest.mark.usefixtures("_plugin")
def test_a_plug_in_is_found_and_cannot_replace_a_built_in_name(things: Registry) -> None:
    assert things.names() == ["broken", "hollow", "lost", "ordered", "plugged"]
    assert "plugged_things" not in sys.modules
    assert things.load("plugged").__name__ == "Thing"
    assert things.load("ordered") is OrderedDict


@pytest.mark.usefixtures("_plugin")
@pytest.mark.parametrize("name", ["lost", "hollow"])
def test_a_plug_in_that_cannot_be_imported_is_named_with_its_package(things: Registry, name: str) -> None:
    with pytest.raises(
        ConfigurationError, match=f"thing '{name}' of the plug-in plugged-things .*cannot be imported"
    ):
        things.load(name)


@pytest.mark.parametrize("registry", [SPECIALISTS, GENERALISTS, METHODS, SELECTORS], ids=lambda item: item.kind)
def test_every_built_in_name_leads_to_a_class_of_that_name(registry: Registry) -> None:
    for name in registry.names():
        assert isinstance(registry.load(name), type), name
        # LibreTranslate and DeepL share a module; all say themselves what they are called.
        assert registry.load(name).name == name
