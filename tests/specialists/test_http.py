"""LibreTranslate and DeepL against a real server on the loopback, with every fault that servers have."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from clocks import FakeClock
from scalemt.errors import ConfigurationError, NoRoadError, ScalemtError, SpecialistError
from scalemt.limiter import Limiter
from scalemt.retry import RetryPolicy
from scalemt.specialists import SPECIALISTS, Specialist
from scalemt.specialists.http import DeepLSpecialist, HttpSpecialist, LibreTranslateSpecialist
from scalemt.types import Draft, Pair, Word
from specialists.translation_server import Fault, TranslationServer

EN_PT = Pair("en", "pt")
KEY = "very-secret-key"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[TranslationServer]:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DEEPL_API_KEY", KEY)
    monkeypatch.delenv("LIBRETRANSLATE_API_KEY", raising=False)
    with TranslationServer().running() as running:
        yield running


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def waits(clock: FakeClock) -> list[float]:
    return clock.waits


@pytest.fixture
def libre(server: TranslationServer, clock: FakeClock) -> Iterator[LibreTranslateSpecialist]:
    with LibreTranslateSpecialist(server.url, retry=QUICK, timeout=5.0) as made:
        made.limiter = Limiter(4, clock)
        yield made


@pytest.fixture
def deepl(server: TranslationServer, clock: FakeClock) -> Iterator[DeepLSpecialist]:
    with DeepLSpecialist(server.url, retry=QUICK, timeout=5.0) as made:
        made.limiter = Limiter(4, clock)
        yield made


QUICK = RetryPolicy(attempts=3, base=1.0, jitter=0.0)


def draft(specialist: HttpSpecialist, *texts: str, pair: Pair = EN_PT, n: int = 1) -> list[list[str]]:
    return [[item.text for item in row] for row in specialist.draft(texts, pair, n)]


class TestLibreTranslate:
    """The protocol of LibreTranslate."""

    def test_it_is_a_specialist_of_the_registry(self, libre: LibreTranslateSpecialist) -> None:
        assert SPECIALISTS.load("libretranslate") is LibreTranslateSpecialist
        assert isinstance(libre, Specialist)

    def test_pairs_are_what_the_server_lists_and_asked_once(
        self, libre: LibreTranslateSpecialist, server: TranslationServer
    ) -> None:
        expected = [
            ("en", "pt"),
            ("en", "pt-BR"),
            ("en", "zh-Hant"),
            ("pt", "en"),
            ("zh-Hant", "en"),
            ("zh-Hant", "pt"),
        ]
        assert libre.pairs() == [Pair(*pair) for pair in expected]
        assert libre.supports(Pair("en-GB", "pt-PT"))
        assert len(server.seen) == 1

    def test_a_draft_has_words_without_confidence(self, libre: LibreTranslateSpecialist) -> None:
        [[found]] = libre.draft(["the house"], EN_PT)
        words = (Word("<pt>"), Word("the"), Word("house"))
        assert found == Draft("<pt> the house", words, None, "libretranslate", "pt")

    @pytest.mark.parametrize(
        ("target", "code"),
        [("pt-BR", "pb"), ("pt", "pt"), ("pt-PT", "pt"), ("zh-Hant", "zt"), ("zh-Hant-TW", "zt")],
    )
    def test_the_servers_own_codes_are_sent(
        self, libre: LibreTranslateSpecialist, server: TranslationServer, target: str, code: str
    ) -> None:
        [[found]] = libre.draft(["a"], Pair("en-US", target))
        assert found.text == f"<{code}> a"
        assert found.language == target
        assert server.translations[0].body == {"q": ["a"], "source": "en", "target": code, "format": "text"}

    def test_batches_keep_their_order_and_run_side_by_side(self, server: TranslationServer) -> None:
        with LibreTranslateSpecialist(server.url, batch_size=3, concurrency=4) as made:
            texts = [f"text {number}" for number in range(50)]
            assert draft(made, *texts) == [[f"<pt> {text}"] for text in texts]
        sizes = [len(seen.body["q"]) for seen in server.translations]
        assert sorted(sizes) == [2] + [3] * 16
        assert server.most_at_once <= 4

    def test_long_texts_go_in_requests_of_their_own(
        self, libre: LibreTranslateSpecialist, server: TranslationServer
    ) -> None:
        texts = ["a" * 60_000, "b" * 60_000, "c", "é" * 100_000]
        assert [len(row[0]) for row in draft(libre, *texts)] == [60_005, 60_005, 6, 100_005]
        assert sorted(len(seen.body["q"]) for seen in server.translations) == [1, 1, 2]

    def test_the_key_is_sent_where_there_is_one(
        self, libre: LibreTranslateSpecialist, server: TranslationServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LIBRETRANSLATE_API_KEY", KEY)
        draft(libre, "a")
        assert server.translations[0].body["api_key"] == KEY

    def test_several_drafts_are_the_servers_alternatives(
        self, libre: LibreTranslateSpecialist, server: TranslationServer
    ) -> None:
        assert draft(libre, "a", "b", n=3) == [["<pt> a", "a 1", "a 2"], ["<pt> b", "b 1", "b 2"]]
        assert server.translations[0].body["alternatives"] == 2

    @pytest.mark.parametrize("given", [0, 1])
    def test_too_few_alternatives_are_an_error(
        self, libre: LibreTranslateSpecialist, server: TranslationServer, given: int
    ) -> None:
        server.alternatives = given
        with pytest.raises(SpecialistError, match=rf"gave {given + 1} drafts for a text, and 3 are asked for"):
            draft(libre, "a", n=3)

    def test_line_breaks_of_the_server_become_spaces(
        self, libre: LibreTranslateSpecialist, server: TranslationServer
    ) -> None:
        server.faults = [Fault(body=json.dumps({"translatedText": ["a\r\nb\nc"]}).encode())]
        assert draft(libre, "a") == [["a b c"]]

    def test_odd_texts_pass(self, libre: LibreTranslateSpecialist) -> None:
        assert draft(libre, "😀", "", "half \ud800", '"\\') == [["<pt> 😀"], [""], ["<pt> half ?"], ['<pt> "\\']]

    def test_a_pair_that_is_not_listed_has_no_road(self, libre: LibreTranslateSpecialist) -> None:
        with pytest.raises(NoRoadError, match="libretranslate does not cover en->xh"):
            draft(libre, "a", pair=Pair("en", "xh"))

    def test_the_signature_shows_no_secret(self) -> None:
        made = LibreTranslateSpecialist("https://user:hidden@host.org/libre/")
        assert made.signature == "libretranslate[https://host.org/libre]"


class TestDeepL:
    """The protocol of DeepL."""

    def test_it_is_a_specialist_of_the_registry(self, deepl: DeepLSpecialist) -> None:
        assert SPECIALISTS.load("deepl") is DeepLSpecialist
        assert isinstance(deepl, Specialist)

    def test_the_key_goes_into_the_header(self, deepl: DeepLSpecialist, server: TranslationServer) -> None:
        assert draft(deepl, "a") == [["<PT-BR> a"]]
        assert {seen.headers["authorization"] for seen in server.seen} == {f"DeepL-Auth-Key {KEY}"}
        assert server.translations[0].body == {"text": ["a"], "source_lang": "EN", "target_lang": "PT-BR"}

    @pytest.mark.parametrize(
        ("source", "target", "codes"),
        [
            ("en", "pt-BR", ("EN", "PT-BR")),
            ("en-GB", "pt-PT", ("EN", "PT-PT")),
            ("pt-BR", "en", ("PT", "EN-US")),
            ("pt", "en-GB", ("PT", "EN-GB")),
            ("pt", "zh-Hant", ("PT", "ZH-HANT")),
            ("pt", "zh", ("PT", "ZH-HANS")),
            ("en", "de-AT", ("EN", "DE")),
        ],
    )
    def test_deepls_codes_are_sent(
        self, deepl: DeepLSpecialist, server: TranslationServer, source: str, target: str, codes: tuple[str, str]
    ) -> None:
        draft(deepl, "a", pair=Pair(source, target))
        body = server.translations[0].body
        assert (body["source_lang"], body["target_lang"]) == codes

    def test_several_drafts_are_refused(self, deepl: DeepLSpecialist) -> None:
        with pytest.raises(SpecialistError, match="one draft a text, and 2 are asked for"):
            draft(deepl, "a", n=2)

    def test_a_missing_key_is_named(self, deepl: DeepLSpecialist, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("DEEPL_API_KEY")
        with pytest.raises(ConfigurationError, match="environment variable DEEPL_API_KEY"):
            draft(deepl, "a")

    def test_a_used_up_quota_is_final(
        self, deepl: DeepLSpecialist, server: TranslationServer, waits: list[float]
    ) -> None:
        server.faults = [Fault(456, b'{"message": "Quota exceeded"}')]
        with pytest.raises(SpecialistError, match=r"status 456\. The quota of the key is used up.*Quota exceeded"):
            draft(deepl, "a")
        assert (len(server.translations), waits) == (1, [])


SERVICES: list[tuple[type[HttpSpecialist], str, dict[str, Any]]] = [
    (LibreTranslateSpecialist, "LIBRETRANSLATE_API_KEY", {"translatedText": ["x", "y"]}),
    (DeepLSpecialist, "DEEPL_API_KEY", {"translations": [{"text": "x"}, {"text": "y"}]}),
]


@pytest.mark.parametrize(("service", "variable", "two"), SERVICES, ids=["libretranslate", "deepl"])
class TestFaults:
    """What both do when the server does not answer as it should."""

    @pytest.fixture
    def made(
        self,
        service: type[HttpSpecialist],
        variable: str,
        server: TranslationServer,
        clock: FakeClock,
        monkeypatch: pytest.MonkeyPatch,
    ) -> Iterator[HttpSpecialist]:
        monkeypatch.setenv(variable, KEY)
        url = f"http://someone:pass-word@{server.host}"
        with service(url, api_key_env=variable, **self.options()) as specialist:
            specialist.limiter = Limiter(2, clock)
            specialist.pairs()
            yield specialist

    @staticmethod
    def options() -> dict[str, Any]:
        return {"timeout": 5.0, "retries": 2, "batch_size": 32, "concurrency": 2, "retry": QUICK}

    def refused(self, made: HttpSpecialist, error: type[ScalemtError] = SpecialistError) -> str:
        with pytest.raises(error) as caught:
            made.draft(["a"], EN_PT)
        message = str(caught.value)
        assert KEY not in message
        assert "pass-word" not in message
        assert "http://127.0.0.1:" in message
        return message

    def test_a_refused_key_is_final(
        self, made: HttpSpecialist, server: TranslationServer, variable: str, two: object
    ) -> None:
        server.faults = [Fault(403, json.dumps({"error": f"Invalid key {KEY}\n", "message": ""}).encode())]
        message = self.refused(made)
        assert f"status 403. Check the key in {variable}" in message
        assert message.endswith("It said: Invalid key ***")
        assert len(server.translations) == 1

    def test_retry_after_in_seconds_is_waited_for(
        self, made: HttpSpecialist, server: TranslationServer, waits: list[float], two: object
    ) -> None:
        server.faults = [Fault(429, headers={"Retry-After": "7"}), Fault(503, headers={"Retry-After": "2"})]
        assert len(made.draft(["a"], EN_PT)) == 1
        assert waits == [7.0, 2.0]

    def test_a_limit_that_stays_is_an_error_after_all_tries(
        self, made: HttpSpecialist, server: TranslationServer, waits: list[float], two: object
    ) -> None:
        server.faults = [Fault(429)] * 3
        assert "status 429, tried 3 times. It asks for fewer requests" in self.refused(made)
        assert waits == [1.0, 2.0]

    def test_a_wait_beyond_the_cap_is_not_waited_for(
        self, made: HttpSpecialist, server: TranslationServer, waits: list[float], two: object
    ) -> None:
        server.faults = [Fault(429, headers={"Retry-After": "86400"})]
        assert "status 429. It asks for fewer requests" in self.refused(made)
        assert waits == []

    def test_a_server_error_is_tried_again(
        self, made: HttpSpecialist, server: TranslationServer, waits: list[float], two: object
    ) -> None:
        server.faults = [Fault(500), Fault(502)]
        assert len(made.draft(["a"], EN_PT)) == 1
        server.faults = [Fault(500, b"<html>Traceback</html>")] * 3
        message = self.refused(made)
        assert message.endswith("status 500, tried 3 times. Check the server's log.")

    def test_a_dropped_connection_is_tried_again(
        self, made: HttpSpecialist, server: TranslationServer, waits: list[float], two: object
    ) -> None:
        server.faults = [Fault(drop=True)]
        assert len(made.draft(["a"], EN_PT)) == 1
        assert waits == [1.0]

    def test_an_answer_that_is_not_json_is_an_error(
        self, made: HttpSpecialist, server: TranslationServer, two: object
    ) -> None:
        server.faults = [Fault(body=b"<html>hello</html>", headers={"Content-Type": "text/html"})]
        assert "not JSON (text/html)" in self.refused(made)

    @pytest.mark.parametrize("body", [b"[]", b"{}", b"null", b'{"translatedText": "x", "translations": "x"}'])
    def test_json_of_another_shape_is_an_error(
        self, made: HttpSpecialist, server: TranslationServer, two: object, body: bytes
    ) -> None:
        server.faults = [Fault(body=body)]
        assert "answered JSON that is not its protocol: expected" in self.refused(made)

    def test_a_wrong_count_names_both(self, made: HttpSpecialist, server: TranslationServer, two: object) -> None:
        server.faults = [Fault(body=json.dumps(two).encode())]
        assert "2 translations for 1 texts" in self.refused(made)

    def test_one_failing_batch_fails_the_call(
        self, made: HttpSpecialist, server: TranslationServer, two: object
    ) -> None:
        server.faults = [Fault(403)]
        with pytest.raises(SpecialistError, match="status 403"):
            made.draft([f"text {number}" for number in range(100)], EN_PT)

    def test_a_server_that_hangs_runs_into_the_time_out(
        self,
        service: type[HttpSpecialist],
        variable: str,
        server: TranslationServer,
        clock: FakeClock,
        two: object,
    ) -> None:
        options = self.options() | {"timeout": 0.1}
        with service(server.url, api_key_env=variable, **options) as made:
            made.limiter = Limiter(2, clock)
            made.pairs()
            server.faults = [Fault(hang=True)] * 3
            assert "gave no answer within 0.1 seconds, tried 3 times" in self.refused(made)

    def test_a_server_that_is_not_there_is_named(
        self,
        service: type[HttpSpecialist],
        variable: str,
        server: TranslationServer,
        clock: FakeClock,
        two: object,
    ) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://user:pass-word@127.0.0.1:{free.getsockname()[1]}"
            with service(url, api_key_env="DEEPL_API_KEY", **self.options()) as made:
                made.limiter = Limiter(2, clock)
                message = self.refused(made)
        assert "cannot be reached, tried 3 times (ConnectError" in message

    def test_a_wrong_path_says_so(
        self,
        service: type[HttpSpecialist],
        variable: str,
        server: TranslationServer,
        clock: FakeClock,
        two: object,
    ) -> None:
        with service(f"{server.url}/wrong", api_key_env="DEEPL_API_KEY", **self.options()) as made:
            assert "status 404. Check the URL" in self.refused(made)

    @pytest.mark.parametrize(
        ("url", "message"),
        [
            ("ftp://host.org", "no address of a server"),
            ("host.org", "no address of a server"),
            ("http://", "no address of a server"),
            ("http://host:99999", "no address of a server"),
            ("https://host.org/?key=hidden", "query or fragment"),
        ],
    )
    def test_an_unusable_url_is_refused_at_once(
        self, service: type[HttpSpecialist], variable: str, two: object, url: str, message: str
    ) -> None:
        with pytest.raises(ConfigurationError, match=message) as caught:
            service(url, api_key_env=variable, **self.options())
        assert "hidden" not in str(caught.value)

    @pytest.mark.parametrize("name", ["timeout", "batch_size", "concurrency", "retries"])
    def test_an_unusable_number_is_refused_at_once(
        self, service: type[HttpSpecialist], variable: str, two: object, name: str
    ) -> None:
        with pytest.raises(ConfigurationError, match=name):
            service("http://host", api_key_env=variable, **self.options() | {name: -1})


def test_deepl_takes_fifty_texts_at_most() -> None:
    with pytest.raises(ConfigurationError, match="deepl takes at most 50 texts in a request; batch_size is 51"):
        DeepLSpecialist(batch_size=51)


def test_a_key_with_odd_characters_is_refused(server: TranslationServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPL_API_KEY", "schlüssel")
    with DeepLSpecialist(server.url) as made, pytest.raises(ConfigurationError, match="The key in DEEPL_API_KEY"):
        made.pairs()


def test_half_a_surrogate_pair_in_an_answer_is_replaced(libre: LibreTranslateSpecialist) -> None:
    assert libre._made("a \ud83d b\r\nc", EN_PT).text == "a \ufffd b c"
