"""The one place that imports Great Expectations: lazily (it takes seconds), without telemetry."""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module


@cache
def load_great_expectations() -> None:
    """Import Great Expectations and register this package's expectation classes; later calls cost nothing."""
    os.environ["GX_ANALYTICS_ENABLED"] = "False"  # read at import time; government networks have no internet
    import_module("great_expectations")
    import_module("expectations.classes.registry")
