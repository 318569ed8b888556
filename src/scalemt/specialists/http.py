"""Remote translation services as specialists: LibreTranslate and DeepL.

They tell no probabilities, so words have no confidence. Keys come from the environment only and never stand
in a message.
"""

from __future__ import annotations

import os
import re
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from threading import RLock
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import urlsplit

from scalemt.connections import Connections
from scalemt.errors import ConfigurationError, SpecialistError, UnknownLanguageError
from scalemt.languages import parse
from scalemt.limiter import Limiter
from scalemt.retry import RetryPolicy, redact, send
from scalemt.specialists.base import BaseSpecialist
from scalemt.specialists.confidence import words_without_confidence
from scalemt.types import Draft, Pair
from scalemt.workers import in_order

if TYPE_CHECKING:
    import httpx

_MOST_BYTES = 100_000  # of text in one request; DeepL takes 128 KiB with everything around it

_SURROGATE = re.compile(r"[\ud800-\udfff]")  # half a pair, as JSON can write it, is no text

# A target without region where DeepL lists only regions: what most people mean by it (CLDR).
_DEEPL_REGIONS = {"en": "EN-US", "pt": "PT-BR", "zh": "ZH-HANS"}

_ADVICE = {
    400: "Check the language codes and what the server allows in one request.",
    401: "Check the key in {key}.",
    403: "Check the key in {key}, and that it is for this server.",
    404: "Check the URL: it must be the address without /translate or /v2.",
    413: "The request is too large: set a smaller batch_size, or shorten the text.",
    429: "It asks for fewer requests: lower concurrency and batch_size, or wait.",
    456: "The quota of the key is used up: wait for the next period, or raise it.",
}


