"""Metrics by name; each is imported only when it is asked for. One file per kind."""

from scalemt.evaluation.metrics.base import Measured, Metric, RatioMetric
from scalemt.evaluation.metrics.building import METRICS, MetricContext, build_metric, build_metrics

__all__ = ["METRICS", "Measured", "Metric", "MetricContext", "RatioMetric", "build_metric", "build_metrics"]
