"""What the law leaves to the city, read from ``practice.yaml``."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from catalog.contract.load import CATALOG_ROOT, read_yaml
from catalog.contract.model import Strict

PRACTICE_FILE = CATALOG_ROOT / "sharing" / "practice.yaml"


class Practice(Strict):
    """``pauses_for_completion``: whether the clock for the answer stands during 补正."""

    pauses_for_completion: bool


@lru_cache(maxsize=4)
def load_practice(file: Path = PRACTICE_FILE) -> Practice:
    """Return the city's practice."""
    return Practice.model_validate(read_yaml(file))
