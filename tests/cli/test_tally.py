"""What a run tells its user at the end."""

from __future__ import annotations

import pytest

from helpers import EN_PT
from scalemt.cli.tally import Tally
from scalemt.types import Segment, TermUse, Translation


def test_terms_of_a_glossary_are_told_apart_from_those_that_a_method_wants(
    capsys: pytest.CaptureFixture[str],
) -> None:
    uses = (
        TermUse("fever", "febre", "applied"),
        TermUse("cough", "tosse", "missed"),
        TermUse("host", "hospedeiro", "inflected", origin="agents"),
        TermUse("strain", "cepa", "missed", origin="agents"),
    )
    tally = Tally()
    tally.add(Translation(Segment("x", "7"), "y", "agents", EN_PT, terms=uses))
    tally.report()
    told = capsys.readouterr().err
    assert "1 of 2 uses of terms hold what agents settled for them." in told
    assert "1 of 2 terms of the glossary are used." in told
    assert "Term not used: segment 7: cough = tosse" in told
    assert "strain" not in told
