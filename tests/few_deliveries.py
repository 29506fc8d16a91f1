"""A sample city of which each department has delivered little: for tests in which a run is the means and not the matter."""

from __future__ import annotations

from pathlib import Path

DELIVERIES = 2  # of each resource: one that fills its table, one that is merged into it


def keep_first_deliveries(city: Path) -> None:
    """Remove from a new sample city the files that were delivered later; what ``truth/`` says of them stays."""
    for resource in city.glob("*/*/"):
        for file in sorted(resource.iterdir())[DELIVERIES:]:
            file.unlink()
