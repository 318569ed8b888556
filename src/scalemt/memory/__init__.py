"""What is already known: pools of demonstrations, how they are chosen, and cached drafts."""

from scalemt.memory.demonstrations import load_demonstrations, packaged_demonstrations
from scalemt.memory.draft_cache import DraftCache
from scalemt.memory.selection import SELECTORS, Selector

__all__ = ["SELECTORS", "DraftCache", "Selector", "load_demonstrations", "packaged_demonstrations"]
