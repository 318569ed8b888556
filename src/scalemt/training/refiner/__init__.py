"""A refiner: a small generalist that is taught to refine the drafts of specialists (MT-Ladder, EMNLP 2024)."""

from scalemt.training.refiner.configuration import RefinerConfiguration, read_refiner
from scalemt.training.refiner.running import train_refiner

__all__ = ["RefinerConfiguration", "read_refiner", "train_refiner"]
