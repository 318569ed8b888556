"""Servers for the page to stand before: Bergamot's weights, Gemma 3 270M, and partners from a script."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scalemt.memory import MemoryStore, Unit
from scalemt.types import Pair
from serve.page.partners import Chat, arabic, chatting
from serve.serving import Served, served

BUCKET = "Please fill a bucket before you leave, and do not use the washing machine."
BALDE = "Encha um balde antes de sair, por favor, e não use a máquina de lavar."
"""A unit of the memory."""

TRAP = "Beware of <img src=x onerror=alert(1)> in any text."
BAIT = "Cuidado com <img src=x onerror=alert(2)> em qualquer texto."
"""Another one, and a term: what would be seen if a text became part of the page."""

CONFIGURATION = """
[profiles.default]
specialists = ["bergamot"]

[profiles.fast]
method = "draft"
specialists = ["bergamot"]

[profiles.scripted]
specialists = ["bergamot"]
generalist = "chat"
gate = "checks"
memories = ["{memory}"]
glossary = "{glossary}"
cache = false

[profiles.arabic]
method = "draft"
specialists = ["service"]

[generalists.chat]
type = "openai"
url = "{chat}"
model = "scripted"
retries = 0
timeout = 30

[specialists.service]
type = "libretranslate"
url = "{arabic}"
retries = 0
"""


@dataclass(frozen=True)
class House:
    """An open server with all that the page can show.

    Profiles: default (Gemma refines, the gate weighs), fast (drafts), scripted (a chat server refines what passes
    checks, with memory and glossary), arabic.
    """

    url: str
    chat: Chat
    server: Served


@contextmanager
def house(folder: Path, *arguments: str) -> Iterator[House]:
    """Run a server with the profiles of `CONFIGURATION`."""
    memory, glossary = folder / "product.db", folder / "terms.tsv"
    store = MemoryStore(memory, create=True)
    pair = Pair("en", "pt")
    store.add([Unit(BUCKET, BALDE, pair), Unit(TRAP, BAIT, pair)])
    store.close()
    glossary.write_text(
        "en\tpt\nwashing machine\tlava-roupas\nferry\tferry\nsnare\t<svg onload=location=3>\n", "utf-8"
    )
    with chatting() as chat, arabic() as service:
        told = CONFIGURATION.format(memory=memory, glossary=glossary, chat=chat.url, arabic=service)
        (folder / "scalemt.toml").write_text(told, "utf-8")
        with served(*arguments, environment={"SCALEMT_CONFIG_DIR": str(folder)}) as server:
            yield House(server.url, chat, server)
