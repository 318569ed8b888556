"""DeepL's own client, unchanged, at a real server."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import deepl
import pytest
from deep_translator import DeeplTranslator  # type: ignore[import-untyped]
from deepl.api_data import ModelType

from serve.conftest import Guarded

pytestmark = pytest.mark.slow


@pytest.fixture
def client(guarded_server: Guarded) -> Iterator[deepl.DeepLClient]:
    """DeepL's client, with a key that may do all."""
    made = deepl.DeepLClient(guarded_server.key, server_url=guarded_server.url)
    yield made
    made.close()  # type: ignore[no-untyped-call]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the client tell of a refusal at once: it would try again for half a minute."""
    monkeypatch.setattr(deepl.http_client, "max_network_retries", 0)


def test_texts(client: deepl.DeepLClient) -> None:
    one = client.translate_text("Good night.", target_lang="PT-BR")
    assert isinstance(one, deepl.TextResult)
    assert (one.text, one.detected_source_lang, one.billed_characters) == ("Boa noite.", "EN", 11)
    texts = ["Good night.", "", "It is raining.\nGood night."]
    several = client.translate_text(texts, source_lang="en", target_lang="pt-PT", context="At the harbour.")
    assert isinstance(several, list)
    assert [item.text for item in several] == ["Boa noite.", "", "Está chovendo.\nBoa noite."]
    assert [item.billed_characters for item in several] == [11, 0, 26]
    back = client.translate_text("Boa noite.", target_lang="EN-GB")
    assert isinstance(back, deepl.TextResult)
    assert (back.text, back.detected_source_lang) == ("Good night.", "PT")


def test_all_parameters_are_taken(client: deepl.DeepLClient) -> None:
    made = client.translate_text(
        "Good night.",
        source_lang="EN",
        target_lang="PT-BR",
        split_sentences=deepl.SplitSentences.NO_NEWLINES,
        preserve_formatting=True,
        formality=deepl.Formality.PREFER_MORE,
        model_type=ModelType.LATENCY_OPTIMIZED,
        extra_body_parameters={"enable_beta_languages": True},
    )
    assert isinstance(made, deepl.TextResult)
    assert (made.text, made.model_type_used) == ("Boa noite.", "latency_optimized")


def test_markup(client: deepl.DeepLClient) -> None:
    def made(text: str, **options: object) -> str:
        told = client.translate_text(text, source_lang="EN", target_lang="PT-BR", **options)  # type: ignore[arg-type]
        assert isinstance(told, deepl.TextResult)
        return told.text

    xml = made(
        "<doc><t>Good night.</t>\n<t>Open <k>Settings</k>, please.</t></doc>", tag_handling="xml", ignore_tags="k"
    )
    assert xml.startswith("<doc><t>Boa noite.</t>\n<t>")
    assert "<k>Settings</k>" in xml
    assert made("Good night &amp; goodbye.", tag_handling="xml") == "Boa noite &amp; adeus."
    halves = "<p>Good</p><p>night.</p>"
    whole = made(halves, tag_handling="xml", outline_detection=False, non_splitting_tags=["p"])
    assert whole.count("<p>") == 2
    assert "noite" in whole
    assert made("<p>Good night.</p><p>It is raining.</p>", tag_handling="html") == (
        "<p>Boa noite.</p><p>Está chovendo.</p>"
    )
    with pytest.raises(deepl.DeepLException, match="Tag handling parsing failed"):
        made("<p>Good night.</a>", tag_handling="xml", tag_handling_version="v2")


def test_languages_and_usage(client: deepl.DeepLClient) -> None:
    assert [(item.code, item.name) for item in client.get_source_languages()] == [
        ("EN", "English"),
        ("PT", "Portuguese"),
    ]
    targets = {item.code: item.supports_formality for item in client.get_target_languages()}
    # Drafts are what they are: nothing chooses how they address people.
    assert targets == {"EN-GB": False, "EN-US": False, "PT-BR": False, "PT-PT": False}
    pairs = {(item.source_lang, item.target_lang) for item in client.get_glossary_languages()}
    assert pairs == {("en", "pt"), ("pt", "en")}
    before = client.get_usage().character.count
    client.translate_text("Good night.", target_lang="PT-BR")
    usage = client.get_usage()
    assert before is not None
    assert usage.character.count == before + 11
    assert not usage.any_limit_reached


