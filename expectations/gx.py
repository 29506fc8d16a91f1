"""The one place that imports Great Expectations: lazily (it takes seconds), without telemetry."""

from __future__ import annotations

import os
import sys
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

# GE imports these with itself, for expectations on distributions and their charts, which no contract asks for: a third of its time.
_SELDOM_USED = ("altair", "scipy.stats")
_OF_IMPORTS = ("__path__", "__all__")


@cache
def load_great_expectations() -> None:
    """Import Great Expectations and register this package's expectation classes; later calls cost nothing."""
    os.environ["GX_ANALYTICS_ENABLED"] = "False"  # read at import time; government networks have no internet
    for name in _SELDOM_USED:
        if name not in sys.modules:
            sys.modules[name] = _Later(name)
    import_module("great_expectations")
    import_module("expectations.classes.registry")


class _Later(ModuleType):
    """Stands for a module until something of it is asked for; only then is it imported, and takes this one's place."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__spec__ = find_spec(name)

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__") and attribute not in _OF_IMPORTS:  # whoever looks at all modules asks for these
            raise AttributeError(attribute)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), attribute)
