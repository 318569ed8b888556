"""Thot: phrase-based statistical translation that trains in minutes and learns from each corrected segment."""

from scalemt.specialists.thot.specialist import ThotSpecialist
from scalemt.specialists.thot.training import train

__all__ = ["ThotSpecialist", "train"]
