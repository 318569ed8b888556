"""Generalists: large language models that complete prompts. They refine; one file per kind."""

from scalemt.generalists.base import BaseGeneralist, Generalist, ScoringGeneralist
from scalemt.registry import Registry

GENERALISTS = Registry(
    "generalist",
    "scalemt.generalists",
    {
        "llamacpp": "scalemt.generalists.llamacpp:LlamaCppGeneralist",
        "openai": "scalemt.generalists.openai:OpenAIGeneralist",
        "transformers": "scalemt.generalists.transformers:TransformersGeneralist",
        "fake": "scalemt.generalists.fake:FakeGeneralist",
    },
)

__all__ = ["GENERALISTS", "BaseGeneralist", "Generalist", "ScoringGeneralist"]
