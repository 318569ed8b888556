"""What is found in texts and copied, and what is prose and is not."""

# ruff: noqa: E501  # a row a case

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalemt.text.protection import protect, summary
from scalemt.text.spans import crossing, literal
from scalemt.types import Segment, Span
from spanned import segments

SIGNS = [*"ab1 <>/&;{}%$()[]`\\.:@#_-'\"!=\n", "http://", "%s", "{0}", "<b>", "</b>", "é", "中", "😀"]


def found(text: str, syntax: tuple[str, ...] | None = None, terms: tuple[str, ...] = ()) -> list[str]:
    segment = protect(Segment(text, syntax=syntax), terms)
    return [literal(text, span) for span in segment.spans]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Click <b>here</b> or <br/> <img alt='a > b'>", ["<b>", "</b>", "<br/>", "<img alt='a > b'>"]),
        ("R&amp;D &#169; &#xA9; &nbsp;", ["&amp;", "&#169;", "&#xA9;", "&nbsp;"]),
        ("See https://example.org/a(b)?q=1&x=%20. Now", ["https://example.org/a(b)?q=1&x=%20"]),
        ("(see http://example.org/a).", ["http://example.org/a"]),
        ("www.example.org, ftp://a.b/c; mail ana.lima+x@example.co.uk!", ["www.example.org", "ftp://a.b/c", "ana.lima+x@example.co.uk"]),
        ("Run `ls -l` and ``a ` b``", ["`ls -l`", "``a ` b``"]),
        ("The sum $x^2 + 1$ and \\(a\\) and $$b$$", ["$x^2 + 1$", "\\(a\\)", "$$b$$"]),
        ("%s of %d (%(name)s, %1$s, %.2f, %-5d) %r", ["%s", "%d", "%(name)s", "%1$s", "%.2f", "%-5d", "%r"]),
        ("{} {0} {name!r:>10} {user.name} {items[0]}", ["{}", "{0}", "{name!r:>10}", "{user.name}", "{items[0]}"]),
        ("{{ user.name }} {% if x %} ${amount} {{{raw}}} #{x} %{count}", ["{{ user.name }}", "{% if x %}", "${amount}", "{{{raw}}}", "#{x}", "%{count}"]),
        ("%USERPROFILE% and line\\n, %PRODUCTNAME now, $(ARG1)", ["%USERPROFILE%", "\\n", "%PRODUCTNAME", "$(ARG1)"]),
        ("<a it's>x</a> <ph id=\"1\"/>text<!-- note -->", ["<a it's>", "</a>", '<ph id="1"/>', "<!-- note -->"]),
    ],
)  # fmt: skip
def test_what_is_found_wherever_it_stands(text: str, expected: list[str]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "It is 100 % sure, a 5% discount, 20%.",
        "a < b and c > d, x <- y, 3 <4 or 5> 2",
        "R$ 5 e US$ 6, $5 and $6, $5.00",
        "AC/DC, and/or, C:\\new\\table, TCP/IP",
        "AT&T, R & D; Q&A;",
        "Mr. A. B. Smith, e.g. this, at 3:30.",
        "@ana and #tag, #1, 50 @ 3",
        "a { b } c, {, }, {two words}",
        "He said 'no' and \"yes\" `once",
        "f(x) = y, [sic], (a)",
    ],
)
def test_prose_is_left_alone(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("syntax", "text", "expected"),
    [
        (("c",), "%5d of %lu, 100%% and 5 % done", ["%5d", "%lu", "%%", "% d"]),
        (("objc",), "%@ has %1$@ and %ld", ["%@", "%1$@", "%ld"]),
        (("python",), "%(a)s %(b).2f %s %% %r %-5a", ["%(a)s", "%(b).2f", "%s", "%%", "%r", "%-5a"]),
        (("python-brace",), "{} {a} {b!s:>4} {{x}}", ["{}", "{a}", "{b!s:>4}", "{{", "}}"]),
        (("java",), "{0} {1,number,#.##} %s %n", ["{0}", "{1,number,#.##}", "%s", "%n"]),
        (("icu",), "{name} has # of {n, number}", ["{name}", "#", "{n, number}"]),
        (("mustache",), "{{name}} {{{raw}}} {% x %}", ["{{name}}", "{{{raw}}}", "{% x %}"]),
        (("ruby",), "%{count} #{name} %<n>.2f", ["%{count}", "#{name}", "%<n>.2f"]),
        (("php",), "$name :count %s", ["$name", ":count", "%s"]),
        (("shell",), "$HOME ${x:-y} $(date) %TEMP%", ["$HOME", "${x:-y}", "$(date)", "%TEMP%"]),
        (("qt",), "%1 of %L2, %n file(s)", ["%1", "%L2", "%n"]),
        ((), "%s {0} {{x}} but <b>", ["<b>"]),
    ],
)
def test_the_placeholders_of_a_language(syntax: tuple[str, ...], text: str, expected: list[str]) -> None:
    assert found(text, syntax) == expected


