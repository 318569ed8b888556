"""Data sets record by record: JSON Lines, CSV, TSV and Parquet, each written again as it was read."""

from scalemt.jobs.records.base import DataSet, Plan, Record, Sink
from scalemt.jobs.records.choosing import data_set, read_records

__all__ = ["DataSet", "Plan", "Record", "Sink", "data_set", "read_records"]
