"""From a delivery to committed rows: land, parse, accept or put in quarantine, commit; an outcome for every batch."""

from catalog.derive.rules import ingest_order
from lakehouse.ingest.outcome import BatchOutcome, outcome_schema
from lakehouse.ingest.resource import ingest_resource

__all__ = ["BatchOutcome", "ingest_order", "ingest_resource", "outcome_schema"]
