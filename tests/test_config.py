"""Profiles: which file wins, what overrides what, and errors that name field, place and choices."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from scalemt.config import BUILT_IN, Configuration, Profile, load_configuration
from scalemt.errors import ConfigurationError, UnknownNameError
from scalemt.folders import cache_dir, config_dir


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The user's configuration folder and the working directory, both empty; no variables of the tester's own."""
    for name in [name for name in os.environ if name.startswith("SCALEMT_")]:
        monkeypatch.delenv(name)
    user, work = tmp_path / "user", tmp_path / "work"
    user.mkdir()
    work.mkdir()
    monkeypatch.setenv("SCALEMT_CONFIG_DIR", str(user))
    monkeypatch.chdir(work)
    return user, work


def write(folder: Path, text: str) -> None:
    (folder / "scalemt.toml").write_text(text, "utf-8")


# Which file wins.


def test_without_any_file_the_built_in_profiles_hold() -> None:
    found = load_configuration()
    assert dict(found.profiles) == BUILT_IN
    assert found.profile() == Profile()
    assert found.profile().explicit == {"name"}
    assert found.profile("fast").method == "draft"
    assert found.profile("paper").gate == "off"


def test_the_working_directory_wins_over_the_users_folder_and_both_over_built_in(
    folders: tuple[Path, Path],
) -> None:
    user, work = folders
    write(user, '[profiles.default]\nshots = 1\n[profiles.mine]\nshots = 2\n[generalists.big]\ntype = "openai"\n')
    write(work, '[profiles.default]\nshots = 3\n[specialists.own]\ntype = "ctranslate2"\nfolder = "x"\n')
    found = load_configuration()
    assert found.profile().shots == 3
    assert found.profile("mine").shots == 2
    assert found.profile("fast").method == "draft"
    assert found.generalists == {"big": {"type": "openai"}}
    assert found.specialists == {"own": {"type": "ctranslate2", "folder": "x"}}
    assert "scalemt.toml" in found.origins["mine"]


def test_environment_wins_over_files_and_flags_over_both(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folders[1], '[profiles.default]\nshots = 3\nmethod = "draft"\nseed = 9\n')
    monkeypatch.setenv("SCALEMT_SHOTS", "4")
    monkeypatch.setenv("SCALEMT_METHOD", "few-shot")
    monkeypatch.setenv("SCALEMT_SPECIALISTS", "apertium, bergamot")
    monkeypatch.setenv("SCALEMT_CONFIDENCES", "false")
    monkeypatch.setenv("SCALEMT_PIVOT", "")
    profile = load_configuration().profile(method="refine", gate=None)
    assert (profile.shots, profile.method, profile.seed) == (4, "refine", 9)
    assert profile.specialists == ("apertium", "bergamot")
    assert profile.confidences is False
    assert profile.pivot is None
    assert profile.explicit == {"name", "shots", "method", "seed", "specialists", "confidences"}


def test_the_profile_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEMT_PROFILE", "fast")
    assert load_configuration().profile().name == "fast"
    assert load_configuration().profile("paper").name == "paper"


def test_folders(monkeypatch: pytest.MonkeyPatch, folders: tuple[Path, Path]) -> None:
    assert config_dir() == folders[0]
    monkeypatch.setenv("SCALEMT_CACHE_DIR", "/somewhere")
    assert cache_dir() == Path("/somewhere")
    monkeypatch.delenv("SCALEMT_CACHE_DIR")
    monkeypatch.delenv("SCALEMT_CONFIG_DIR")
    assert "scalemt" in str(cache_dir())
    assert "scalemt" in str(config_dir())


# Errors.


def test_an_unknown_profile_lists_the_choices(folders: tuple[Path, Path]) -> None:
    write(folders[1], "[profiles.mine]\n")
    with pytest.raises(
        UnknownNameError, match=r"no profile named 'min'\. Valid choices: default, fast, mine, paper"
    ):
        load_configuration().profile("min")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "shot = 3",
            "unknown field 'shot'. Valid choices: batch, budget, cache, confidences, context, demonstrations",
        ),
        ('name = "x"', "unknown field 'name'. Valid choices: batch"),
        ('gate = "on"', "gate is 'on'. Valid choices: off, checks, quality."),
        ('third = "pivot"', "third is 'pivot'. Valid choices: none, few-shot."),
        ("shots = 65", "shots is 65: Input should be less than or equal to 64."),
        ("shots = -1", "shots is -1: Input should be greater than or equal to 0."),
        ('shots = "many"', "shots is 'many': Input should be a valid integer"),
        ("temperature = 3.0", "temperature is 3.0: Input should be less than or equal to 2."),
        ("specialists = [1]", "specialists is 1: Input should be a valid string."),
        ("max_characters = 1", "max_characters is 1: Input should be greater than or equal to 50."),
        ('gate = "on"\nshot = 3', "unknown field 'shot'"),
    ],
)
def test_a_bad_field_names_profile_file_and_choices(folders: tuple[Path, Path], line: str, said: str) -> None:
    write(folders[1], f"[profiles.mine]\n{line}\n")
    with pytest.raises(ConfigurationError) as caught:
        load_configuration().profile("mine")
    assert said in str(caught.value)
    assert str(caught.value).startswith("In profile mine (scalemt.toml): ")


def test_a_bad_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEMT_GATE", "maybe")
    with pytest.raises(
        ConfigurationError, match=r"gate \(from SCALEMT_GATE\) is 'maybe'\. Valid choices: off, checks"
    ):
        load_configuration().profile()
    with pytest.raises(ConfigurationError, match=r": gate is 'perhaps'\. Valid"):
        load_configuration().profile(gate="perhaps")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[profiles.x", "is not valid TOML"),
        (
            "[profile.x]\nshots = 1\n",
            "unknown table [profile]. Valid choices: generalists, profiles, specialists.",
        ),
        ("shots = 1\n", "unknown table [shots]"),
        ("profiles = 1\n", "[profiles] must hold tables such as [profiles.NAME]"),
        ("[profiles]\nshots = 1\n", "[profiles] must hold tables such as [profiles.NAME]"),
    ],
)
@pytest.mark.parametrize("place", [0, 1])
def test_a_bad_file_is_named(folders: tuple[Path, Path], text: str, said: str, place: int) -> None:
    write(folders[place], text)
    with pytest.raises(ConfigurationError) as caught:
        load_configuration()
    assert said in str(caught.value)
    assert "scalemt.toml" in str(caught.value)


def test_a_file_that_is_not_utf_8(folders: tuple[Path, Path]) -> None:
    (folders[1] / "scalemt.toml").write_bytes(b'[profiles.x]\nmethod = "\xff"\n')
    with pytest.raises(ConfigurationError, match="is not valid TOML"):
        load_configuration()


# Profiles.


def test_specialists_may_be_one_string_or_a_list() -> None:
    def made(value: Any) -> tuple[str, ...]:
        return Configuration().profile(specialists=value).specialists

    assert made("apertium") == made(["apertium"]) == made(" apertium, ") == ("apertium",)
    assert made("ctranslate2:/models/nllb,apertium") == ("ctranslate2:/models/nllb", "apertium")


def test_threads_are_what_is_said_or_the_free_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    monkeypatch.setattr(os, "getloadavg", lambda: (10.2, 0.0, 0.0), raising=False)
    assert Profile(threads=3).core_count() == 3
    assert Profile().core_count() == 6
    monkeypatch.setattr(os, "getloadavg", lambda: (40.0, 0.0, 0.0), raising=False)
    assert Profile().core_count() == 1
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0), raising=False)
    assert Profile().core_count() == 8
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert Profile().core_count() == 1
