"""Outcomes between the ingest step and the publish of their topic: one small file each, removed once published."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from lakehouse.connect.settings import Settings
from lakehouse.ingest import BatchOutcome


def keep_outcomes(settings: Settings, outcomes: Sequence[BatchOutcome]) -> None:
    """Keep outcomes until their topic publishes them; keeping one again changes nothing."""
    for outcome in outcomes:
        path = _folder(settings, outcome.resource) / f"{outcome.outcome_id}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(outcome.to_json(), ensure_ascii=False), encoding="utf-8")
        fresh.replace(path)


def kept_outcomes(settings: Settings, resources: Iterable[str]) -> list[BatchOutcome]:
    """Return the outcomes of ``resources`` that are not published yet."""
    files = (path for key in resources for path in sorted(_folder(settings, key).glob("*.json")))
    return [BatchOutcome.from_json(json.loads(path.read_text(encoding="utf-8"))) for path in files]


def settle_outcomes(settings: Settings, outcomes: Iterable[BatchOutcome]) -> None:
    """Forget outcomes that are published."""
    for outcome in outcomes:
        (_folder(settings, outcome.resource) / f"{outcome.outcome_id}.json").unlink(missing_ok=True)


def _folder(settings: Settings, resource: str) -> Path:
    return settings.outcomes / resource