class HttpSpecialist(BaseSpecialist):
    """What both services share: batches sent side by side, retries, and errors that say what to check.

    A subclass knows the protocol, `_languages` and `_translate`, and what is left out by default: `address`, where
    the service has one, `key_variable`, and `most_texts`, what it takes in one request.

    Args:
        url: address of the server, without the path of the service; "" is that of the service.
        api_key_env: the environment variable that holds the key; "" is the usual one of the service.
        timeout: seconds to wait for a connection, and for each part of an answer.
        retries: tries after the first; `Retry-After` is honoured, by all requests together.
        batch_size: most texts in one request.
        concurrency: most requests under way at the same time; fewer after refusals for overload, see `Limiter`.
        retry: the whole policy, in place of `retries`.

    Raises:
        ConfigurationError: the URL or a number cannot be used.
    """

    address: ClassVar[str] = ""
    key_variable: ClassVar[str]
    most_texts: ClassVar[int | None] = None

    def __init__(
        self,
        url: str = "",
        *,
        api_key_env: str = "",
        timeout: float = 30.0,
        retries: int = 3,
        batch_size: int = 32,
        concurrency: int = 4,
        retry: RetryPolicy | None = None,
    ) -> None:
        url = url or self.address
        _check_url(self.name, url)
        if min(timeout, retries + 1, batch_size, concurrency) <= 0:
            raise ConfigurationError(
                f"{self.name}: timeout, batch_size and concurrency must be above 0 and retries at least 0; "
                f"they are {timeout}, {batch_size}, {concurrency} and {retries}."
            )
        if self.most_texts and batch_size > self.most_texts:
            raise ConfigurationError(
                f"{self.name} takes at most {self.most_texts} texts in a request; batch_size is {batch_size}."
            )
        self._url = url.rstrip("/")
        self._key_name = api_key_env or self.key_variable
        self._timeout = timeout
        self._batch_size = batch_size
        self._concurrency = concurrency
        self._retry = retry or RetryPolicy(attempts=retries + 1)
        self._connections = Connections(partial(_client, timeout, concurrency))
        self._lock = RLock()
        self.limiter = Limiter(concurrency)
        self._known: dict[Pair, tuple[str, str]] | None = None

    @property
    def signature(self) -> str:
        """The kind and address of the service; which model answers there is not known."""
        return f"{self.name}[{redact(self._url)}]"

    def pairs(self) -> list[Pair]:
        """The directions that the server lists; it is asked once, when first needed.

        Raises:
            SpecialistError: the server cannot be asked.
        """
        return sorted(self._codes())

    def _codes(self) -> dict[Pair, tuple[str, str]]:
        with self._lock:
            if self._known is None:
                self._known = self._languages()
            return self._known

    @abstractmethod
    def _languages(self) -> dict[Pair, tuple[str, str]]:
        """Ask which directions there are, and the server's codes of each."""

    @abstractmethod
    def _translate(self, texts: Sequence[str], codes: tuple[str, str], n: int) -> list[list[str]]:
        """Send one request; return `n` translations a text."""

    def _draft(self, texts: Sequence[str], pair: Pair, n: int) -> list[list[Draft]]:
        served = self.resolve(pair)
        if served is None:
            raise SpecialistError(self._no_road(pair))
        codes = self._codes()[served]
        batches = list(_batches(texts, self._batch_size))
        answers = in_order(
            lambda batch: self._translate(batch, codes, n), batches, self._concurrency, cancel=self.cancel
        )
        return [[self._made(text, pair) for text in row] for answer in answers for row in answer]

    def _made(self, text: str, pair: Pair) -> Draft:
        line = _SURROGATE.sub("\ufffd", " ".join(text.split("\n")).replace("\r", ""))
        return Draft(line, words_without_confidence(line), engine=self.name, language=pair.target)

    def _key(self) -> str:
        key = os.environ.get(self._key_name, "").strip()
        if not key.isascii():
            raise ConfigurationError(f"The key in {self._key_name} has characters that no key has. Copy it anew.")
        return key

    def _call(self, method: str, path: str, **request: Any) -> Any:
        """Send a request, again where that may help, and return the JSON of the answer."""
        response = self._send(method, path, request)
        try:
            return response.json()
        except ValueError:
            found = response.headers.get("content-type", "no content type")
            raise SpecialistError(
                f"{self._where(path)} answered something that is not JSON ({found}). "
                "Check that the URL is that of the service and not of its web page."
            ) from None

    def _send(self, method: str, path: str, request: Mapping[str, Any]) -> Any:
        import httpx

        tried = 0

        def once() -> httpx.Response:
            nonlocal tried
            tried += 1
            return self._connections.request(method, f"{self._url}{path}", **request)

        try:
            response = send(once, self._retry, self.limiter, retry_on=(httpx.TransportError,))
        except httpx.InvalidURL as fault:
            raise ConfigurationError(f"{redact(self._url)} is no address of a server ({fault}).") from None
        except httpx.TimeoutException:
            raise SpecialistError(
                f"{self._where(path)} gave no answer within {self._timeout:g} seconds, {_times(tried)}. "
                "Check that the server is not overloaded, or set a longer timeout."
            ) from None
        except httpx.TransportError as fault:
            raise SpecialistError(
                f"{self._where(path)} cannot be reached, {_times(tried)} ({type(fault).__name__}: "
                f"{self._hide(str(fault))}). Check that the server runs, and the URL."
            ) from None
        if response.status_code != 200:
            raise self._refused(response, path, tried)
        return response

    def _refused(self, response: Any, path: str, tried: int) -> SpecialistError:
        status = response.status_code
        again = f", {_times(tried)}" if tried != 1 else ""
        advice = _ADVICE.get(status, "Check the server's log." if status >= 500 else "Check the URL.")
        said = _said(response)
        return SpecialistError(
            f"{self._where(path)} answered with status {status}{again}. {advice.format(key=self._key_name)}"
            + (f" It said: {self._hide(said)}" if said else "")
        )

    def _where(self, path: str) -> str:
        return f"{self.name} at {redact(self._url)}{path}"

    def _hide(self, text: str) -> str:
        """Take the key and the URL's credentials out of what is shown."""
        parts = urlsplit(self._url)
        for secret in (
            os.environ.get(self._key_name, "").strip(),
            parts.password,
            parts.netloc.rpartition("@")[0],
        ):
            if secret:
                text = text.replace(secret, "***")
        return text

    def _malformed(self, path: str, what: str) -> SpecialistError:
        return SpecialistError(f"{self._where(path)} answered JSON that is not its protocol: {what}.")

    def close(self) -> None:
        """Close the connections; a later draft opens new ones."""
        self._connections.close()

    def cancel(self) -> None:
        """Give up, from another thread, all requests under way and waiting: `draft` raises CancelledError."""
        self.limiter.cancel()
        self._connections.break_off()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class LibreTranslateSpecialist(HttpSpecialist):
    """A LibreTranslate server (https://docs.libretranslate.com/guides/api_usage/); see `HttpSpecialist`.

    More than one draft a text are the server's `alternatives`, which version 1.6 brought.
    """

    name = "libretranslate"
    key_variable = "LIBRETRANSLATE_API_KEY"

    def _languages(self) -> dict[Pair, tuple[str, str]]:
        listed = self._call("GET", "/languages")
        if not isinstance(listed, list) or not all(isinstance(item, dict) and "code" in item for item in listed):
            raise self._malformed("/languages", "expected a list of objects with code and targets")
        everything = [item["code"] for item in listed]
        directions = ((item["code"], to) for item in listed for to in item.get("targets") or everything)
        return {
            Pair(source, target): codes
            for codes in directions
            if (source := _tag(codes[0])) and (target := _tag(codes[1])) and source != target
        }

    def _translate(self, texts: Sequence[str], codes: tuple[str, str], n: int) -> list[list[str]]:
        body: dict[str, Any] = {"q": list(texts), "source": codes[0], "target": codes[1], "format": "text"}
        if n > 1:
            body["alternatives"] = n - 1
        if key := self._key():
            body["api_key"] = key
        answer = self._call("POST", "/translate", json=body)
        best = _strings(answer.get("translatedText") if isinstance(answer, dict) else None)
        if best is None:
            raise self._malformed("/translate", "expected translatedText, a list of strings")
        if len(best) != len(texts):
            raise self._malformed("/translate", f"{len(best)} translations for {len(texts)} texts")
        if n == 1:
            return [[text] for text in best]
        return self._with_alternatives(best, answer.get("alternatives"), n)

    def _with_alternatives(self, best: Sequence[str], found: object, n: int) -> list[list[str]]:
        rows = found if isinstance(found, list) and len(found) == len(best) else [None] * len(best)
        drafts = [[text, *(_strings(row) or [])][:n] for text, row in zip(best, rows, strict=True)]
        fewest = min(map(len, drafts))
        if fewest < n:
            raise SpecialistError(
                f"{self._where('/translate')} gave {fewest} drafts for a text, and {n} are asked for. "
                "Alternatives need LibreTranslate 1.6 or later, and some texts have few; ask for fewer drafts."
            )
        return drafts


