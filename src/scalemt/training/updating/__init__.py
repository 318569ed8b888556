"""New versions of specialists from new data, promoted only where they are not worse; older ones stay."""

from scalemt.training.updating.configuration import Update, read_update, update_from
from scalemt.training.updating.records import Record, Records
from scalemt.training.updating.rounds import roll_back, update

__all__ = ["Record", "Records", "Update", "read_update", "roll_back", "update", "update_from"]
