"""Markdown: what is text, what is syntax, and that nothing else changes."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalemt.formats import FormatOptions, Target, format_for
from scalemt.text.spans import between, crossing, literal, rewrite
from scalemt.types import Segment

TRICKY = """---
title: "My page"
date: 2024-01-01
description: Short
---
# Head *one* #

Second
======

A para with **bold
text** and ``co`de`` and [a link](http://x.y/z "T").\x20\x20
After. 5 * 3 * 2, snake_case ![alt](i.png) <b>x</b> \\*no\\*

> quoted line
> second [ref] and [r2][ref] and [also][]
>
> - item 1
>   cont
>     - deep

```python
print("code")  # not *text*
```

    indented code

| a | b \\| c |
|---|:-:|
| x **y** | `z` |

$$
e = mc^2
$$

- [ ] task
- [x] done
1. one
2. two

Term
: definition

::: note
inside
:::

<div>
html *block*
</div>

Text[^1] end.

[^1]: note text

[ref]: http://a.b "Title"
[also]: http://c.d
"""


def read(path: Path) -> list[Segment]:
    return list(format_for(path).read(path, FormatOptions()))


def written(path: Path, change: Callable[[Segment], Target] = Target.same) -> str:
    made, out = format_for(path), io.BytesIO()
    made.write(path, FormatOptions(), iter([change(segment) for segment in read(path)]), out)
    return out.getvalue().decode()


def shouted(segment: Segment) -> Target:
    """Upper-case what is no span, in one line, as a translator would give it."""
    text, spans = rewrite(
        segment.text, segment.spans, lambda _, held: held, lambda plain: plain.upper().replace("\n", " ")
    )
    return Target(text, spans)


def in_file(tmp_path: Path, text: str, name: str = "a.md") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_identity_is_byte_equal(tmp_path: Path, ending: str) -> None:
    text = TRICKY.replace("\n", ending)
    assert written(in_file(tmp_path, text)) == text
    assert written(in_file(tmp_path, text.rstrip())) == text.rstrip()


def test_texts_and_their_spans(tmp_path: Path) -> None:
    segments = {item.text.replace("\n", "⏎"): item for item in read(in_file(tmp_path, TRICKY))}
    assert list(segments)[:6] == [
        "My page",
        "Short",
        "Head *one*",
        "Second",
        'A para with **bold⏎text** and ``co`de`` and [a link](http://x.y/z "T").  ⏎After. 5 * 3 * 2, snake_case '
        "![alt](i.png) <b>x</b> \\*no\\*",
        "quoted line⏎second [ref] and [r2][ref] and [also][]",
    ]
    assert list(segments)[6:] == [
        "item 1⏎cont", "deep", "a", "b \\| c", "x **y**", "[ ] task", "[x] done", "one", "two", "Term",
        "definition", "inside", "⏎html *block*⏎", "Text[^1] end.", "note text",
    ]  # fmt: skip
    paragraph = list(segments.values())[4]
    held = [literal(paragraph.text, span) for span in paragraph.spans]
    assert held == [
        "**", "**", "``co`de``", "[", '](http://x.y/z "T")', "  \n", "![", "](i.png)", "\\*", "\\*",
    ]  # fmt: skip
    assert [span.role for span in paragraph.spans][:5] == ["open", "close", "alone", "open", "close"]
    quoted = list(segments.values())[5]
    assert [literal(quoted.text, span) for span in quoted.spans] == ["[ref]", "[", "][ref]", "[also][]"]


def test_a_translation_stands_where_its_source_stood(tmp_path: Path) -> None:
    out = written(in_file(tmp_path, TRICKY), shouted)
    assert (
        "# HEAD *ONE* #\n\nSECOND\n======\n\nA PARA WITH **BOLD TEXT** AND ``co`de`` AND "
        '[A LINK](http://x.y/z "T").  \nAFTER.' in out
    )
    assert "> QUOTED LINE SECOND [ref] AND [R2][ref] AND [also][]\n>\n> - ITEM 1 CONT\n>     - DEEP\n" in out
    assert "| A | B \\| C |\n|---|:-:|\n| X **Y** | `z` |" in out
    assert 'title: "MY PAGE"\ndate: 2024-01-01\ndescription: SHORT\n---' in out
    assert "<div> HTML *BLOCK* </div>" in out
    assert "::: note\nINSIDE\n:::" in out
    again = in_file(tmp_path, out, "b.md")
    assert len(read(again)) == len(read(tmp_path / "a.md"))


