"""One thread for torch: with more of them than free cores a toy takes minutes (docs/architecture.md)."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
