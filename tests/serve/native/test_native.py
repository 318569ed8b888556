"""The native API, against a real server with real weights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from scalemt.memory import MemoryStore
from serve.serving import make_key, served

pytestmark = pytest.mark.slow

FERRY = "The ferry was cancelled because of the storm."


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a server with a memory."""
    memory = tmp_path_factory.mktemp("native") / "memory.db"
    MemoryStore(memory, create=True).close()
    with served("--memory", str(memory)) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        yield client


def post(client: httpx.Client, path: str, **body: Any) -> httpx.Response:
    return client.post(path, json=body)


def fault(answer: httpx.Response) -> tuple[int, str]:
    told = answer.json()["error"]
    assert told["request_id"] == answer.headers["X-Request-ID"]
    return answer.status_code, told["type"]


def events(client: httpx.Client, **body: Any) -> list[tuple[str, dict[str, Any]]]:
    found = []
    with client.stream("POST", "/v1/translate", json={**body, "stream": True}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for block in answer.read().decode().split("\n\n"):
            name, _, data = block.partition("\n")
            if name.startswith("event: "):
                found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def test_one_text_and_several_are_translated_in_order(client: httpx.Client) -> None:
    one = post(client, "/v1/translate", text="The house is blue.", source="en", target="pt").json()
    assert one["translations"][0] == {
        "id": "1",
        "source": "The house is blue.",
        "translation": "A casa é azul.",
        "method": "draft",
        "error": None,
    }
    assert (one["source"], one["target"], one["detected"]) == ("en", "pt", None)
    texts = ["Good morning.", "", FERRY, "The house is blue."]
    many = post(client, "/v1/translate", text=texts, source="en", target="pt").json()["translations"]
    assert [item["source"] for item in many] == texts
    assert [item["translation"] for item in many][1::2] == ["", "A casa é azul."]


def test_explain_tells_all_that_the_command_line_tells(client: httpx.Client) -> None:
    (told,) = post(client, "/v1/translate", text=FERRY, source="en", target="pt", explain=True).json()[
        "translations"
    ]
    words = told["draft"]["words"]
    assert [word["text"] for word in words] == told["translation"].split()
    assert all(0 <= word["confidence"] <= 1 for word in words)
    assert told["signature"].startswith("scalemt:")


def test_each_text_tells_its_own_language(client: httpx.Client) -> None:
    texts = ["Where is the nearest railway station, please?", "Onde fica a estação de comboios mais próxima?"]
    told = post(client, "/v1/translate", text=texts, target="pt").json()
    assert told["detected"]["language"] == "en"
    # What is in the target language already is left as it is.
    assert told["translations"][1]["translation"] == texts[1]
    assert told["translations"][0]["translation"] != texts[0]


def test_markup_lines_and_placeholders_stay(client: httpx.Client) -> None:
    text = "Open the <b>blue</b> door.\nYou have {count} new messages."
    (told,) = post(client, "/v1/translate", text=text, source="en", target="pt").json()["translations"]
    first, second = told["translation"].split("\n")
    assert "<b>" in first
    assert "</b>" in first
    assert "{count}" in second


def test_a_stream_tells_each_segment_as_it_is_done(client: httpx.Client) -> None:
    told = events(client, text=["The house is blue.", "Good morning."], source="auto", target="pt")
    names = [name for name, _ in told]
    assert names[0] == "detected"
    assert names[-1] == "done"
    assert sorted(data["index"] for name, data in told if name == "translation") == [0, 1]
    done = told[-1][1]
    assert (done["segments"], done["failed"]) == (2, 0)


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({"text": "Hello", "source": "en", "target": "xx"}, (400, "invalid_request")),
        ({"text": "Hello", "source": "en", "target": "en"}, (400, "invalid_request")),
        ({"text": "Hello", "source": "en", "target": "ja"}, (400, "invalid_request")),
        ({"text": "Hello", "source": "en", "target": "pt", "profile": "none"}, (400, "invalid_request")),
        ({"text": "Hello", "source": "en", "target": "pt", "method": "none"}, (400, "invalid_request")),
        ({"text": "Hello", "source": "en", "target": "pt", "glossary": "../x"}, (404, "not_found")),
        ({"text": "Hello", "source": "en", "target": "pt", "unknown": 1}, (400, "invalid_request")),
        ({"text": 5, "source": "en", "target": "pt"}, (400, "invalid_request")),
        ({"source": "en", "target": "pt"}, (400, "invalid_request")),
        ({"text": "a " * 30_000, "source": "en", "target": "pt"}, (413, "too_large")),
        ({"text": ["a"] * 1001, "source": "en", "target": "pt"}, (413, "too_large")),
        ({"text": "\ud800", "source": "en", "target": "pt"}, (400, "invalid_request")),
    ],
)
def test_what_cannot_be_done_is_said(client: httpx.Client, body: dict[str, Any], wanted: tuple[int, str]) -> None:
    content = json.dumps(body)
    headers = {"Content-Type": "application/json"}
    assert fault(client.post("/v1/translate", content=content, headers=headers)) == wanted
    if "text" in body and wanted[0] != 413:
        streamed = json.dumps({**body, "stream": True})
        assert fault(client.post("/v1/translate", content=streamed, headers=headers)) == wanted


