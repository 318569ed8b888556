"""Methods and glossaries that a request names, at a server whose profile only drafts."""

from __future__ import annotations

import httpx
import pytest

pytestmark = pytest.mark.slow


def test_terms_stand_in_drafts(open_server: str) -> None:
    with httpx.Client(base_url=f"{open_server}/v1", timeout=60) as client:
        entries = [{"source": "boat", "target": "embarcação"}]
        body = {"name": "harbour", "source": "en", "target": "pt", "entries": entries}
        number = client.post("/glossaries", json=body).json()["id"]
        asked = {"text": "The boat is here.", "source": "en", "target": "pt"}
        (plain,) = client.post("/translate", json=asked).json()["translations"]
        (termed,) = client.post("/translate", json={**asked, "glossary": number}).json()["translations"]
        assert (plain["method"], termed["method"]) == ("draft", "terminology")
        assert "embarcação" not in plain["translation"]
        assert "embarcação" in termed["translation"]
        # Whoever names a method has it as it is.
        named = {**asked, "glossary": number, "method": "draft"}
        (drafted,) = client.post("/translate", json=named).json()["translations"]
        assert drafted["translation"] == plain["translation"]
        client.delete(f"/glossaries/{number}")


def test_a_method_without_what_it_needs_is_the_fault_of_the_request(open_server: str) -> None:
    asked = {"text": "The boat is here.", "source": "en", "target": "pt", "method": "terminology"}
    told = httpx.post(f"{open_server}/v1/translate", json=asked, timeout=60)
    assert told.status_code == 400
    assert "glossary" in told.json()["error"]["message"]
