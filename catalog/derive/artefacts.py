"""Everything that derives from a contract, by name; and the derived files that are kept in the repository."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

import yaml

from catalog.contract.model import Contract
from catalog.contract.vocabulary import Vocabulary
from catalog.derive.catalogue import catalogue_entry
from catalog.derive.dbt_sources import dbt_sources, sources_path
from catalog.derive.iceberg import iceberg_schema
from catalog.derive.openapi import resource_paths
from catalog.derive.rules import row_rules
from catalog.derive.schedule import ingestion_schedule
from catalog.derive.suite import expectation_suite
from catalog.derive.tables import contract_tables

HEADER = "# Derived from catalog/contracts by `citybrain contract derive`; edit the contracts, not this file.\n"


def artefacts(contract: Contract, vocabulary: Vocabulary) -> dict[str, Any]:
    """Return what each deriver makes of one contract, by the deriver's name. The values compare with ``==``."""
    return {
        "iceberg_schema": iceberg_schema(contract),
        "ingestion_schedule": ingestion_schedule(contract),
        "dbt_sources": dbt_sources([contract]),
        "row_rules": [(rule, dict(rule.params)) for rule in row_rules(contract, vocabulary)],
        "expectation_suite": expectation_suite(contract, vocabulary),
        "catalogue_entry": catalogue_entry(contract, vocabulary),
        "contract_tables": contract_tables({contract.key: contract}, vocabulary),
        "resource_paths": resource_paths(contract, vocabulary),
    }


def changed_artefacts(old: Contract, new: Contract, vocabulary: Vocabulary) -> list[str]:
    """Return the names of the derivers whose result differs between two versions of a contract."""
    before, after = artefacts(old, vocabulary), artefacts(new, vocabulary)
    return [name for name, value in after.items() if before[name] != value]


def generated_files(contracts: Mapping[str, Contract], vocabulary: Vocabulary) -> dict[str, str]:
    """Return path (from the project's root) to content of every generated file."""
    files: dict[str, str] = {}
    ordered = sorted(contracts.values(), key=lambda contract: contract.key)
    for dept, held in groupby(ordered, key=lambda contract: contract.dept):
        name = vocabulary.departments[dept].name if dept in vocabulary.departments else None
        files[sources_path(dept)] = HEADER + _dump(dbt_sources(held, department=name))
    return files


class _Indented(yaml.SafeDumper):
    """Sequences are indented below their key, as the hand-written files of the project have it."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _dump(data: dict[str, Any]) -> str:
    return yaml.dump(data, Dumper=_Indented, allow_unicode=True, sort_keys=False, width=120)
