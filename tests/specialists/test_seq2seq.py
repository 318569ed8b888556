"""Batching, limits and languages that both neural specialists share."""

import pytest

from scalemt.errors import ConfigurationError
from scalemt.specialists.base import DraftOptions
from scalemt.specialists.seq2seq import Settings, known_tag, token_batches
from scalemt.types import Pair


def test_batches_hold_every_row_once_within_the_budget() -> None:
    lengths = [3, 9, 1, 4, 4, 2, 8, 30]
    batches = list(token_batches(lengths, 16))
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    assert batches[0] == [7]  # longer than the budget, so alone
    for batch in batches[1:]:
        assert max(lengths[index] for index in batch) * len(batch) <= 16


def test_batches_go_from_long_to_short_and_keep_the_order_of_equals() -> None:
    assert list(token_batches([2, 5, 5, 2], 100)) == [[1, 2, 0, 3]]
    assert list(token_batches([], 100)) == []


@pytest.mark.parametrize(
    ("code", "tag"),
    [("en", "en"), ("pt_br", "pt-BR"), ("por_Latn", "pt"), ("roa", None), ("mul", None), ("", None)],
)
def test_codes_of_one_language(code: str, tag: str | None) -> None:
    assert known_tag(code) == tag


def test_settings_are_checked() -> None:
    with pytest.raises(ConfigurationError, match=r"pairing is 'late'.*aligned, shifted"):
        Settings(None, DraftOptions(), "late", 1, 2048)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="beam is 0, but must be at least 1"):
        Settings(None, DraftOptions(beam=0), "aligned", 1, 2048)
    with pytest.raises(ConfigurationError, match="threads is 0"):
        Settings(None, DraftOptions(), "aligned", 0, 2048)
    with pytest.raises(ConfigurationError, match=r"temperature is 0\.0, but must be above 0"):
        Settings(None, DraftOptions(temperature=0.0), "aligned", 1, 2048)


def test_one_pair_may_stand_without_a_list() -> None:
    assert Settings("en-pt", DraftOptions(), "aligned", 1, 2048).directions() == [Pair("en", "pt")]
