"""Fine-tuning of Bergamot students: a torch twin of the numpy network, trained and written back."""

from scalemt.training.bergamot.configuration import FineTuning, Training, read_fine_tuning
from scalemt.training.bergamot.fine_tuning import FineTuned, fine_tune
from scalemt.training.tables import Corpus, Texts

__all__ = ["Corpus", "FineTuned", "FineTuning", "Texts", "Training", "fine_tune", "read_fine_tuning"]
