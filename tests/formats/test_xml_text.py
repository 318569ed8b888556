"""Text as it stands in XML documents."""

import pytest

from scalemt.errors import UnknownLanguageError
from scalemt.formats.xmlunits import encoded
from scalemt.languages import parse
from scalemt.memory.units import Unit, swap
from scalemt.types import Pair


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a < b & c", "a &lt; b &amp; c"),
        ("a\rb", "a&#13;b"),
        ("a&#13;b", "a&amp;#13;b"),
        ("a\ufffeb\uffffc\x00d\ud800e", "a b c d e"),
        ("tab\tline\n", "tab\tline\n"),
    ],
)
def test_what_xml_cannot_hold_becomes_a_space(text: str, wanted: str) -> None:
    assert encoded(text, "utf-8").decode() == wanted


@pytest.mark.parametrize("code", ["s\0o\0u\0r\0c\0e", "Portu\0guese", "en\x1b"])
def test_codes_with_control_characters_are_unknown(code: str) -> None:
    with pytest.raises(UnknownLanguageError):
        parse(code)


def test_codes_of_a_unit_change_sides_with_it() -> None:
    unit = Unit(
        "<g1>a</g1>", "<g1>b</g1>", Pair("en", "pt"), codes={0: "<bpt>x</bpt>", ~0: "<bpt>y</bpt>", 1: "<ept/>"}
    )
    assert swap(unit).codes == {0: "<bpt>y</bpt>", ~0: "<bpt>x</bpt>", 1: "<ept/>"}
    assert swap(swap(unit)) == unit
