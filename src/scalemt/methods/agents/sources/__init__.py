"""Where facts about terms are looked up: one file per kind of source, and plug-ins beside them."""

from scalemt.methods.agents.sources.base import Finding, Setting, Source, SourceMissingError
from scalemt.registry import Registry

SOURCES = Registry(
    "source of terms",
    "scalemt.sources",
    {
        "folder": "scalemt.methods.agents.sources.folder:FolderSource",
        "freedict": "scalemt.methods.agents.sources.freedict:FreeDictSource",
        "glossary": "scalemt.methods.agents.sources.glossary:GlossarySource",
        "memory": "scalemt.methods.agents.sources.memory:MemorySource",
    },
)

__all__ = ["SOURCES", "Finding", "Setting", "Source", "SourceMissingError"]
