"""Checks of a delivery as a whole, which the table alone cannot show: quarantine, volume, punctuality, readability.

Each gives one row of ``ops.quality_result`` in the same shape as an expectation's, for the suite of the resource.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from catalog.contract.model import Contract
from expectations.rows import as_json

COLLAPSE_RATIO = 0.5  # a replacing delivery below half of what is published is taken for a cut-off file
LATE_RULE = "batch.late"

Dimension = Literal["完整性", "准确性", "时效性", "可访问性"]
Severity = Literal["critical", "warning"]
Outcome = Mapping[str, Any]


def delivery_checks(
    contract: Contract, outcomes: Sequence[Outcome], published_rows: int | None, new_rows: int
) -> list[dict[str, Any]]:
    """Return the rows of all checks on what was delivered for ``contract``.

    ``outcomes`` are rows of ``ops.ingest_outcome`` (those of other resources are left out), ``published_rows`` the rows
    that readers of ``main`` see now (None: not published yet), ``new_rows`` the rows that would be published. A check
    that holds carries no figures, so that a run which brings nothing new does not change the results.
    """
    mine = [outcome for outcome in outcomes if outcome["resource"] == contract.key]
    return [
        _quarantine_ratio(contract, mine),
        _row_count(contract, published_rows, new_rows),
        _on_time(contract, mine),
        _readable(contract, mine),
    ]


def _quarantine_ratio(contract: Contract, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Every delivery for itself: a bad one must not hide behind many good ones."""
    limit = contract.gov.quality.max_quarantine_ratio
    judged = [(o["quarantined"] / o["received"], str(o["delivery"])) for o in outcomes if o["received"]]
    ratio, delivery = max(judged, default=(0.0, None))
    return _row(
        contract,
        "expect_quarantine_ratio_to_be_at_most",
        {"max_ratio": limit},
        rule="delivery.quarantine_ratio",
        dimension="准确性",
        severity="critical",
        success=ratio <= limit,
        element_count=sum(o["received"] for o in outcomes),
        unexpected_count=sum(o["quarantined"] for o in outcomes),
        observed={"delivery": delivery, "ratio": round(ratio, 6)},
    )


def _row_count(contract: Contract, published_rows: int | None, new_rows: int) -> dict[str, Any]:
    """Only a replacing delivery can make rows disappear."""
    replaces = contract.gov.source.mode == "replace"
    least = (published_rows or 0) * COLLAPSE_RATIO if replaces else 0
    success = new_rows >= least
    return _row(
        contract,
        "expect_row_count_not_to_collapse",
        {"min_ratio": COLLAPSE_RATIO, "mode": contract.gov.source.mode},
        rule="delivery.volume",
        dimension="完整性",
        severity="critical",
        success=success,
        element_count=published_rows,
        unexpected_count=(published_rows or 0) - new_rows,
        observed=new_rows,
    )


def _on_time(contract: Contract, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    late = sorted(str(o["delivery"]) for o in outcomes if o.get("rule") == LATE_RULE)
    return _row(
        contract,
        "expect_deliveries_to_be_on_time",
        {"update_cycle": contract.gov.update_cycle},
        rule=LATE_RULE,
        dimension="时效性",
        severity="warning",
        success=not late,
        element_count=len(outcomes),
        unexpected_count=len(late),
        observed=late,
    )


def _readable(contract: Contract, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """A delivery that could not be taken in leaves the published table as it was: it warns, other resources go on."""
    failures = sorted(f"{o['delivery']}: {o['rule']}" for o in outcomes if o["status"] == "failed")
    return _row(
        contract,
        "expect_deliveries_to_be_readable",
        {},
        rule="delivery.readable",
        dimension="可访问性",
        severity="warning",
        success=not failures,
        element_count=len(outcomes),
        unexpected_count=len(failures),
        observed=failures,
    )


def _row(
    contract: Contract,
    type_: str,
    kwargs: Mapping[str, Any],
    *,
    rule: str,
    dimension: Dimension,
    severity: Severity,
    success: bool,
    element_count: int | None,
    unexpected_count: int,
    observed: Any,
) -> dict[str, Any]:
    return {
        "table_name": contract.key,
        "suite": contract.key,
        "expectation_type": type_,
        "column_name": None,
        "kwargs": as_json(kwargs),
        "severity": severity,
        "dimension": dimension,
        "rule": rule,
        "success": success,
        "element_count": None if success else element_count,
        "unexpected_count": None if success else unexpected_count,
        "observed_value": None if success else as_json(observed),
    }
