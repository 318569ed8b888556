"""What is already known: pools of demonstrations, and how they are chosen."""

from scalemt.memory.demonstrations import load_demonstrations, packaged_demonstrations
from scalemt.memory.selection import SELECTORS, Selector

__all__ = ["SELECTORS", "Selector", "load_demonstrations", "packaged_demonstrations"]
