"""LibreOffice writes the files, scalemt translates them, and LibreOffice reads what came out, all of it."""

# ruff: noqa: E501  # markup reads better in whole lines

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from packages import ODF, read, written
from scalemt.formats import FormatOptions, Target
from scalemt.text.spans import rewrite
from scalemt.types import Segment

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not shutil.which("soffice"), reason="LibreOffice is not installed (Debian: libreoffice-nogui)"
    ),
]
ACCENTS = str.maketrans("aeiouAEIOU", "áéíóúÁÉÍÓÚ")
_DOCUMENT = f'<?xml version="1.0" encoding="UTF-8"?><office:document {ODF} office:version="1.3" office:mimetype="{{}}">{{}}</office:document>'
_LOOKS = (
    '<office:automatic-styles><style:style style:name="B" style:family="text"><style:text-properties '
    'fo:font-weight="bold"/></style:style></office:automatic-styles>'
)
SOURCES = {
    "fodt": (
        "application/vnd.oasis.opendocument.text",
        f'{_LOOKS}<office:body><office:text><text:h text:outline-level="1">The garden in winter</text:h>'
        '<text:p>Water the <text:span text:style-name="B">small</text:span> plants, says <text:a xlink:type="simple" '
        'xlink:href="https://example.org/">our guide</text:a>.<text:note text:note-class="footnote"><text:note-citation>1'
        "</text:note-citation><text:note-body><text:p>Not in the rain.</text:p></text:note-body></text:note></text:p>"
        '<text:p>Two spaces<text:s text:c="3"/>and a<text:tab/>tab<text:line-break/>and 5 &lt; 6 &amp; more.</text:p>'
        "<table:table><table:table-column/><table:table-row><table:table-cell><text:p>Plant</text:p></table:table-cell>"
        "</table:table-row></table:table></office:text></office:body>",
    ),
    "fods": (
        "application/vnd.oasis.opendocument.spreadsheet",
        '<office:body><office:spreadsheet><table:table table:name="Plants"><table:table-row><table:table-cell '
        'office:value-type="string"><text:p>Name of the plant</text:p></table:table-cell></table:table-row>'
        '<table:table-row><table:table-cell office:value-type="string"><text:p>A fern &amp; more</text:p>'
        "</table:table-cell></table:table-row></table:table></office:spreadsheet></office:body>",
    ),
    "fodp": (
        "application/vnd.oasis.opendocument.presentation",
        f'{_LOOKS}<office:body><office:presentation><draw:page draw:name="one"><draw:frame svg:width="10cm" '
        'svg:height="5cm" svg:x="1cm" svg:y="1cm"><draw:text-box><text:p>Open the <text:span text:style-name="B">window'
        "</text:span> now</text:p></draw:text-box></draw:frame></draw:page></office:presentation></office:body>",
    ),
}
KINDS = {
    "odt": "fodt",
    "docx": "fodt",
    "epub": "fodt",
    "ods": "fods",
    "xlsx": "fods",
    "odp": "fodp",
    "pptx": "fodp",
}
SHOWN = {"fodt": "txt:Text (encoded):UTF8", "fods": "csv:Text - txt - csv (StarCalc):44,34,76", "fodp": "fodp"}


def convert(path: Path, how: str, folder: Path) -> Path:
    command = [
        "soffice",
        f"-env:UserInstallation=file://{folder.parent}/profile",
        "--headless",
        "--convert-to",
        how,
    ]
    done = subprocess.run(
        [*command, "--outdir", str(folder), str(path)], capture_output=True, text=True, timeout=240, check=False
    )
    made = folder / f"{path.stem}.{how.partition(':')[0]}"
    assert made.is_file(), f"{done.stdout}\n{done.stderr}"
    return made


def accented(segment: Segment) -> Target:
    return Target(
        *rewrite(segment.text, segment.spans, lambda _, held: held, lambda plain: plain.translate(ACCENTS))
    )


def shown(path: Path, kind: str, folder: Path) -> str:
    text = convert(path, SHOWN[kind], folder).read_text(errors="replace")
    if kind == "fodp":
        # Its export as HTML shows placeholders only.
        text = re.sub(r"<[^>]*>", " ", text.partition("<office:body>")[2])
    return " ".join(text.split())


@pytest.mark.parametrize("suffix", KINDS)
def test_its_files_are_read_and_ours_are_opened(suffix: str, tmp_path: Path) -> None:
    kind = KINDS[suffix]
    source = tmp_path / f"a.{kind}"
    source.write_text(_DOCUMENT.format(*SOURCES[kind]))
    before, after = tmp_path / "before", tmp_path / "after"
    made = convert(source, suffix, before)
    assert len(read(made)) >= {"fodt": 5, "fods": 2, "fodp": 1}[kind]
    assert written(made) == made.read_bytes()
    after.mkdir()
    ours = after / made.name
    ours.write_bytes(written(made, accented, FormatOptions(source="en", target="pt")))
    if suffix == "epub":  # LibreOffice only writes books
        assert any("gárdén" in segment.text for segment in read(ours))
        return
    expected = shown(made, kind, before).translate(ACCENTS)
    # Times of the run and the program's own words are not of the document.
    assert shown(ours, kind, after).translate(ACCENTS) == expected
    assert any(sign in shown(ours, kind, after) for sign in "áéíóú")
