"""Rules that translations can be held to, small classes: said in a prompt, checked, some kept by a program."""

from scalemt.quality.rules.base import Edit, Frame, Rule, Wants
from scalemt.quality.rules.reading import RULES, load_rules, read_rules
from scalemt.quality.rules.ruleset import Finished, RuleSet

__all__ = ["RULES", "Edit", "Finished", "Frame", "Rule", "RuleSet", "Wants", "load_rules", "read_rules"]
