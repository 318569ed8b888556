"""PO files: bytes that stay, plurals, flags, wrapping; polib and msgfmt as judges of what was written."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalemt.errors import InputError
from scalemt.formats import FormatOptions, Target, format_for, po
from scalemt.formats.plurals import categories, first_is_one, form_count, plural_forms
from scalemt.types import Segment

HEADER = """# A catalogue.
msgid ""
msgstr ""
"Language: pt\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

"""
BODY = """#. Shown on the door
#: door.py:12 door.py:40
#, python-format
msgid "Open %(name)s"
msgstr ""

# done by Ana
msgctxt "menu"
msgid "Close"
msgstr "Fechar"

#, fuzzy
#| msgid "Old"
msgid "New\\tpage\\n"
msgstr "Velha\\n"

msgid "One file"
msgid_plural "%d files"
msgstr[0] ""
msgstr[1] ""

#~ msgid "Gone"
#~ msgstr "Foi"
"""


def written(
    path: Path, change: Callable[[Segment], Target] = Target.same, options: FormatOptions | None = None
) -> bytes:
    made, out = format_for(path), io.BytesIO()
    how = options or FormatOptions()
    segments = list(made.read(path, how))
    made.write(path, how, iter([change(segment) for segment in segments]), out)
    return out.getvalue()


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    path = tmp_path / "a.po"
    path.write_bytes((HEADER + BODY).encode())
    return path


def test_untranslated_and_fuzzy_messages_are_segments_with_what_is_said_of_them(catalogue: Path) -> None:
    segments = list(format_for(catalogue).read(catalogue, FormatOptions()))
    assert [item.text for item in segments] == ["Open %(name)s", "New\tpage\n", "One file", "%d files"]
    assert segments[0].note == "Shown on the door; door.py:12"
    assert segments[0].syntax == ("python",)
    assert segments[1].syntax is None
    every = list(format_for(catalogue).read(catalogue, FormatOptions(overwrite=True)))
    assert every[1].id == "menu|Close"


def test_only_translations_and_their_flags_change(catalogue: Path) -> None:
    out = written(catalogue, lambda segment: Target(segment.text.upper())).decode()
    due = (
        ("#, python-format", "#, fuzzy, python-format"),
        ('%(name)s"\nmsgstr ""', '%(name)s"\nmsgstr "OPEN %(NAME)S"'),
        ('"Velha\\n"', '"NEW\\tPAGE\\n"'),
        ('msgid "One file"', '#, fuzzy\nmsgid "One file"'),
        ('[0] ""\nmsgstr[1] ""', '[0] "ONE FILE"\nmsgstr[1] "%D FILES"'),
    )
    expected = BODY
    for before, after in due:
        assert before in expected
        expected = expected.replace(before, after)
    assert out == HEADER + expected


@pytest.mark.parametrize("control", "\a\b\f\v\r\x1b\x00")
def test_control_characters_are_written_so_that_they_read_the_same(catalogue: Path, control: str) -> None:
    text = f"x{control}y\n"
    catalogue.write_bytes(written(catalogue, lambda _: Target(text)))
    assert _forms(catalogue)["Open %(name)s"] == text.rstrip("\n")


def _forms(path: Path) -> dict[str, str]:
    lines, _ = po._lines(path, FormatOptions())
    return {entry.singular or "": entry.forms[0] for entry in po._entries(lines, path)}


def test_what_failed_stays_untranslated(catalogue: Path) -> None:
    assert written(catalogue, lambda segment: replace(Target.same(segment), failed=True)) == catalogue.read_bytes()


def test_windows_line_ends_and_other_encodings_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.po"
    text = (HEADER.replace("UTF-8", "ISO-8859-1") + BODY.replace("Ana", "Açucena")).replace("\n", "\r\n")
    path.write_bytes(text.encode("latin-1"))
    out = written(path, lambda segment: Target("não\n" if segment.text.endswith("\n") else "não"))
    assert 'msgstr[1] "não"\r\n'.encode("latin-1") in out
    assert out.count(b"\n") == out.count(b"\r\n")
    with pytest.raises(InputError, match=r"ISO-8859-1|iso8859-1.*'中'"):
        written(path, lambda _: Target("中"))


def test_the_header_tells_the_language_and_its_plurals(catalogue: Path) -> None:
    out = written(catalogue, options=FormatOptions(source="en", target="pl")).decode()
    assert '"Language: pl\\n"' in out
    assert "nplurals=3" in out
    # The first form of Polish is for 1 alone, so that it may leave the number out.
    assert 'msgstr[0] "One file"\nmsgstr[1] "%d files"\nmsgstr[2] "%d files"' in out
    russian = written(catalogue, options=FormatOptions(source="en", target="ru")).decode()
    assert 'msgstr[0] "%d files"' in russian
    japanese = written(catalogue, options=FormatOptions(source="en", target="ja")).decode()
    assert 'msgstr[0] "%d files"\n\n#~' in japanese
    same = written(
        catalogue, lambda segment: replace(Target.same(segment), failed=True), FormatOptions("en", "pt")
    )
    assert b"nplurals=2; plural=(n != 1)" in same


def test_line_breaks_at_the_edges_are_those_of_the_source(catalogue: Path) -> None:
    out = written(catalogue, lambda segment: Target(f"\n{segment.text.strip()}"))
    judged = polib.pofile(out.decode())
    assert [entry.msgstr for entry in judged][2] == "New\tpage\n"


@pytest.mark.skipif(shutil.which("msgfmt") is None, reason="gettext is not installed")
@pytest.mark.parametrize("target", ["pt", "pt-BR", "pl", "ru", "ar", "ja", "cs", "sl", "lt", "cy", "eu"])
def test_msgfmt_accepts_what_is_written(catalogue: Path, tmp_path: Path, target: str) -> None:
    out = tmp_path / "out.po"
    out.write_bytes(written(catalogue, options=FormatOptions("en", target)))
    done = subprocess.run(
        ["msgfmt", "--check-format", "--check-domain", "--use-fuzzy", "-o", "/dev/null", str(out)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('msgid "a"\nmsgstr "b\n', r"a.po, line 2: 'msgstr|line 2"),
        ('msgid "a"\nnonsense\n', "line 2: 'nonsense' is no line of a PO file"),
        ('"stray"\n', "line 1"),
        ('msgid "a"\n\nmsgid "b"\nmsgstr ""\n', "an entry has no msgstr"),
        ('msgstr "a"\n', "an entry has no msgid"),
    ],
)
def test_malformed_files_are_refused_with_the_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.po"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        list(format_for(path).read(path, FormatOptions()))


def test_an_unknown_charset_or_a_wrong_byte_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.po"
    path.write_bytes(HEADER.encode() + 'msgid "São"\nmsgstr ""\n'.encode("latin-1"))
    with pytest.raises(InputError, match="line 8: holds the byte 0xe3"):
        list(format_for(path).read(path, FormatOptions()))
    path.write_bytes(b"")
    assert list(format_for(path).read(path, FormatOptions())) == []


# polib knows fewer escapes than gettext does: control characters are tested by themselves.
TEXTS = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\t"), min_size=1, max_size=120
)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4, unique_by=lambda pair: pair[0]))
def test_polib_reads_what_was_meant(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.mktemp("po") / "a.po"
    made = polib.POFile(wrapwidth=60)
    made.metadata = {"Content-Type": "text/plain; charset=UTF-8"}
    for source, _ in pairs:
        made.append(polib.POEntry(msgid=source, msgstr=""))
    made.save(str(path))
    known = dict(pairs)
    segments = list(format_for(path).read(path, FormatOptions()))
    assert [segment.text for segment in segments] == [source for source, _ in pairs]
    path.write_bytes(written(path, lambda segment: Target(known[segment.text])))
    for entry in polib.pofile(str(path)):
        due = known[entry.msgid]
        assert entry.msgstr.strip("\n") == due.strip("\n")
        assert entry.msgstr.endswith("\n") == entry.msgid.endswith("\n") or not due.strip("\n")


def test_plural_facts() -> None:
    assert form_count(plural_forms("ar")) == 6
    assert form_count("nplurals=INTEGER; plural=EXPRESSION;") is None
    assert plural_forms("pt-BR") != plural_forms("pt")
    assert first_is_one(plural_forms("de"))
    assert not first_is_one(plural_forms("fr"))
    assert not first_is_one(plural_forms("ru"))
    assert first_is_one("")
    assert first_is_one("nplurals=2; plural=(((")
    assert categories("ru") == ("one", "few", "many", "other")
    assert categories("xx") == ("one", "other")