def test_a_body_that_is_no_json_is_named(client: httpx.Client) -> None:
    answer = client.post("/v1/translate", content=b"{", headers={"Content-Type": "application/json"})
    assert fault(answer) == (400, "invalid_request")
    plain = client.post("/v1/translate", content=b'{"text": "a", "target": "pt"}')
    assert fault(plain) == (400, "invalid_request")


def test_unknown_addresses_and_methods_are_refused(client: httpx.Client) -> None:
    assert fault(client.get("/v1/nothing")) == (404, "not_found")
    assert client.get("/v1/translate").status_code == 405


def test_what_there_is_is_listed(client: httpx.Client) -> None:
    languages = {item["code"]: item for item in client.get("/v1/languages").json()["languages"]}
    assert "pt" in languages["en"]["targets"]
    assert not languages["en"]["rtl"]
    profiles = client.get("/v1/profiles").json()
    assert profiles["default"] == "fast"
    assert profiles["profiles"][0]["memory"]
    found = post(client, "/v1/detect", text="Where is the railway station?").json()["languages"]
    assert found[0]["language"] == "en"


def test_a_correction_is_the_translation_from_then_on(client: httpx.Client) -> None:
    text, wanted = "The kettle sings at dawn.", "A chaleira canta de madrugada."
    before = post(client, "/v1/translate", text=text, source="en", target="pt").json()
    assert before["translations"][0]["translation"] != wanted
    kept = post(client, "/v1/memory", source_text=text, translation=wanted, source="en", target="pt")
    assert (kept.status_code, kept.json()) == (201, {"kept": True})
    after = post(client, "/v1/translate", text=text, source="en", target="pt").json()
    assert after["translations"][0]["translation"] == wanted
    near = client.get("/v1/memory", params={"text": "The kettle sings at noon.", "source": "en", "target": "pt"})
    assert near.json()["matches"][0]["target"] == wanted
    same = post(client, "/v1/memory/matches", text="The kettle sings at noon.", source="en", target="pt")
    assert same.json() == near.json()
    held = client.get("/v1/memory/search", params={"text": "kettle"}).json()["units"]
    assert held[0]["source"] == text
    assert client.get("/v1/memory/stats").json()["memories"]["memory.db"][0]["units"] == 1


def test_a_glossary_is_kept_used_and_forgotten(client: httpx.Client) -> None:
    entries = [{"source": "house", "target": "moradia"}]
    made = post(client, "/v1/glossaries", name="homes", source="en", target="pt", entries=entries)
    assert made.status_code == 201
    number = made.json()["id"]
    assert client.get(f"/v1/glossaries/{number}/entries").json()["entries"] == entries
    assert [item["id"] for item in client.get("/v1/glossaries").json()["glossaries"]] == [number]
    told = post(
        client, "/v1/translate", text="The house is blue.", source="en", target="pt", glossary=number, explain=True
    )
    (item,) = told.json()["translations"]
    assert item["terms"][0]["source"] == "house"
    assert client.delete(f"/v1/glossaries/{number}").status_code == 204
    assert fault(client.get(f"/v1/glossaries/{number}")) == (404, "not_found")


