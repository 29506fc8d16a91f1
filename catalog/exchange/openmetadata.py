"""The catalogue as OpenMetadata's own typed entities, in an order in which each one finds what it refers to."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from catalog.exchange.facts import ExchangeFacts
from catalog.exchange.names import Place, stable_id
from catalog.exchange.records_evidence import check_records, lineage_records, profile_records
from catalog.exchange.records_tables import Identify, container_records, table_records
from catalog.exchange.records_words import (
    domain_records,
    glossary_records,
    tag_records,
    team_records,
    term_records,
)


def record_stages(facts: ExchangeFacts, place: Place, identify: Identify = stable_id) -> Iterator[Iterator[Any]]:
    """Yield stages of records; all that a stage refers to is in the stages before it.

    ``identify`` gives the identifier of an entity that an earlier stage has told; None leaves the reference out.
    """
    yield chain(team_records(facts), domain_records(facts), tag_records(facts), glossary_records())
    for terms in term_records(facts):
        yield iter(terms)
    for containers in container_records(facts, place):
        yield iter(containers)
    yield table_records(facts, place, identify)
    yield lineage_records(facts, place)
    for checks in check_records(facts, place):
        yield iter(checks)
    yield profile_records(facts, place, identify)


def records(facts: ExchangeFacts, place: Place | None = None, identify: Identify = stable_id) -> Iterator[Any]:
    """Yield every record."""
    return chain.from_iterable(record_stages(facts, place or Place(), identify))
