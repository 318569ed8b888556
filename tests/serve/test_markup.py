"""Texts with markup in segments, and back: identity, what parts sentences, what is copied, escapes, time."""

from __future__ import annotations

import random
import time
from xml.etree import ElementTree

import pytest

from scalemt.errors import InputError
from scalemt.formats.base import Target
from scalemt.serve import markup
from scalemt.serve.markup import Cut, XmlRules
from scalemt.text.spans import rewrite
from scalemt.types import Segment

_ARTICLE = """<document>
  <meta>
    <title>A night at the harbour</title>
  </meta>
  <content>
    <par>The <b>old</b> boat left. Nobody waved.</par>
    <par>It came back at six.</par>
  </content>
</document>"""


def _loud(segment: Segment) -> Target:
    """A translation that leaves the spans where they are."""
    text, spans = rewrite(segment.text, segment.spans, lambda _, held: held, str.upper)
    return Target(text, spans)


def _texts(cut: Cut) -> list[str]:
    return [segment.text for segment in cut.segments]


def _put(cut: Cut) -> str:
    return cut.put([_loud(segment) for segment in cut.segments])


def test_a_text_without_markup_is_one_segment() -> None:
    cut = markup.plain("Tea & <cake>\nat five", "soft")
    assert _texts(cut) == ["Tea & <cake>\nat five"]
    assert cut.segments[0].breaks == "soft"
    assert cut.put([Target("Chá")]) == "Chá"


def test_tags_beside_text_belong_to_the_sentence() -> None:
    cut = markup.xml("Press <i>Continue</i> to go on.")
    assert [(span.role, span.partner) for span in cut.segments[0].spans] == [("open", 1), ("close", 0)]
    assert _put(cut) == "PRESS <i>CONTINUE</i> TO GO ON."


def test_tags_that_hold_sentences_part_them() -> None:
    cut = markup.xml(_ARTICLE)
    assert _texts(cut) == [
        "A night at the harbour",
        "The <b>old</b> boat left. Nobody waved.",
        "It came back at six.",
    ]
    made = _put(cut)
    assert made == _ARTICLE.replace("A night at the harbour", "A NIGHT AT THE HARBOUR").replace(
        "The <b>old</b> boat left. Nobody waved.", "THE <b>OLD</b> BOAT LEFT. NOBODY WAVED."
    ).replace("It came back at six.", "IT CAME BACK AT SIX.")


def test_a_request_says_which_tags_part_sentences() -> None:
    halves = "<par>The firm said it had been </par><par>looking into it.</par>"
    assert len(markup.xml(halves).segments) == 2
    assert _texts(markup.xml(halves, XmlRules(joining=frozenset({"par"})))) == [halves]
    assert _texts(markup.xml(halves, XmlRules(outline=False))) == [halves]
    named = XmlRules(outline=False, splitting=frozenset({"par", "title"}))
    assert _texts(markup.xml(_ARTICLE, named)) == _texts(markup.xml(_ARTICLE))
    assert _texts(markup.xml("One<br/>two", XmlRules(splitting=frozenset({"br"})))) == ["One", "two"]


def test_ignored_tags_are_copied_with_what_they_hold() -> None:
    rules = XmlRules(ignored=frozenset({"keep", "x"}))
    cut = markup.xml('Open <keep>Settings <b>2</b></keep> and <x id="4"></x>.', rules)
    assert [span.kind for span in cut.segments[0].spans] == ["term", "placeholder"]
    assert _put(cut) == 'OPEN <keep>Settings <b>2</b></keep> AND <x id="4"></x>.'
    assert not markup.xml("<keep>Settings</keep>", rules).segments


def test_an_empty_pair_is_one_span() -> None:
    cut = markup.xml('Sent by <ph n="1"></ph> today')
    assert [span.role for span in cut.segments[0].spans] == ["alone"]


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ('see <x n="1"></x>the page<x n="2"></x>.', ["open", "close"]),
        ('<x n="1"></x>a<x n="2"></x> or <x n="3"></x>b<x n="4"></x>', ["open", "close", "open", "close"]),
        ('<x n="1"></x> of <x n="2"></x> files', ["alone", "alone"]),
        ('<x n="1"></x>px by <x n="2"></x>px', ["alone", "alone"]),
        ('v<x n="1"></x>beta<x n="2"></x>', ["alone", "alone"]),
    ],
)
def test_placeholders_that_embrace_words_are_a_pair(text: str, roles: list[str]) -> None:
    cut = markup.xml(text, XmlRules(ignored=frozenset("x")))
    assert [span.role for span in cut.segments[0].spans] == roles
    assert cut.put([Target.same(cut.segments[0])]) == text


