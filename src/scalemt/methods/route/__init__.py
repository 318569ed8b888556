"""Route: a graph of workers, and who of them gets a segment (Octopus v4, Chen and Li, arXiv 2404.19296)."""

from scalemt.methods.route.graph import Worker, WorkerGraph, load_graph
from scalemt.methods.route.method import RouteMethod
from scalemt.methods.route.requests import Choice, Request
from scalemt.methods.route.rules import Router

__all__ = ["Choice", "Request", "RouteMethod", "Router", "Worker", "WorkerGraph", "load_graph"]