def test_terms_are_kept_longest_first_and_by_whole_words() -> None:
    terms = ("Debian", "Debian Policy", "C++", "東京", "a.b")
    assert found("Debian Policy, Debians, debian, Debian's C++ in 東京都 a.b aXb", (), terms) == [
        "Debian Policy", "Debian", "C++", "東京", "a.b"
    ]  # fmt: skip
    assert found("at https://Debian.org/Debian Debian", (), ("Debian",)) == ["https://Debian.org/Debian", "Debian"]
    assert summary([protect(Segment("Debian %s"), ("Debian",))]) == {"term": 1, "placeholder": 1}


def test_pairs_of_tags_know_each_other() -> None:
    segment = protect(Segment("<a><b>x</a></b><br><i>y</i>"))
    roles = {literal(segment.text, span): (span.role, span.partner) for span in segment.spans}
    assert roles["<a>"] == ("open", 2)
    assert roles["</a>"] == ("close", 0)
    assert roles["<b>"] == roles["</b>"] == ("alone", -1)  # crossing pairs are none
    assert roles["<br>"] == ("alone", -1)
    assert roles["<i>"] == ("open", 6)


def test_spans_that_are_there_stay_and_keep_their_keys() -> None:
    held = Segment("<x> and %s", spans=(Span(0, 3, "tag", 7),))
    made = protect(held)
    assert made.spans[0] == held.spans[0]
    assert made.spans[1].key == 8


@settings(deadline=None, max_examples=300)
@given(
    st.one_of(
        segments(), st.lists(st.sampled_from(SIGNS), max_size=25).map(lambda signs: Segment("".join(signs)))
    ),
    st.sampled_from(
        [None, (), ("python",), ("c", "qt"), ("icu",), ("ruby", "php"), ("java", "shell", "mustache")]
    ),
    st.sampled_from([(), ("a",), ("b", "ab"), ("中", "é")]),
)
def test_spans_are_always_in_order(
    segment: Segment, syntax: tuple[str, ...] | None, terms: tuple[str, ...]
) -> None:
    given_ = Segment(segment.text, "", segment.spans, syntax=syntax)
    made = protect(given_, terms)
    assert made.text == given_.text
    assert set(given_.spans) <= set(made.spans)
    ends = [0]
    for span in made.spans:
        assert ends[-1] <= span.start < span.end or span in given_.spans
        ends.append(span.end)
    assert ends[-1] <= len(made.text)
    keys = [span.key for span in made.spans]
    assert len(set(keys)) == len(keys)
    new = [span for span in made.spans if span not in given_.spans]
    assert crossing(made.text, new) == ""
    assert all(other.partner == span.key for span in new for other in new if other.key == span.partner)
    assert set(made.spans) <= set(protect(made, terms).spans)


@pytest.mark.parametrize(
    "unit", ["<", "{", "%", "`", "$", "\\(", "<a ", "{{", "http://", "a@", "<!--", "&#", "'{'"]
)
def test_long_hostile_texts(unit: str) -> None:
    text = unit * (50_000 // len(unit))
    spans = protect(Segment(text), ("x",)).spans
    assert all(one.end <= other.start for one, other in pairwise(spans))