def test_glossaries(client: deepl.DeepLClient, impatient: None) -> None:
    made = client.create_glossary("harbour", "EN", "PT-BR", {"boat": "traineira", "night": "noitada"})
    assert (made.name, made.source_lang, made.target_lang, made.entry_count) == ("harbour", "EN", "PT", 2)
    assert made.ready
    assert made.creation_time.tzinfo is not None
    assert client.get_glossary_entries(made) == {"boat": "traineira", "night": "noitada"}
    assert [item.glossary_id for item in client.list_glossaries()] == [made.glossary_id]
    assert client.get_glossary(made.glossary_id).name == "harbour"
    told = client.translate_text_with_glossary("The boat is here.", made, target_lang="PT-BR")
    assert isinstance(told, deepl.TextResult)
    assert "traineira" in told.text
    by_id = client.translate_text(
        "The boat is here.", source_lang="EN", target_lang="PT-PT", glossary=made.glossary_id
    )
    assert isinstance(by_id, deepl.TextResult)
    assert "traineira" in by_id.text
    with pytest.raises(deepl.DeepLException, match="must match"):
        client.translate_text("O barco.", source_lang="PT", target_lang="EN-GB", glossary=made.glossary_id)
    client.delete_glossary(made)
    assert client.list_glossaries() == []
    with pytest.raises(deepl.GlossaryNotFoundException):
        client.get_glossary(made.glossary_id)
    with pytest.raises(deepl.DeepLException, match="Not found"):
        client.translate_text("The boat.", source_lang="EN", target_lang="PT-PT", glossary=made.glossary_id)


def test_glossaries_of_files(client: deepl.DeepLClient) -> None:
    made = client.create_glossary_from_csv(
        "files", "EN", "PT", 'boat,traineira,en,pt\n"one, two","um, dois",en,pt\n'
    )
    assert client.get_glossary_entries(made) == {"boat": "traineira", "one, two": "um, dois"}
    client.delete_glossary(made)
    with pytest.raises(deepl.DeepLException, match="Bad request"):
        client.create_glossary_from_csv("broken", "EN", "PT", "only one column\n")
    with pytest.raises(deepl.DeepLException, match="Unsupported glossary"):
        client.create_glossary("far", "EN", "JA", {"boat": "船"})


def test_documents(client: deepl.DeepLClient, tmp_path: Path) -> None:
    source, target = tmp_path / "note.txt", tmp_path / "nota.txt"
    source.write_text("Good night.\nIt is raining.\n")
    status = client.translate_document_from_filepath(source, target, source_lang="EN", target_lang="PT-BR")
    assert (status.done, status.billed_characters) == (True, 25)
    assert target.read_text() == "Boa noite.\nEstá chovendo.\n"


def test_documents_step_by_step(client: deepl.DeepLClient, impatient: None) -> None:
    page = b"<p>Good night.</p>"
    handle = client.translate_document_upload(page, filename="page.html", target_lang="PT-BR", formality="default")
    status = client.translate_document_wait_until_done(handle)
    assert status.ok
    with pytest.raises(deepl.DeepLException, match="Not found"):
        client.translate_document_get_status(deepl.DocumentHandle(handle.document_id, "0" * 64))
    fetched = io.BytesIO()
    client.translate_document_download(handle, fetched)
    assert fetched.getvalue() == b"<p>Boa noite.</p>"
    # It is forgotten when it has been fetched.
    with pytest.raises(deepl.DeepLException, match="Not found"):
        client.translate_document_get_status(handle)


def test_documents_that_cannot_be_read(client: deepl.DeepLClient, impatient: None) -> None:
    with pytest.raises(deepl.DocumentTranslationException, match="no zip file"):
        client.translate_document(b"no package", io.BytesIO(), filename="a.docx", target_lang="PT-BR")
    with pytest.raises(deepl.DeepLException, match="Bad request"):
        client.translate_document(b"MZ", io.BytesIO(), filename="a.exe", target_lang="PT-BR")
    with pytest.raises(deepl.DeepLException, match="another format"):
        client.translate_document_upload(b"hi", filename="a.txt", target_lang="PT-BR", output_format="pdf")


def test_keys(guarded_server: Guarded, impatient: None) -> None:
    def client(key: str) -> deepl.DeepLClient:
        return deepl.DeepLClient(key, server_url=guarded_server.url)

    with pytest.raises(deepl.AuthorizationException):
        client("wrong").translate_text("Good night.", target_lang="PT-BR")
    with pytest.raises(deepl.AuthorizationException):
        client("wrong").get_usage()
    with pytest.raises(deepl.AuthorizationException, match="glossaries"):
        client(guarded_server.reader).list_glossaries()
    with pytest.raises(deepl.AuthorizationException, match="documents"):
        client(guarded_server.reader).translate_document_upload(b"hi", filename="a.txt", target_lang="PT-BR")


def test_the_characters_of_a_month(guarded_server: Guarded, impatient: None) -> None:
    client = deepl.DeepLClient(guarded_server.poor, server_url=guarded_server.url)
    with pytest.raises(deepl.QuotaExceededException):
        client.translate_text("x" * 201, target_lang="PT-BR")
    assert client.get_usage().character.limit == 200


