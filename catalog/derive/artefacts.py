"""The derived files that are kept in the repository, as text by path: what ``citybrain contract derive`` writes."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

import yaml

from catalog.contract.model import Contract
from catalog.contract.vocabulary import Vocabulary
from catalog.derive.dbt_sources import dbt_sources, sources_path

HEADER = "# Derived from catalog/contracts by `citybrain contract derive`; edit the contracts, not this file.\n"


def generated_files(contracts: Mapping[str, Contract], vocabulary: Vocabulary) -> dict[str, str]:
    """Return path (from the project's root) to content of every generated file."""
    files: dict[str, str] = {}
    ordered = sorted(contracts.values(), key=lambda contract: contract.key)
    for dept, held in groupby(ordered, key=lambda contract: contract.dept):
        department = vocabulary.departments.get(dept)
        files[sources_path(dept)] = HEADER + _dump(dbt_sources(held, department=department and department.name))
    return files


def _dump(data: dict[str, Any]) -> str:
    return yaml.safe_dump(data, allow_unicode=True, sort_keys=False, width=120)
