"""What DeepL's API says to requests of all kinds: other clients send forms, and keys in many places."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from serve.conftest import Guarded

pytestmark = pytest.mark.slow

_ASKED = {"text": "Good night.", "source_lang": "EN", "target_lang": "PT-BR"}
_NIGHT = [{"detected_source_language": "EN", "text": "Boa noite."}]


@pytest.fixture
def client(open_server: str) -> Iterator[httpx.Client]:
    """Calls the server that wants no keys."""
    with httpx.Client(base_url=f"{open_server}/v2", timeout=60) as made:
        yield made


def _message(response: httpx.Response, status: int) -> str:
    assert response.status_code == status, response.text
    told = response.json()
    assert list(told) == ["message"]
    return str(told["message"])


def _translations(response: httpx.Response) -> Any:
    assert response.status_code == 200, response.text
    return response.json()["translations"]


def test_texts_as_json_form_or_query(client: httpx.Client) -> None:
    assert _translations(client.post("/translate", json=_ASKED)) == _NIGHT
    assert _translations(client.post("/translate", json={**_ASKED, "text": ["Good night."]})) == _NIGHT
    assert _translations(client.post("/translate", data=_ASKED)) == _NIGHT
    assert _translations(client.get("/translate", params=_ASKED)) == _NIGHT
    several = {**_ASKED, "text": ["Good night.", "It is raining."]}
    assert [item["text"] for item in _translations(client.post("/translate", data=several))] == [
        "Boa noite.",
        "Está chovendo.",
    ]


def test_parameters_of_forms(client: httpx.Client) -> None:
    asked = {
        **_ASKED,
        "text": "<a>Good night.</a> <k>Settings</k> <m>Menu</m>",
        "tag_handling": "xml",
        "ignore_tags": "k,m",
        "outline_detection": "0",
        "splitting_tags": ["a", "b"],
        "preserve_formatting": "1",
        "split_sentences": "nonewlines",
        "show_billed_characters": "true",
        "formality": "",
        "glossary_id": "",
        "unheard_of": "1",
    }
    (made,) = _translations(client.post("/translate", data=asked))
    assert made["text"] == "<a>Boa noite.</a> <k>Settings</k> <m>Menu</m>"
    assert made["billed_characters"] == len(asked["text"])


def test_what_subtitle_edit_sends(client: httpx.Client, open_server: str) -> None:
    # A form with small letters, and the formality that stands in its settings.
    form = {"text": "Good night.", "target_lang": "pt-br", "source_lang": "en", "formality": "default"}
    assert _translations(client.post("/translate", data=form)) == _NIGHT
    # A JSON object put together by hand, to "translate" behind the address.
    body = '{"q": "Good night.", "source": "en", "target": "pt"}'
    head = {"Content-Type": "application/json", "Accept": "application/json"}
    told = httpx.post(f"{open_server}/translate", content=body, headers=head)
    assert told.json() == {"translatedText": "Boa noite."}


def test_what_omegat_sends(client: httpx.Client) -> None:
    # Its plug-in is DeepL's Java client, which sends tags of its own as plain text.
    asked = {"text": ["<f0>Good night</f0>, <f1>my friend</f1>."], "source_lang": "EN", "target_lang": "PT-BR"}
    (made,) = _translations(client.post("/translate", json={**asked, "split_sentences": "1"}))
    assert made["text"] == "<f0>Boa noite</f0>, <f1>meu amigo</f1>."


def test_a_get_may_have_a_form(client: httpx.Client) -> None:
    # DeepL's Python client says in a body which languages it wants.
    told = client.request("GET", "/languages", data={"type": "target"}).json()
    assert [item["language"] for item in told] == ["EN-GB", "EN-US", "PT-BR", "PT-PT"]
    assert client.get("/languages", params={"type": "target"}).json() == told
    assert [item["language"] for item in client.get("/languages").json()] == ["EN", "PT"]
    assert "type" in _message(client.get("/languages", params={"type": "all"}), 400)


def test_the_languages_of_texts_are_told_apart(client: httpx.Client) -> None:
    asked = {
        "text": ["The old boat left the harbour.", "O velho barco deixou o porto.", "42"],
        "target_lang": "PT-PT",
    }
    told = _translations(client.post("/translate", json=asked))
    assert [item["detected_source_language"] for item in told][:2] == ["EN", "PT"]
    assert (told[1]["text"], told[2]["text"]) == ("O velho barco deixou o porto.", "42")


def test_lines(client: httpx.Client) -> None:
    two = "Good night.\nIt is raining."
    assert _translations(client.post("/translate", json={**_ASKED, "text": two}))[0]["text"] == (
        "Boa noite.\nEstá chovendo."
    )
    joined = {**_ASKED, "text": "The old boat\nleft the harbour.", "split_sentences": 0}
    assert "\n" not in _translations(client.post("/translate", json=joined))[0]["text"]


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"text": None}, "text"),
        ({"text": []}, "text"),
        ({"text": [1]}, "text"),
        ({"text": ["x"] * 51}, "at most 50"),
        ({"target_lang": None}, "target_lang"),
        ({"target_lang": "XX"}, "Value for 'target_lang' not supported. Valid choices: EN, PT."),
        ({"source_lang": "JA"}, "Value for 'source_lang' not supported"),
        ({"split_sentences": "2"}, "split_sentences"),
        ({"tag_handling": "markdown"}, "tag_handling"),
        ({"formality": "rude"}, "formality"),
        ({"formality": "less"}, "'formality' is not supported"),
        ({"model_type": "slow"}, "model_type"),
        ({"preserve_formatting": "perhaps"}, "preserve_formatting"),
        ({"style_id": "x"}, "'style_id' is not served"),
        ({"glossary_ids": ["a", "b"]}, "Several glossaries"),
        ({"glossary_id": "x", "source_lang": None}, "source_lang"),
    ],
)
def test_what_cannot_be_done(client: httpx.Client, changes: dict[str, Any], part: str) -> None:
    body = {key: value for key, value in {**_ASKED, **changes}.items() if value is not None}
    assert part in _message(client.post("/translate", json=body), 400)


def test_broken_requests(client: httpx.Client) -> None:
    head = {"Content-Type": "application/json"}
    for body in ("{", "[]", "nonsense", '{"text": ["\\ud800"], "target_lang": "PT"}'):
        assert _message(client.post("/translate", content=body, headers=head), 400)
    assert _message(client.post("/translate", content="text", headers={"Content-Type": "text/plain"}), 415)
    assert _message(client.post("/translate", content=b'{"text":"' + b"x" * 3_000_000, headers=head), 413)
    assert _message(client.post("/translate", json={**_ASKED, "text": ["x" * 50_001]}), 413)
    assert _message(client.put("/translate", json=_ASKED), 405)
    assert _message(client.get("/nothing"), 404)
    assert _message(client.get("/glossaries/..%2F..%2Fetc"), 404)
    assert _message(client.get("/glossaries/00000000-0000-0000-0000-000000000000"), 404)
    assert _message(client.post("/document/xyz", data={"document_key": "x"}), 404)
    assert _message(client.post("/document/" + "0" * 32 + "/result", data={"document_key": "x"}), 404)
    assert _message(client.post("/document", data=_ASKED), 400)
    accept = {"Accept": "application/json"}
    made = {"name": "n", "source_lang": "en", "target_lang": "pt", "entries": "a\tb", "entries_format": "tsv"}
    number = client.post("/glossaries", data=made).json()["glossary_id"]
    assert _message(client.get(f"/glossaries/{number}/entries", headers=accept), 415)
    assert client.get(f"/glossaries/{number}/entries").text == "a\tb\n"
    assert client.delete(f"/glossaries/{number}").status_code == 204


def test_keys(guarded_server: Guarded) -> None:
    key = guarded_server.reader
    with httpx.Client(base_url=f"{guarded_server.url}/v2") as client:
        for sent in (
            client.post("/translate", json=_ASKED, headers={"Authorization": f"DeepL-Auth-Key {key}"}),
            client.post("/translate", json={**_ASKED, "auth_key": key}),
            client.post("/translate", data={**_ASKED, "auth_key": key}),
            client.get("/translate", params={**_ASKED, "auth_key": key}),
        ):
            assert _translations(sent) == _NIGHT
        for refused in (
            client.post("/translate", json=_ASKED),
            client.post("/translate", json=_ASKED, headers={"Authorization": "DeepL-Auth-Key wrong"}),
            client.get("/languages"),
            client.get("/usage", headers={"Authorization": f"Basic {key}"}),
            client.get("/glossaries", headers={"Authorization": f"DeepL-Auth-Key {key}"}),
        ):
            assert _message(refused, 403)


def test_documents_of_others(guarded_server: Guarded, open_server: str) -> None:
    head = {"Authorization": f"DeepL-Auth-Key {guarded_server.key}"}
    sent = httpx.post(
        f"{guarded_server.url}/v2/document",
        data={"target_lang": "PT-BR", "filename": "note.txt"},
        files={"file": ("blob", b"Good night.")},
        headers=head,
    )
    handle = sent.json()
    assert len(handle["document_key"]) == 64
    address = f"{guarded_server.url}/v2/document/{handle['document_id']}"
    key = {"document_key": handle["document_key"]}
    assert httpx.post(address, json=key, headers=head).json()["status"] in ("queued", "translating", "done")
    assert _message(httpx.post(address, json={"document_key": "0" * 64}, headers=head), 404)
    assert _message(httpx.post(address, json=key, headers={"Authorization": "DeepL-Auth-Key wrong"}), 403)
    assert _message(httpx.post(f"{open_server}/v2/document/{handle['document_id']}", json=key), 404)