def test_escapes_are_those_of_the_source() -> None:
    assert _texts(markup.xml("Tea &amp; milk &lt;now&gt; &#8364;2")) == ["Tea & milk <now> €2"]
    assert _put(markup.xml("tea &amp; milk &lt;now&gt;")) == "TEA &amp; MILK &lt;NOW&gt;"
    # Whoever sends bare signs does not unescape what comes back: Tom & Jerry, not Tom &amp; Jerry.
    assert _put(markup.xml("<f0>Tom & Jerry</f0> 1 < 2")) == "<f0>TOM & JERRY</f0> 1 < 2"
    cut = markup.xml("a &#x27;quoted&#x27; word")
    assert cut.put([Target.same(cut.segments[0])]) == "a &#x27;quoted&#x27; word"


@pytest.mark.parametrize("reference", ["&#0;", "&unheardof;", "&#1234567;", "&#xd800;", "&;"])
def test_what_nobody_knows_stays(reference: str) -> None:
    text = f"this {reference} stays"
    assert _texts(markup.xml(text)) == [text]
    assert _put(markup.xml(text)) == f"THIS {reference} STAYS"


def test_sections_of_plain_text() -> None:
    cut = markup.xml("<a><![CDATA[one <b> two]]></a>")
    assert _texts(cut) == ["one <b> two"]
    assert cut.put([Target("um ]]> dois")]) == "<a><![CDATA[um ]]]]><![CDATA[> dois]]></a>"


def test_strict_rules_refuse_what_is_not_well_formed() -> None:
    strict = XmlRules(strict=True)
    for text in ("Just text", "<b>One</b> two", '<?xml version="1.0"?><a>One</a>', "<x:y>One</x:y>"):
        assert markup.xml(text, strict).segments
    for text in ("<p>One</a>", "<p>One", "Tea & milk", "<a b>One</a>", "One &nbsp; two", "</text><text>"):
        with pytest.raises(InputError, match="not well-formed XML"):
            markup.xml(text + "<p", strict)
        assert markup.xml(text).put([Target.same(segment) for segment in markup.xml(text).segments]) == text


def test_entities_of_a_document_are_not_expanded() -> None:
    lines = "".join(f'<!ENTITY e{n} "&e{n - 1};&e{n - 1};&e{n - 1};&e{n - 1};">' for n in range(1, 40))
    text = f'<!DOCTYPE a [<!ENTITY e0 "ha">{lines}]><a>See &e39; there</a>'
    assert _texts(markup.xml(text)) == ["See &e39; there"]
    assert _texts(markup.xml(text, XmlRules(strict=True))) == ["See &e39; there"]


def test_html_keeps_its_markup() -> None:
    text = '<p class="a">One <b>two</b> &amp; three</p><p title="Four">five<br>six</p><script>var x = 1</script>'
    cut = markup.html(text)
    assert cut.put([Target.same(segment) for segment in cut.segments]) == text
    assert _put(cut) == (
        '<p class="a">ONE <b>TWO</b> &amp; THREE</p><p title="FOUR">FIVE<br>SIX</p><script>var x = 1</script>'
    )


def test_html_copies_what_a_request_names() -> None:
    cut = markup.html("Open <keep>Settings</keep> now", frozenset({"keep"}))
    assert _put(cut) == "OPEN <keep>Settings</keep> NOW"


def _random_markup(dice: random.Random) -> str:
    tags = ["<a>", "</a>", "<b x='1'>", "</b>", "<i/>", "<keep>", "</keep>", "<!-- c -->", "<?p?>", "<!DOCTYPE a>"]
    bits = [*tags, "<![CDATA[", "]]>", "&amp;", "&#65;", "&", "<", ">", "'", '"', "word", "é", "1", " ", "\n"]
    return "".join(dice.choices(bits, k=dice.randrange(1, 25)))


def test_whatever_is_not_translated_comes_out_as_it_was() -> None:
    dice = random.Random(5)
    named = XmlRules(outline=False, splitting=frozenset("b"))
    rules = [XmlRules(), XmlRules(ignored=frozenset({"keep"})), named]
    for _ in range(3000):
        text = _random_markup(dice)
        for cut in (*(markup.xml(text, rule) for rule in rules), markup.html(text)):
            assert cut.put([Target.same(segment) for segment in cut.segments]) == text


def test_what_was_well_formed_stays_well_formed() -> None:
    dice = random.Random(6)
    seen = 0
    for _ in range(3000):
        text = f"<r>{_random_markup(dice)}</r>"
        try:
            ElementTree.fromstring(text)
        except ElementTree.ParseError:
            continue
        seen += 1
        cut = markup.xml(text)
        changed = [Target("<&> " + target.text, target.spans) if not target.spans else target
                   for target in map(_loud, cut.segments)]  # fmt: skip
        ElementTree.fromstring(cut.put(changed))
    assert seen > 100


@pytest.mark.parametrize(
    "piece", ["<", "<a ", "<!--", "<a '", "<a>", "</a>", "<a></b>", "<![CDATA[", "<!DOCTYPE [", "&", "&a", "<?"]
)
def test_time_grows_with_the_text_only(piece: str) -> None:
    text = piece * (100_000 // len(piece)) + "x"
    started = time.process_time()
    cut = markup.xml(text)
    assert cut.put([Target.same(segment) for segment in cut.segments]) == text
    assert time.process_time() - started < 2
