"""Corpora that nobody wrote: around terms, of a domain, back-translated, in contrasts."""

from scalemt.data.synthesis.configuration import Synthesis, build, chain_for, read_synthesis
from scalemt.data.synthesis.kinds import KINDS
from scalemt.data.synthesis.running import Ended, prompts_of, synthesise

__all__ = ["KINDS", "Ended", "Synthesis", "build", "chain_for", "prompts_of", "read_synthesis", "synthesise"]
