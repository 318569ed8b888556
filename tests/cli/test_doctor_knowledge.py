"""`scalemt doctor` opens the memories and glossaries that profiles name."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from scalemt.cli import cli


@pytest.mark.parametrize(
    ("field", "told"),
    [('memories = ["none.db"]', "There is no translation memory none.db"), ('glossary = "none.csv"', "none.csv")],
)
def test_what_a_profile_names_is_opened(
    field: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCALEMT_CONFIG_DIR", str(tmp_path / "config"))
    (tmp_path / "scalemt.toml").write_text(f"[profiles.mine]\n{field}\n", "utf-8")
    done = CliRunner().invoke(cli, ["doctor", "--quick"])
    assert told in " ".join(done.output.split())
