"""What this installation remembers of a resource beside what is published: its scores over time, its contract's versions, its use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from catalog.access.store import AccessStore
from catalog.api.contract_history import ContractHistory
from catalog.api.facts import Row
from catalog.api.quality_trend import QualityTrend
from catalog.api.reads import CatalogueReads

USE_DAYS = 30


@dataclass(frozen=True)
class Records:
    """The stores of one installation that entry pages read."""

    trend: QualityTrend
    contracts: ContractHistory
    access: AccessStore

    def of(self, key: str, today: date) -> Row:
        """Return ``trend``, ``contract_versions`` and ``use`` of a resource."""
        since = today - timedelta(days=USE_DAYS)
        held = self.access.keys()
        keys = [row for row in held if key in row["resources"] and _is_in_force(row, today)]
        return {
            "trend": self.trend.of(key),
            "contract_versions": self.contracts.of(key),
            "use": {
                "days": USE_DAYS,
                "departments": self.access.use_of(key, since.isoformat()),
                "keys": [{name: row[name] for name in ("dept", "name", "is_unmasked", "expires_on")} for row in keys],
            },
        }

    def keep(self, reads: CatalogueReads, now: str) -> None:
        """Keep what is new: contract files as they are read, and the scores of publishes that were not seen before."""
        files = ((key, reads.contract_text(key)) for key in reads.contracts)
        self.contracts.keep(files, now)
        self.keep_scores(reads)

    def keep_scores(self, reads: CatalogueReads) -> None:
        """Keep the scores of the publishes that were not seen before and can still be read, the oldest first."""
        for snapshot, published_at, scores in reads.scores_since(self.trend.seen()):
            self.trend.keep(snapshot, published_at, scores)


def _is_in_force(row: Row, today: date) -> bool:
    return not row["revoked_at"] and (row["expires_on"] is None or today <= row["expires_on"])
