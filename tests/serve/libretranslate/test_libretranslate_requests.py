"""What LibreTranslate's API says to requests of all kinds, as its own tests and clients have them."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator

import httpx
import pytest

from serve.conftest import Guarded

pytestmark = pytest.mark.slow


@pytest.fixture
def client(open_server: str) -> Iterator[httpx.Client]:
    """Calls the server that wants no keys."""
    with httpx.Client(base_url=open_server, timeout=60) as made:
        yield made


def _error(response: httpx.Response, status: int) -> str:
    assert response.status_code == status, response.text
    told = response.json()
    assert list(told) == ["error"]
    return str(told["error"])


def test_one_text_or_several_as_json_form_or_query(client: httpx.Client) -> None:
    asked = {"source": "en", "target": "pt"}
    one = {"translatedText": "Boa noite."}
    assert client.post("/translate", json={"q": "Good night.", **asked}).json() == one
    assert client.post("/translate", data={"q": "Good night.", **asked}).json() == one
    assert client.post("/translate", params={"q": "Good night.", **asked}).json() == one
    assert client.post("/translate", files={"q": (None, "Good night.")}, data=asked).json() == one
    several = client.post("/translate", json={"q": ["Good night.", "", "It is raining."], **asked}).json()
    assert several == {"translatedText": ["Boa noite.", "", "Está chovendo."]}


def test_lines_of_a_form_end_as_those_of_a_text(client: httpx.Client) -> None:
    asked = {"q": "Good night.\r\nIt is raining.", "source": "en", "target": "pt"}
    assert client.post("/translate", data=asked).json()["translatedText"] == "Boa noite.\nEstá chovendo."


def test_the_language_is_detected(client: httpx.Client) -> None:
    one = client.post("/translate", json={"q": "The old boat left the harbour.", "source": "auto", "target": "pt"})
    assert one.json()["detectedLanguage"]["language"] == "en"
    assert 0 < one.json()["detectedLanguage"]["confidence"] <= 100
    asked = {"q": ["The old boat left.", "O velho barco partiu."], "source": "auto", "target": "pt"}
    several = client.post("/translate", json=asked).json()
    assert [item["language"] for item in several["detectedLanguage"]] == ["en", "pt"]
    # What is in the target language already stays.
    assert several["translatedText"][1] == "O velho barco partiu."


def test_a_page_is_in_one_language(client: httpx.Client) -> None:
    page = "<h1>Rio</h1><p>The old boat left the harbour at five.</p><p>Nobody waved.</p>"
    asked = {"q": page, "source": "auto", "target": "pt", "format": "html"}
    told = client.post("/translate", json=asked).json()
    assert told["detectedLanguage"]["language"] == "en"
    assert told["translatedText"].startswith("<h1>")
    assert "<p>Ninguém " in told["translatedText"]


def test_what_cannot_be_told_is_english_without_confidence(client: httpx.Client) -> None:
    assert client.post("/detect", json={"q": "12345 😀"}).json() == [{"confidence": 0.0, "language": "en"}]


def test_markup_is_kept(client: httpx.Client) -> None:
    page = '<p class="a" title="Good night.">Good night,<br>my <b>friend</b> &amp; neighbour.</p><pre>x = 1</pre>'
    asked = {"q": page, "source": "en", "target": "pt", "format": "html"}
    made = client.post("/translate", json=asked).json()["translatedText"]
    assert made.startswith('<p class="a" title="Boa noite.">Boa noite,')
    assert re.fullmatch(r"<p [^<]*<br>[^<]*<b>amigo</b>[^<]*</p><pre>x = 1</pre>", made)


def test_a_language_into_itself_stays(client: httpx.Client) -> None:
    asked = {"q": "The  door & <b>more</b>", "source": "en", "target": "en", "format": "html"}
    assert client.post("/translate", json=asked).json() == {"translatedText": asked["q"]}


def test_regional_and_old_codes(client: httpx.Client) -> None:
    for code in ("pt-BR", "PT", "pb", "pt-PT"):
        asked = {"q": "Good night.", "source": "en", "target": code}
        assert client.post("/translate", json=asked).json() == {"translatedText": "Boa noite."}


def test_alternatives_are_a_list_where_they_are_wanted(client: httpx.Client) -> None:
    asked = {"q": "Good night.", "source": "en", "target": "pt", "alternatives": 3}
    assert client.post("/translate", json=asked).json() == {"translatedText": "Boa noite.", "alternatives": []}
    asked["q"] = ["Good night."]
    assert client.post("/translate", json=asked).json()["alternatives"] == [[]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"q": None}, "Invalid request: missing q parameter"),
        ({"q": ""}, "Invalid request: missing q parameter"),
        ({"q": []}, "Invalid request: missing q parameter"),
        ({"source": None}, "Invalid request: missing source parameter"),
        ({"target": ""}, "Invalid request: missing target parameter"),
        ({"target": "zz"}, "zz is not supported"),
        ({"source": "ja"}, "ja is not supported"),
        ({"source": "Klingon\x00"}, "klingon\x00 is not supported"),
        ({"format": "markdown"}, "markdown format is not supported"),
        ({"alternatives": "many"}, "Invalid request: alternatives parameter is not a number"),
        ({"q": "x" * 50_001}, "Invalid request: request (50001) exceeds text limit (50000)"),
    ],
)
def test_messages_are_those_of_libretranslate(
    client: httpx.Client, changes: dict[str, object], message: str
) -> None:
    asked = {"q": "Good night.", "source": "en", "target": "pt", **changes}
    body = {key: value for key, value in asked.items() if value is not None}
    assert _error(client.post("/translate", json=body), 400) == message


@pytest.mark.parametrize("body", ["{", "[]", "nonsense", '"text"', '{"q": "\\ud800"}', "[" * 100_000, "9" * 5_000])
def test_broken_bodies_are_refused(client: httpx.Client, body: str) -> None:
    head = {"Content-Type": "application/json"}
    assert _error(client.post("/translate", content=body, headers=head), 400)


def test_other_types_of_bodies_are_refused(client: httpx.Client) -> None:
    told = client.post("/translate", content="<q>hi</q>", headers={"Content-Type": "text/xml"})
    assert "text/xml" in _error(told, 415)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert _error(client.post("/translate", content=b"q=%ff%fe", headers=form), 400)
    assert "fields" in _error(client.post("/translate", content=b"a&" * 500_000, headers=form), 400)
    assert _error(client.post("/translate", content=b"q=" + b"x" * 3_000_000, headers=form), 413)
    assert _error(client.get("/translate"), 405)
    assert _error(client.post("/languages"), 405)


def test_keys(guarded_server: Guarded) -> None:
    asked = {"q": "Good night.", "source": "en", "target": "pt"}
    with httpx.Client(base_url=guarded_server.url) as client:
        assert "key" in _error(client.post("/translate", json=asked), 400)
        assert _error(client.post("/translate", json={**asked, "api_key": "wrong"}), 403)
        for sent in (
            client.post("/translate", json={**asked, "api_key": guarded_server.reader}),
            client.post("/translate", data={**asked, "api_key": guarded_server.reader}),
            client.post("/translate", params={"api_key": guarded_server.reader}, json=asked),
            client.post("/translate", json=asked, headers={"Authorization": f"Bearer {guarded_server.reader}"}),
        ):
            assert sent.json() == {"translatedText": "Boa noite."}
        # Clients list languages before they have a key.
        assert client.get("/languages").status_code == 200
        settings = client.get("/frontend/settings").json()
        assert (settings["apiKeys"], settings["keyRequired"]) == (True, True)
        document = {"file": ("a.txt", b"Good night.")}
        told = client.post("/translate_file", files=document, data={**asked, "api_key": guarded_server.reader})
        assert "documents" in _error(told, 403)


def test_too_much_in_a_month(guarded_server: Guarded) -> None:
    asked = {"q": "x" * 201, "source": "en", "target": "pt", "api_key": guarded_server.poor}
    told = _error(httpx.post(f"{guarded_server.url}/translate", json=asked), 429)
    assert told.startswith("Slowdown: ")


def test_suggestions_go_into_the_memory(client: httpx.Client, guarded_server: Guarded) -> None:
    assert client.get("/frontend/settings").json()["suggestions"] is True
    asked = {"q": "The lighthouse hums.", "source": "en", "target": "pt"}
    before = client.post("/translate", json=asked).json()["translatedText"]
    told = client.post("/suggest", data={**asked, "s": "O farol cantarola."})
    assert told.json() == {"success": True}
    after = client.post("/translate", json=asked).json()["translatedText"]
    assert (before != after, after) == (True, "O farol cantarola.")
    assert "missing s" in _error(client.post("/suggest", data=asked), 400)
    refused = {**asked, "s": "O farol.", "api_key": guarded_server.key}
    told = httpx.post(f"{guarded_server.url}/suggest", data=refused)
    assert _error(told, 403) == "Suggestions are disabled on this server."


def test_documents(client: httpx.Client) -> None:
    asked = {"source": "auto", "target": "pt"}
    sent = client.post(
        "/translate_file", data=asked, files={"file": ("note é.txt", b"Good night.\nIt is raining.\n")}
    )
    address = sent.json()["translatedFileUrl"]
    assert address.startswith(f"{client.base_url}/download_file/")
    fetched = httpx.get(address)
    assert fetched.content.decode() == "Boa noite.\nEstá chovendo.\n"
    assert "attachment" in fetched.headers["content-disposition"]


def test_documents_that_cannot_be_read(client: httpx.Client) -> None:
    asked = {"source": "en", "target": "pt"}

    def told(name: str, content: bytes, status: int, **changes: str) -> str:
        files = {"file": (name, content)}
        return _error(client.post("/translate_file", data={**asked, **changes}, files=files), status)

    assert told("a.exe", b"MZ", 400) == "Invalid request: file format not supported"
    assert told("a.txt", b"hi", 400, target="zz") == "zz is not supported"
    assert _error(client.post("/translate_file", data=asked), 400) == "Invalid request: missing file parameter"
    assert told("a.docx", b"no package", 400)
    assert told("a.txt", b"\xff\xfe\xfa", 400)
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("word/document.xml", b"<w>" * 50_000_000)
    assert told("bomb.docx", bomb.getvalue(), 400)
    _error(client.get("/download_file/nothing.txt"), 404)
    _error(client.get("/download_file/..%2f..%2fetc%2fpasswd"), 404)


def test_the_rest(client: httpx.Client) -> None:
    assert client.get("/health").json()["status"] == "ok"
    settings = client.get("/frontend/settings").json()
    assert settings["charLimit"] == 50_000
    assert ".docx" in settings["supportedFilesFormat"]
    assert settings["language"]["source"]["code"] == "auto"
    spec = client.get("/spec").json()
    assert spec["openapi"].startswith("3.")
    assert {"/translate", "/detect", "/languages", "/translate_file", "/suggest"} <= set(spec["paths"])
    _error(client.get("/translate_nothing"), 404)
