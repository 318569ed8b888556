"""Evaluation: metrics with signatures, significance, translation characteristics, bench, report."""
