"""Word alignment: which word of one text stands for which of another. One file per kind of aligner."""

from scalemt.evaluation.alignment.base import Aligner, Alignment, Words
from scalemt.evaluation.alignment.building import ALIGNERS, DEFAULT, build_aligner
from scalemt.evaluation.alignment.shared import AlignedSystem, AlignmentCache

__all__ = [
    "ALIGNERS",
    "DEFAULT",
    "AlignedSystem",
    "Aligner",
    "Alignment",
    "AlignmentCache",
    "Words",
    "build_aligner",
]