def test_what_cannot_be_done(client: deepl.DeepLClient, impatient: None) -> None:
    def refused(match: str, text: str | list[str] = "Good night.", **options: object) -> None:
        wanted = {"source_lang": "EN", "target_lang": "PT-BR"} | options
        with pytest.raises(deepl.DeepLException, match=match):
            client.translate_text(text, **wanted)  # type: ignore[arg-type]

    refused("Value for 'target_lang' not supported", target_lang="JA")
    refused("Value for 'target_lang' not supported", target_lang="KLINGON")
    refused("Value for 'source_lang' not supported", source_lang="FR")
    refused("'formality' is not supported", formality="more")
    refused("requires the source_lang", source_lang=None, extra_body_parameters={"glossary_id": "x"})
    refused("'custom_instructions' is not served", custom_instructions=["Be brief."])
    refused("at most 50", text=["x"] * 51)
    refused("split_sentences", split_sentences="2")
    refused("50,000", text=["x" * 30_000, "y" * 30_000])


def test_deep_translator(guarded_server: Guarded) -> None:
    client = DeeplTranslator(source="en", target="pt", api_key=guarded_server.reader)
    client._base_url = f"{guarded_server.url}/v2/"  # it has no parameter for it
    assert client.translate("Good night.") == "Boa noite."


def test_glossaries_of_several_directions(client: deepl.DeepLClient, impatient: None) -> None:
    entries = deepl.api_data.MultilingualGlossaryDictionaryEntries
    made = client.create_multilingual_glossary(
        "harbour", [entries("EN", "PT-BR", {"boat": "embarcação"}), entries("PT", "EN", {"barco": "vessel"})]
    )
    assert [(item.source_lang, item.target_lang, item.entry_count) for item in made.dictionaries] == [
        ("EN", "PT", 1),
        ("PT", "EN", 1),
    ]
    there = client.translate_text("The boat is here.", source_lang="EN", target_lang="PT-BR", glossary=made)
    back = client.translate_text("O barco está aqui.", source_lang="PT", target_lang="EN-GB", glossary=made)
    assert isinstance(there, deepl.TextResult)
    assert isinstance(back, deepl.TextResult)
    assert "embarcação" in there.text
    assert "vessel" in back.text
    # Version 2 knows nothing of it.
    assert client.list_glossaries() == []
    assert [item.glossary_id for item in client.list_multilingual_glossaries()] == [made.glossary_id]
    assert client.update_multilingual_glossary_name(made, "port").name == "port"
    client.update_multilingual_glossary_dictionary(made, entries("EN", "PT", {"pier": "cais", "boat": "nave"}))
    (held,) = client.get_multilingual_glossary_entries(made, "EN", "PT").dictionaries
    assert sorted(str(held.entries).split("\n")) == ["boat\tnave", "pier\tcais"]
    put = client.replace_multilingual_glossary_dictionary(made, entries("EN", "PT", {"sail": "vela"}))
    assert put.entry_count == 1
    client.delete_multilingual_glossary_dictionary(made, source_lang="PT", target_lang="EN")
    told = client.get_multilingual_glossary(made.glossary_id)
    assert [(item.source_lang, item.entry_count) for item in told.dictionaries] == [("EN", 1)]
    with pytest.raises(deepl.GlossaryNotFoundException):
        client.get_multilingual_glossary_entries(made, "PT", "EN")
    client.delete_multilingual_glossary(made)
    assert client.list_multilingual_glossaries() == []


def test_a_glossary_of_version_2_can_be_changed_by_version_3(client: deepl.DeepLClient) -> None:
    made = client.create_glossary("harbour", "EN", "PT", {"boat": "embarcação"})
    (listed,) = client.list_multilingual_glossaries()
    assert listed.glossary_id == made.glossary_id
    entries = deepl.api_data.MultilingualGlossaryDictionaryEntries
    client.update_multilingual_glossary_dictionary(made.glossary_id, entries("PT", "EN", {"barco": "vessel"}))
    told = client.get_multilingual_glossary(made.glossary_id)
    assert len(told.dictionaries) == 2
    client.delete_multilingual_glossary(made.glossary_id)
    assert not client.list_glossaries()
    assert not client.list_multilingual_glossaries()


def test_broken_glossaries_leave_nothing_behind(client: deepl.DeepLClient) -> None:
    entries = deepl.api_data.MultilingualGlossaryDictionaryEntries
    good = entries("EN", "PT", {"boat": "embarcação"})
    with pytest.raises(deepl.DeepLException, match="Unsupported glossary"):
        client.create_multilingual_glossary("far", [good, entries("EN", "JA", {"boat": "船"})])
    with pytest.raises(deepl.DeepLException, match="one dictionary a direction"):
        client.create_multilingual_glossary("twice", [good, good])
    with pytest.raises(deepl.DeepLException, match="bytes"):
        client.create_multilingual_glossary("long", [good, entries("PT", "EN", {"barco": "x" * 2000})])
    assert client.list_multilingual_glossaries() == []
