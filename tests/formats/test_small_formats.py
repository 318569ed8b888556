"""Plain text, subtitles, properties and strings files: identity, translations, encodings, malformed files."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalemt.errors import InputError
from scalemt.formats import FormatOptions, Target, format_for, txt
from scalemt.text.spans import rewrite
from scalemt.types import Segment

SRT = """1
00:00:01,000 --> 00:00:02,500
Good <i>morning</i>,
how are you?

2
00:00:03,000 --> 00:00:04,000 X1:0
{\\an8}- Fine.
- And you?

3
00:00:05,000 --> 00:00:06,000


4
00:00:07,000 --> 00:00:08,000
♪
"""
VTT = """WEBVTT - a title
Kind: captions

STYLE
::cue { color: red }

NOTE nobody reads
this

intro
00:01.000 --> 00:02.000 align:start
<v Roger Bingham>We are in <c.loud>New York</c>

00:00:03.000 --> 00:00:04.000
second
"""
PROPERTIES = """# A comment
! Another
greeting = Hello, \\
           world
path:C\\:\\\\temp files
empty=
key\\ with\\ space  value with \\u00e9
message=It''s {0} o''clock
last=end"""
STRINGS = """/* The title
   of the page */
"title" = "My \\"page\\"\\n";
// short
key2="100%% of %@" ;
"only";
"n" = "123 \\U00e9";
"""


def in_file(tmp_path: Path, name: str, data: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def read(path: Path, options: FormatOptions | None = None) -> list[Segment]:
    return list(format_for(path).read(path, options or FormatOptions()))


def written(path: Path, change: Callable[[Segment], Target] = Target.same, encoding: str = "") -> bytes:
    made, out, options = format_for(path), io.BytesIO(), FormatOptions(encoding=encoding)
    made.write(path, options, iter([change(segment) for segment in read(path, options)]), out)
    return out.getvalue()


def shouted(segment: Segment) -> Target:
    """Upper-case what is no span, in one line where the breaks are soft."""
    soft = segment.breaks == "soft"
    return Target(*rewrite(
        segment.text, segment.spans, lambda _, held: held,
        lambda plain: plain.upper().replace("\n", " " if soft else "\n"),
    ))  # fmt: skip


FILES = [
    ("a.srt", SRT),
    ("a.vtt", VTT),
    ("a.properties", PROPERTIES),
    ("a.strings", STRINGS),
    ("a.txt", "a\n\n b\nc"),
]


@pytest.mark.parametrize(("name", "text"), FILES)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_identity_is_byte_equal(tmp_path: Path, name: str, text: str, ending: str) -> None:
    text = text.replace("\n", ending)
    for data in (
        text.encode(),
        text.rstrip().encode(),
        b"\xef\xbb\xbf" + text.encode(),
        ("\ufeff" + text).encode("utf-16-le"),
    ):
        path = in_file(tmp_path, name, data)
        assert read(path)
        assert written(path) == data


@pytest.mark.parametrize("name", [name for name, _ in FILES])
def test_an_empty_file_has_no_segments(tmp_path: Path, name: str) -> None:
    path = in_file(tmp_path, name, b"")
    assert read(path) == []
    assert written(path) == b""


@pytest.mark.parametrize("name", [name for name, _ in FILES if name != "a.properties"])
def test_a_byte_of_another_encoding_is_told(tmp_path: Path, name: str) -> None:
    path = in_file(tmp_path, name, "x\nS\xe3o".encode("latin-1"))
    with pytest.raises(InputError, match="line 2: holds the byte 0xe3, which is not utf-8"):
        read(path)


def test_cues_of_subrip(tmp_path: Path) -> None:
    path = in_file(tmp_path, "a.srt", SRT)
    first, second = read(path)
    assert (first.id, first.text, first.breaks) == ("cue 1", "Good <i>morning</i>,\nhow are you?", "soft")
    assert (second.text, second.breaks) == ("{\\an8}- Fine.\n- And you?", "hard")
    assert [span.role for span in first.spans] == ["open", "close"]
    out = SRT.replace("Good <i>morning</i>,\nhow are you?", "GOOD <i>MORNING</i>, HOW ARE YOU?")
    assert written(path, shouted).decode() == out.replace("- Fine.\n- And you?", "- FINE.\n- AND YOU?")


def test_a_long_translation_is_broken_into_as_many_lines(tmp_path: Path) -> None:
    path = in_file(tmp_path, "a.srt", SRT)
    long = "This is a rather <font color='red'>long translation</font> that needs two lines of subtitles"
    out = written(path, lambda _: Target(long)).decode()
    assert "This is a rather <font color='red'>long\ntranslation</font> that needs two lines of subtitles" in out
    assert "a\n\nb" not in written(path, lambda _: Target("a\n\nb")).decode()


def test_cues_of_webvtt(tmp_path: Path) -> None:
    path = in_file(tmp_path, "a.vtt", VTT)
    first, second = read(path)
    assert (first.id, first.text) == ("cue intro", "<v Roger Bingham>We are in <c.loud>New York</c>")
    assert [span.role for span in first.spans] == ["alone", "open", "close"]
    assert second.id == "cue 00:00:03.000"
    assert "<v Roger Bingham>WE ARE IN <c.loud>NEW YORK</c>\n" in written(path, shouted).decode()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.srt", "1\n00:00 --> 00:01\nx\n", "line 2: expected the times of a cue"),
        ("a.srt", "1\n", "line 1: expected the times"),
        ("a.srt", "just text\nmore\n", "line 2: expected the times"),
        ("a.vtt", "1\n00:00:01,000 --> 00:00:02,000\nx\n", "expected WEBVTT.*Is it a .srt file"),
        ("a.vtt", "WEBVTT\n\n00:01,000 --> 00:02,000\nx\n", "line 3: '00:01,000 --> 00:02,000' are no times"),
        ("a.vtt", "WEBVTT\n\nstray\n", "line 3: expected the times"),
        ("a.strings", '"a" = "b"\n"c" = "d";', "line 2: expected a semicolon"),
        ("a.strings", '"a" = ;', "line 1: expected a value"),
        ("a.strings", '\n= "b";', "line 2: expected a key"),
        ("a.strings", '"a" = "b', "expected a value"),
    ],
)
def test_malformed_files_are_refused_with_the_line(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(in_file(tmp_path, name, text))


def test_values_of_properties(tmp_path: Path) -> None:
    path = in_file(tmp_path, "a.properties", PROPERTIES)
    segments = {segment.id: segment for segment in read(path)}
    assert {key: item.text for key, item in segments.items()} == {
        "greeting": "Hello, world",
        "path": "C:\\temp files",
        "key with space": "value with é",
        "message": "It's {0} o'clock",
        "last": "end",
    }
    assert segments["greeting"].note == "A comment Another"
    out = written(path, lambda item: Target(item.text + " '\n中😀")).decode()
    assert "greeting = Hello, world '\\n\\u4E2D\\uD83D\\uDE00\n" in out
    assert "path:C:\\\\temp files" in out
    assert "message=It''s {0} o''clock ''\\n" in out
    again = in_file(tmp_path, "b.properties", out)
    assert {item.id: item.text for item in read(again)} == {
        key: item.text + " '\n中😀" for key, item in segments.items()
    }


def test_properties_are_utf8_if_they_can_be_else_latin1(tmp_path: Path) -> None:
    path = in_file(tmp_path, "a.properties", "a=São")
    assert written(path, lambda _: Target("não 中")) == "a=não 中".encode()
    path = in_file(tmp_path, "a.properties", "a=São".encode("latin-1"))
    assert read(path)[0].text == "São"
    assert written(path, lambda _: Target("não 中")) == "a=não \\u4E2D".encode("latin-1")


def test_values_of_strings_files(tmp_path: Path) -> None:
    path = in_file(tmp_path, "a.strings", STRINGS)
    segments = read(path)
    assert [(item.id, item.text) for item in segments] == [
        ("title", 'My "page"\n'),
        ("key2", "100%% of %@"),
        ("n", "123 é"),
    ]
    assert [item.note for item in segments] == ["The title of the page", "short", ""]
    out = written(path, lambda item: Target(f'{item.text}"\\')).decode()
    assert '"title" = "My \\"page\\"\\n\\"\\\\";' in out
    assert [item.text for item in read(in_file(tmp_path, "b.strings", out))] == [
        f'{item.text}"\\' for item in segments
    ]


TEXT = st.text(st.characters(codec="utf-8"), max_size=60)


@settings(deadline=None, max_examples=150)
@given(TEXT, st.sampled_from([1, 2, 5, 1 << 20]), st.sampled_from(["utf-8", "utf-16-le", "utf-16-be"]))
def test_any_text_survives_in_chunks(
    tmp_path_factory: pytest.TempPathFactory, text: str, size: int, codec: str
) -> None:
    mark = "" if codec == "utf-8" and not text.startswith("\ufeff") else "\ufeff"
    path = in_file(tmp_path_factory.mktemp("txt"), "a.txt", (mark + text).encode(codec))
    before, txt._CHUNK = txt._CHUNK, size
    try:
        assert written(path) == path.read_bytes()
    finally:
        txt._CHUNK = before


@settings(deadline=None, max_examples=100)
@given(TEXT.filter(lambda text: any(letter.isalnum() for letter in text)))
def test_any_value_survives(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("values")
    for name, data in (("a.properties", "k=v"), ("a.strings", '"k" = "v";')):
        path = in_file(folder, name, data)
        made = in_file(folder, f"b{path.suffix}", written(path, lambda _: Target(text)))
        assert [item.text for item in read(made)] == [text]
        assert written(made) == made.read_bytes()
