"""Weblate's own code, from PyPI, as a client of its LibreTranslate and DeepL services."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from serve.conftest import Guarded

pytestmark = pytest.mark.slow

_CLIENT = Path(__file__).with_name("weblate_client.py")


@pytest.fixture(scope="session")
def weblate_python() -> Path:
    """An interpreter that has Weblate's machine translation services."""
    own = Path(__file__).resolve().parents[2] / ".venv-weblate" / "bin" / "python"
    path = Path(os.environ.get("SCALEMT_WEBLATE_PYTHON", own))
    if not path.exists():
        pytest.skip(f"no interpreter with Weblate: {path} is not there. Mend: make .venv-weblate/.done")
    return path


def _asked(python: Path, service: str, server: Guarded) -> dict[str, Any]:
    command = [str(python), str(_CLIENT), service, server.url, server.key]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr
    told: dict[str, Any] = json.loads(ended.stdout)
    return told


def _text(suggestions: list[dict[str, Any]]) -> str:
    assert len(suggestions) == 1
    return str(suggestions[0]["text"])


def test_its_libretranslate_service(weblate_python: Path, guarded_server: Guarded) -> None:
    told = _asked(weblate_python, "libretranslate", guarded_server)
    assert told["languages"] == ["en", "pt"]
    assert _text(told["plain"]) == _text(told["regional"]) == "Boa noite."
    assert _text(told["placeholders"]) == "Boa noite, %s!"
    assert _text(told["lines"]) == "Boa noite.\nEstá chovendo."
    assert "403" in told["wrong key"]
    # Its form tries English to German before it keeps any settings, whatever the languages of the project.
    assert "de is not supported" in told["settings"]


def test_its_deepl_service(weblate_python: Path, guarded_server: Guarded) -> None:
    told = _asked(weblate_python, "deepl", guarded_server)
    assert ["EN", "PT-BR"] in told["languages"]
    assert ["EN", "PT-PT"] in told["languages"]
    assert _text(told["plain"]) == _text(told["regional"]) == "Boa noite."
    assert _text(told["placeholders"]) == "Boa noite, %s & %(name)s!"
    assert _text(told["markup"]) == 'Boa noite, <a href="%s">amigo</a>!'
    assert "embarcação" in _text(told["glossary"])
    assert "nave" in _text(told["changed glossary"])
    # It takes away what is out of date, and keeps one glossary a project and pair.
    assert len(told["glossaries"]) == 1
    assert told["wrong key"].startswith("MachineTranslationError: The key")
    assert "Value for" in told["settings"]
