"""LibreTranslate's own clients, unchanged, at a real server."""

from __future__ import annotations

from urllib.error import HTTPError

import pytest
from deep_translator import LibreTranslator  # type: ignore[import-untyped]
from deep_translator.exceptions import AuthorizationException, ServerException  # type: ignore[import-untyped]
from libretranslatepy import LibreTranslateAPI  # type: ignore[import-untyped]

from serve.conftest import Guarded

pytestmark = pytest.mark.slow


def test_libretranslatepy_translates_and_lists(open_server: str) -> None:
    client = LibreTranslateAPI(open_server)
    assert client.translate("The door is open.", "en", "pt") == "A porta está aberta."
    assert client.detect("Onde fica a estação de comboios?")[0]["language"] == "pt"
    listed = {item["code"]: item for item in client.languages()}
    assert listed["en"]["name"] == "English"
    assert listed["en"]["targets"] == ["en", "pt"]


def test_libretranslatepy_with_a_key(guarded_server: Guarded) -> None:
    client = LibreTranslateAPI(guarded_server.url, guarded_server.key)
    assert client.translate("The door is open.", "en", "pt") == "A porta está aberta."
    # Its GET for the languages has the key in a body.
    assert {item["code"] for item in client.languages()} == {"en", "pt"}
    with pytest.raises(HTTPError, match="403"):
        LibreTranslateAPI(guarded_server.url, "wrong").translate("The door is open.", "en", "pt")
    with pytest.raises(HTTPError, match="400"):
        LibreTranslateAPI(guarded_server.url).translate("The door is open.", "en", "pt")


def test_deep_translator(guarded_server: Guarded) -> None:
    def client(key: str, **languages: str) -> LibreTranslator:
        return LibreTranslator(custom_url=f"{guarded_server.url}/", api_key=key, **languages)

    assert client(guarded_server.key, source="en", target="pt").translate("It is raining.") == "Está chovendo."
    many = client(guarded_server.key, source="en", target="pt").translate_batch(["Good night.", "It is raining."])
    assert many == ["Boa noite.", "Está chovendo."]
    with pytest.raises(AuthorizationException):
        client("wrong", source="en", target="pt").translate("It is raining.")
    with pytest.raises(ServerException, match="BAD_REQUEST"):
        client(guarded_server.key, source="en", target="ja").translate("It is raining.")
