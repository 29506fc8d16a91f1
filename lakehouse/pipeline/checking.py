"""The audit between write and publish: suites and delivery checks, their results as a table, Data Docs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.contract.model import Contract
from catalog.derive.suite import expectation_suite
from expectations.docs import write_data_docs
from expectations.marts import mart_suites
from expectations.names import table_sql
from expectations.run import SuiteResult, blocking_failures, delivery_checks, validate
from lakehouse.branches import Branch
from lakehouse.connect.database import MAIN, branch_pointers
from lakehouse.connect.iceberg import open_catalog
from lakehouse.connect.settings import Settings
from lakehouse.ingest.outcome import BatchOutcome
from lakehouse.pipeline.inputs import Inputs


@dataclass(frozen=True)
class CheckResult:
    """``rows`` go to ``ops.quality_result``; any ``blocking`` line keeps the branch from being published."""

    suites: list[SuiteResult]
    rows: list[dict[str, Any]]
    blocking: list[str]


def check_resources(
    settings: Settings,
    branch: Branch,
    con: Any,
    inputs: Inputs,
    contracts: Iterable[Contract],
    outcomes: Sequence[BatchOutcome],
) -> CheckResult:
    """Check the resources of ``contracts`` that exist on the branch, and the deliveries that made them.

    ``con`` shows the branch: DuckDB's or Trino's connection.
    """
    present = branch_pointers(settings, branch.name)
    rows_of = _counts(con, [contract.key for contract in contracts if contract.key in present])
    checked = [inputs.contracts[key] for key in rows_of]
    # What was never delivered is a matter of supply, not of quality: it does not keep the others from going on.
    held = [c for c in checked if rows_of[c.key] or published_rows(settings, c.key)]
    suites = [expectation_suite(contract, inputs.vocabulary) for contract in held]
    results = validate(con, suites)
    rows = [row for result in results for row in result.rows()]
    deliveries: list[dict[str, Any]] = []
    for contract in checked:
        received = [outcome.to_row() for outcome in outcomes if outcome.resource == contract.key]
        published = published_rows(settings, contract.key)
        deliveries += delivery_checks(contract, received, published, rows_of[contract.key])
    return CheckResult(results, rows + deliveries, blocking_failures([*results, *deliveries]))


def check_marts(settings: Settings, con: Any, schemas: Iterable[str]) -> CheckResult:
    """Check the hand-written suites of the marts in ``schemas`` on a connection that shows them.

    A mart that is empty and was never published is not checked: its resources have not been delivered yet.
    """
    wanted = set(schemas)
    named = {str(suite["name"]): suite for suite in mart_suites()}
    mine = {name: suite for name, suite in named.items() if name.split(".")[0] in wanted}
    rows_of = _counts(con, list(mine))
    suites = [suite for name, suite in mine.items() if rows_of[name] or published_rows(settings, name)]
    results = validate(con, suites)
    return CheckResult(results, [row for result in results for row in result.rows()], blocking_failures(results))


def publish_data_docs(settings: Settings, results: Sequence[SuiteResult]) -> Path:
    """Write the given results into the Data Docs in ``docs/quality``, beside those of other suites; return the index page."""
    return write_data_docs(results, settings.docs / "quality", keep=True)


def published_rows(settings: Settings, identifier: str) -> int | None:
    """Return how many rows readers of ``main`` see in a table; None when it is not published."""
    catalog = open_catalog(settings, MAIN)
    if not catalog.table_exists(identifier):
        return None
    snapshot = catalog.load_table(identifier).current_snapshot()
    if snapshot is None or snapshot.summary is None:
        return 0
    return int(snapshot.summary["total-records"] or 0)


def _counts(con: Any, identifiers: Sequence[str]) -> dict[str, int]:
    """Return the number of rows of each table, in the order asked for, with one statement."""
    if not identifiers:
        return {}
    selects = (f"select {number} as n, count(*) from {table_sql(name)}" for number, name in enumerate(identifiers))
    found = dict(con.execute(" union all ".join(selects)).fetchall())
    return {name: int(found[number]) for number, name in enumerate(identifiers)}