def test_translations_are_scored(client: httpx.Client) -> None:
    scored = post(
        client,
        "/v1/evaluate",
        hypotheses=["A casa é azul.", "Bom dia."],
        references=["A casa é azul.", "Bom dia a todos."],
        metrics=["chrf++", "bleu", "ter"],
    ).json()
    assert scored["segments"] == 2
    names = [item["metric"] for item in scored["scores"]]
    assert len(names) == 3
    first = scored["scores"][0]
    assert first["segments"][0] == pytest.approx(100)
    assert first["low"] <= first["score"] <= first["high"]
    assert "version:" in first["signature"]
    assert fault(post(client, "/v1/evaluate", hypotheses=["a"], references=["a", "b"])) == (400, "invalid_request")
    assert fault(post(client, "/v1/evaluate", hypotheses=["a"], references=["a"], metrics=["comet"]))[0] == 400


def wait(client: httpx.Client, number: str) -> dict[str, Any]:
    for _ in range(600):
        job: dict[str, Any] = client.get(f"/v1/jobs/{number}").json()
        if job["state"] in ("done", "failed"):
            return job
        httpx.get(f"{client.base_url}/health")
    raise AssertionError(f"never done: {job}")


def test_a_document_is_sent_watched_and_fetched(client: httpx.Client) -> None:
    lines = b"The house is blue.\n\nGood morning.\nThe house is blue.\n"
    sent = client.post("/v1/jobs", files={"file": ("../../letter.txt", lines)}, data={"target": "pt"})
    assert sent.status_code == 202
    number = sent.json()["id"]
    job = wait(client, number)
    assert (job["state"], job["name"], job["source"], job["failed"]) == ("done", "letter.txt", "auto", 0)
    result = client.get(f"/v1/jobs/{number}/result")
    assert result.content.decode().splitlines()[::3] == ["A casa é azul."] * 2
    assert "letter.pt.txt" in result.headers["content-disposition"]
    assert number in [item["id"] for item in client.get("/v1/jobs").json()["jobs"]]
    assert client.delete(f"/v1/jobs/{number}").status_code == 204
    assert fault(client.get(f"/v1/jobs/{number}")) == (404, "not_found")


@pytest.mark.parametrize(
    ("name", "content", "state"),
    [("broken.docx", b"no zip at all", "failed"), ("page.html", b"<p>The house is <b>blue</b>.</p>", "done")],
)
def test_documents_are_read_in_their_formats(client: httpx.Client, name: str, content: bytes, state: str) -> None:
    sent = client.post("/v1/jobs", files={"file": (name, content)}, data={"source": "en", "target": "pt"})
    job = wait(client, sent.json()["id"])
    assert job["state"] == state
    if state == "failed":
        assert job["error"].startswith(name)
        assert fault(client.get(f"/v1/jobs/{job['id']}/result")) == (409, "not_done")
    else:
        assert b"<b>" in client.get(f"/v1/jobs/{job['id']}/result").content


def test_an_unknown_suffix_is_refused_at_once(client: httpx.Client) -> None:
    sent = client.post("/v1/jobs", files={"file": ("a.exe", b"x")}, data={"source": "en", "target": "pt"})
    assert fault(sent) == (400, "invalid_request")


def test_keys_open_what_their_scopes_say(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    mine = make_key(keys, "translator", "translate", limits={"characters": 50})
    with served("--key-file", str(keys)) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        body = {"text": "The house is blue.", "source": "en", "target": "pt"}
        assert fault(client.post("/v1/translate", json=body)) == (401, "unauthorized")
        wrong = client.post("/v1/translate", json=body, headers={"X-API-Key": "scalemt_wrong"})
        assert fault(wrong) == (403, "forbidden")
        for headers in ({"Authorization": f"Bearer {mine}"}, {"X-API-Key": mine}):
            assert client.post("/v1/translate", json=body, headers=headers).status_code == 200
        client.headers["X-API-Key"] = mine
        assert fault(client.get("/v1/glossaries")) == (403, "forbidden")
        long = {**body, "text": "The house is blue. " * 3}
        assert fault(client.post("/v1/translate", json=long)) == (413, "too_large")
        assert mine not in server.logged
        assert "house" not in server.logged
