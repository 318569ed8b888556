"""Sizes and ages as people write them."""

from __future__ import annotations

import pytest

from scalemt.caching import read_age, read_size, size_limit
from scalemt.caching.units import shown_size
from scalemt.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "size"),
    [("500MB", 500_000_000), (" 2 GiB ", 2 << 30), ("1.5g", 1_500_000_000), ("7", 7), ("64kib", 65536), ("3B", 3)],
)
def test_sizes(text: str, size: int) -> None:
    assert read_size(text, "x") == size


@pytest.mark.parametrize(
    "text", ["", "MB", "-1MB", "1e9", "five", "1 iB", "1MBB", "٣MB", "9" * 400, "1" * 50 + "x"]
)
def test_no_sizes(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^SIZE is .*expected a size such as 500MB"):
        read_size(text, "SIZE")


@pytest.mark.parametrize(("text", "age"), [("30d", 2_592_000), ("12h", 43_200), ("0.5W", 302_400), ("90 s", 90)])
def test_ages(text: str, age: float) -> None:
    assert read_age(text, "x") == age


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "30 days", "nan d"])
def test_no_ages(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^--older-than is .*30d"):
        read_age(text, "--older-than")


def test_the_limit_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SCALEMT_CACHE_LIMIT", raising=False)
    assert size_limit() == 2**30
    monkeypatch.setenv("SCALEMT_CACHE_LIMIT", "20MB")
    assert size_limit() == 20_000_000
    for text in ("0", "999kB", "much"):
        monkeypatch.setenv("SCALEMT_CACHE_LIMIT", text)
        with pytest.raises(ConfigurationError, match="SCALEMT_CACHE_LIMIT is"):
            size_limit()


def test_sizes_for_people() -> None:
    assert [shown_size(size) for size in (0, 999, 1500, 2 * 10**9, 10**16)] == [
        "0 bytes",
        "999 bytes",
        "1.5 kB",
        "2.0 GB",
        "10000.0 TB",
    ]