class DeepLSpecialist(HttpSpecialist):
    """DeepL, or a server with its API (https://developers.deepl.com/docs); see `HttpSpecialist`.

    Keys of the paid plan belong to https://api.deepl.com.
    """

    name = "deepl"
    address = "https://api-free.deepl.com"
    key_variable = "DEEPL_API_KEY"
    most_texts = 50

    def _languages(self) -> dict[Pair, tuple[str, str]]:
        sources, targets = self._listed("source"), self._listed("target")
        for tag, code in _DEEPL_REGIONS.items():
            if code in targets.values():
                targets.setdefault(tag, code)
        return {
            Pair(source, target): (left, right)
            for source, left in sources.items()
            for target, right in targets.items()
            if source != target
        }

    def _listed(self, side: str) -> dict[str, str]:
        listed = self._call("GET", "/v2/languages", params={"type": side}, headers=self._headers())
        if not isinstance(listed, list) or not all(
            isinstance(item, dict) and "language" in item for item in listed
        ):
            raise self._malformed("/v2/languages", "expected a list of objects with language")
        return {tag: item["language"] for item in listed if (tag := _tag(item["language"]))}

    def _headers(self) -> dict[str, str]:
        key = self._key()
        if not key:
            raise ConfigurationError(f"DeepL needs a key. Put it into the environment variable {self._key_name}.")
        return {"Authorization": f"DeepL-Auth-Key {key}"}

    def _translate(self, texts: Sequence[str], codes: tuple[str, str], n: int) -> list[list[str]]:
        if n > 1:
            raise SpecialistError(
                f"DeepL gives one draft a text, and {n} are asked for. "
                "For several paths, name several specialists."
            )
        body = {"text": list(texts), "source_lang": codes[0], "target_lang": codes[1]}
        answer = self._call("POST", "/v2/translate", json=body, headers=self._headers())
        found = answer.get("translations") if isinstance(answer, dict) else None
        items = [item.get("text") if isinstance(item, dict) else None for item in found or []]
        made = _strings(items) if isinstance(found, list) else None
        if made is None:
            raise self._malformed("/v2/translate", "expected translations, a list of objects with text")
        if len(made) != len(texts):
            raise self._malformed("/v2/translate", f"{len(made)} translations for {len(texts)} texts")
        return [[text] for text in made]


def _client(timeout: float, concurrency: int) -> httpx.Client:
    import httpx

    return httpx.Client(timeout=timeout, limits=httpx.Limits(max_connections=concurrency))


def _check_url(name: str, url: str) -> None:
    if not url:
        raise ConfigurationError(
            f"{name} lacks url. Write it as {name}:https://HOST[:PORT][/PATH], or in a table."
        )
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError(
            f"{redact(url)} is no address of a server. Write it as https://HOST[:PORT][/PATH]."
        )
    if parts.query or parts.fragment:
        raise ConfigurationError(
            f"The URL {redact(url)} has a query or fragment. Leave it out; keys belong into the environment."
        )


def _times(tried: int) -> str:
    if not tried:
        return "not asked again after it had refused others"
    return f"tried {tried} times" if tried > 1 else "tried once"


def _batches(texts: Sequence[str], size: int) -> Iterator[list[str]]:
    """Cut texts into batches of at most `size` texts and `_MOST_BYTES` bytes; a longer text goes alone."""
    batch: list[str] = []
    held = 0
    for text in texts:
        encoded = text.encode("utf-8", errors="replace")  # half a surrogate pair cannot be sent
        length = len(encoded)
        if batch and (len(batch) == size or held + length > _MOST_BYTES):
            yield batch
            batch, held = [], 0
        batch.append(encoded.decode())
        held += length
    if batch:
        yield batch


def _tag(code: object) -> str | None:
    """Return the canonical tag of a server's code, or None for one that no standard knows."""
    try:
        return parse(code) if isinstance(code, str) else None
    except UnknownLanguageError:
        return None


def _strings(value: object) -> list[str] | None:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return None
    return value


def _said(response: Any) -> str:
    """Return what a server wrote about its refusal, in at most 200 characters."""
    try:
        body = response.json()
    except ValueError:
        return ""  # an HTML page helps nobody
    found = (body.get("error") or body.get("message") or body.get("detail")) if isinstance(body, dict) else None
    return " ".join(str(found).split())[:200] if found else ""
