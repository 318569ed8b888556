"""Term accuracy, and the reader of glossaries."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scalemt.errors import ConfigurationError, InputError
from scalemt.evaluation.metrics import MetricContext, build_metric
from scalemt.evaluation.metrics.terms import read_terms
from scalemt.evaluation.systems import Output, System, TestSet

GLOSSARY = """source,target
tide,maré
spring tide,maré viva
spring tide,maré de sizígia
harbour,porto
"harbour, inner",porto interior
alcohol-based,à base de álcool
"""


@pytest.fixture
def glossary(tmp_path: Path) -> Path:
    path = tmp_path / "terms.csv"
    path.write_text(GLOSSARY, "utf-8")
    return path


def ratios(glossary: Path, source: str, output: str) -> tuple[float, float]:
    """Terms translated, and terms in the source."""
    metric = build_metric("terms", MetricContext(glossary=str(glossary)))
    measured = metric.measure(System("s", (Output(output),)), TestSet("t", (source,)))
    translated, found = measured.statistics[0].tolist()
    return translated, found


def written(tmp_path: Path, text: str | bytes, name: str = "g.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("source", "output", "expected"),
    [
        ("The tide turns in the harbour.", "A maré muda no porto.", (2, 2)),
        ("The tide turns in the harbour.", "A maré muda na baía.", (1, 2)),
        ("The TIDE turns.", "MARÉ", (1, 1)),
        ("The tides turn.", "As marés mudam.", (0, 0)),  # another word than `tide`
        ("The tide turns.", "As marés mudam.", (0, 1)),  # whole words only
        # The longer term wins, and `tide` inside it is not counted.
        ("The spring tide is near.", "A maré viva está próxima.", (1, 1)),
        ("The spring tide is near.", "A maré de sizígia está próxima.", (1, 1)),
        ("The spring tide is near.", "A maré está próxima.", (0, 1)),
        ("A spring tide and a neap tide.", "A maré viva e a maré morta.", (2, 2)),
        # A term counts once, however often it occurs.
        ("Tide after tide after tide.", "Água.", (0, 1)),
        ("The spring\u00a0 tide.", "A maré\tviva.", (1, 1)),
        ("An alcohol-based gel.", "Um gel à base de álcool.", (1, 1)),
        ("The harbour, inner and outer", "O porto interior", (1, 1)),
        ("Nothing of that.", "Nada disso.", (0, 0)),
        ("", "", (0, 0)),
        ("The tide turns.", "", (0, 1)),
    ],
)
def test_terms_are_found_and_checked(
    glossary: Path, source: str, output: str, expected: tuple[float, float]
) -> None:
    assert ratios(glossary, source, output) == expected


def test_the_score_is_the_share_over_all_segments(glossary: Path) -> None:
    metric = build_metric("terms", MetricContext(glossary=str(glossary)))
    sources = ("The tide in the harbour.", "No term.", "A spring tide.")
    outputs = tuple(map(Output, ("A maré no porto.", "Nada.", "Água.")))
    measured = metric.measure(System("s", outputs), TestSet("t", sources))
    assert metric.score(measured.statistics.sum(0, keepdims=True))[0] == pytest.approx(200 / 3)
    np.testing.assert_array_equal(measured.segments, [100.0, np.nan, 0.0])
    assert metric.higher_is_better is True


def test_scripts_without_spaces(tmp_path: Path) -> None:
    path = written(tmp_path, "潮,tide\n大潮,spring tide\n港口,harbour\nगाँव,village\n")
    assert ratios(path, "明天有大潮，港口关闭。", "Spring tide tomorrow, harbour closed.") == (2, 2)
    assert ratios(path, "गाँवों में", "In villages") == (0, 0)
    assert ratios(path, "वह गाँव में है", "In the village") == (1, 1)
    other = written(tmp_path, "tide,潮\n")
    assert ratios(other, "The tide.", "明天涨潮了。") == (1, 1)


def test_the_longest_of_overlapping_terms_wins_wherever_it_begins(tmp_path: Path) -> None:
    path = written(tmp_path, "a b,X\nb c d,Y\n")
    assert ratios(path, "a b c d", "Y") == (1, 1)
    assert ratios(path, "a b c d", "X") == (0, 1)


def test_the_signature_knows_the_glossary(glossary: Path) -> None:
    one = build_metric("terms", MetricContext(glossary=str(glossary))).signature
    assert "|terms:5|" in one
    assert "match:longest-first+whole-words" in one
    assert " " not in one
    glossary.write_text(GLOSSARY.replace("porto", "cais"), "utf-8")
    assert build_metric("terms", MetricContext(glossary=str(glossary))).signature != one


def test_without_a_glossary_the_option_is_named() -> None:
    with pytest.raises(ConfigurationError, match="--glossary"):
        build_metric("terms")


# Reading.


@pytest.mark.parametrize(
    "text",
    [
        "source,target\nred tide,maré vermelha\n",
        "red tide,maré vermelha\n",
        "red tide\tmaré vermelha\n",
        "\ufeffTarget,Source\r\nmaré vermelha,red tide\r\n\r\n",
        "id,sourceLang,targetLang,sourceString,targetString\n1,en,pt_XX,red tide,maré vermelha\n,,pt_XX,,\n",
        'source\tnote\ttarget\nred tide\t5" \tmaré vermelha\n',
        '"red tide","maré vermelha"',
        '"red\ntide",maré  vermelha\n',
    ],
)
def test_layouts(tmp_path: Path, text: str) -> None:
    assert read_terms(written(tmp_path, text)).terms == {("red", "tide"): (("maré", "vermelha"),)}


def test_rows_of_one_source_are_alternatives(tmp_path: Path) -> None:
    terms = read_terms(written(tmp_path, "Tide,maré\ntide,fluxo\nTIDE,Maré\n")).terms
    assert terms == {("tide",): (("maré",), ("fluxo",))}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "holds no terms"),
        ("\n \n", "holds no terms"),
        ("source,target\n", "holds no terms below its header"),
        ("source,target\ntide,maré\ntide,\n", "line 3: the target is empty"),
        ("source,target\n\u200b,maré\n", "line 2: the source is empty"),
        ("source,target\nspring, tide,maré\n", r"line 2: 3 fields, expected 2\. .*quotes"),
        ("tide,maré\nharbour\n", "line 2: 1 fields, expected 2"),
        ("id,en,pt\n1,tide,maré\n", "line 1: 3 fields and no header .*sourceString"),
        ("tide\n", "line 1: 1 fields"),
        ('tide,maré\n"harbour,porto\n', r"not CSV \(unexpected end of data\).*Close every quote"),
        ('tide,maré\n"har"bour,porto\n', "line 2: not CSV"),
        ("a" * 200_000 + ",b\n", "field larger than field limit"),
        (b"tide,mar\xe9\n", "line 1, byte 9 of the line: 0xe9 is not UTF-8"),
    ],
)
def test_faults_are_named(tmp_path: Path, text: str | bytes, told: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(InputError, match=told) as fault:
        read_terms(path)
    assert str(path) in str(fault.value)


def test_a_glossary_that_is_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.csv", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            build_metric("terms", MetricContext(glossary=str(path)))


def test_terms_need_sources(glossary: Path) -> None:
    metric = build_metric("terms", MetricContext(glossary=str(glossary)))
    with pytest.raises(InputError, match="terms needs sources"):
        metric.measure(System("s", (Output("a"),)), TestSet("t", references=(("a",),)))


def test_a_large_glossary_of_terms_that_begin_alike(tmp_path: Path) -> None:
    path = written(tmp_path, "".join(f"the tide number {number},maré {number}\n" for number in range(20_000)))
    source = "the tide number 7 and " * 200 + "the tide number 19999"
    assert ratios(path, source, "maré 7 e maré 20000") == (1, 2)


@pytest.mark.data
def test_the_lists_of_tico19_are_read(shared_data: Path) -> None:
    folder = shared_data / "tico19" / "terminologies"
    for path in sorted(folder.glob("f_en-*.csv")):
        if path.name == "f_en-bg_BG.csv":  # as published it has two rows with a comma outside quotes
            with pytest.raises(InputError, match="line 84: 6 fields, expected 5"):
                read_terms(path)
        else:
            assert len(read_terms(path).terms) == 306, path.name