@pytest.mark.parametrize(
    ("target", "due"),
    [
        ("# no heading", "\\# no heading"),
        ("- no item", "\\- no item"),
        ("1. no item", "1\\. no item"),
        ("> no quote", "\\> no quote"),
        ("a *b* [c](d) `e` <i>", "a \\*b\\* \\[c\\](d) \\`e\\` \\<i>"),
        ("2024 was", "2024 was"),
        ("-5 degrees", "-5 degrees"),
    ],
)
def test_a_translation_becomes_no_markup_by_accident(tmp_path: Path, target: str, due: str) -> None:
    assert written(in_file(tmp_path, "Plain text\n"), lambda _: Target(target)) == f"{due}\n"


def test_a_bar_ends_no_cell(tmp_path: Path) -> None:
    path = in_file(tmp_path, "| a |\n|---|\n| b |\n")
    assert written(path, lambda _: Target("x | y")) == "| x \\| y |\n|---|\n| x \\| y |\n"


@pytest.mark.parametrize("sign", ["[", "*", "`", "> ", "<", "a_", "![", "\\", "a*b_", "[]", "[a](", "| "])
def test_hostile_texts_come_out_as_they_are(tmp_path: Path, sign: str) -> None:
    text = sign * 9_999 + "a"
    assert written(in_file(tmp_path, text)) == text


PARTS = st.sampled_from(
    ["**", "*", "_", "`", "``", "[", "](x)", "]", "![", "~~", "\\", "<b>", "<http://a.b>", "a", "word ", " ", "\n",
     "\n\n", "> ", "- ", "1. ", "# ", "| ", "\n|---|\n", "```\n", "    ", "  \n", "\t", "\r\n", "é", "中", "$$",
     "[^1]", "[^1]: ", "[r]: x\n", "[r]", ":::", "\x00", "\x0b", "&amp;", "---\n"]
)  # fmt: skip


@settings(deadline=None, max_examples=300)
@given(st.lists(PARTS, max_size=40))
def test_any_text_survives(tmp_path_factory: pytest.TempPathFactory, parts: list[str]) -> None:
    path = in_file(tmp_path_factory.mktemp("md"), "".join(parts))
    assert written(path) == "".join(parts)
    for segment in read(path):
        assert not crossing(segment.text, segment.spans)
        assert any(character.isalnum() for character in "".join(between(segment.text, segment.spans)))
    written(path, shouted)


HTML_BLOCKS = """# Title

<p align="center">
  <img src="a.png" alt="Our house"> The <b>best</b> house
</p>

<details>
<summary>Click here</summary>

Inside *text*.

</details>

<!-- a note --> <pre>code here</pre>

> <p>quoted</p>

* <div>in a list</div>
"""


def test_blocks_of_html_are_read_as_html(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text(HTML_BLOCKS)
    form, options = format_for(path), FormatOptions()
    segments = list(form.read(path, options))
    assert [segment.text for segment in segments] == [
        "Title",
        "Our house",
        '\n  <img src="a.png" alt="Our house"> The <b>best</b> house\n',
        "Click here",
        "Inside *text*.",
    ]
    out = io.BytesIO()
    form.write(path, options, iter([Target.same(segment) for segment in segments]), out)
    assert out.getvalue() == path.read_bytes()
    out = io.BytesIO()
    loud = (Target(*rewrite(item.text, item.spans, lambda _, held: held, str.upper)) for item in segments)
    form.write(path, options, loud, out)
    made = out.getvalue().decode()
    assert '<p align="center">\n  <img src="a.png" alt="OUR HOUSE"> THE <b>BEST</b> HOUSE\n</p>\n' in made
    assert "<details>\n<summary>CLICK HERE</summary>\n\nINSIDE *TEXT*.\n\n</details>" in made
    assert made.count("\n") == HTML_BLOCKS.count("\n")


def test_a_translation_does_not_end_a_block_of_html(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("<p>\nOne\n</p>\n")
    out = io.BytesIO()
    format_for(path).write(path, FormatOptions(), iter([Target("\nUm\n\n\ndois\n")]), out)
    assert out.getvalue() == b"<p>\nUm\ndois\n</p>\n"
