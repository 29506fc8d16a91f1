"""What was published by the end of a day: the newest snapshot of ``main`` published before, read once and kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from catalog.compliance.days import end_of
from catalog.compliance.evidence import NOTHING_PUBLISHED, Conflict, Entry, Failing, Published, Supply
from catalog.contract.model import Contract
from catalog.contract.vocabulary import Vocabulary
from catalog.derive.catalogue import contract_tables
from catalog.sharing.deadlines import CITY_TIME
from lakehouse.branches import Publish, publish_history
from lakehouse.connect.settings import Settings
from lakehouse.query import Reader, open_reader

Rows = Iterable[Mapping[str, Any]]
ENTRIES, ITEMS = "catalogue.catalogue_entry", "catalogue.catalogue_item"
SUPPLY, CHECKS, CONFLICTS = "catalogue.supply_status", "ops.quality_result", "governance.fact_conflict"
KEPT_SNAPSHOTS = 24
MOST_PUBLISHES = 100_000
_ENTRY = (
    "resource_key", "dept", "name", "version", "status", "provider_name", "format_name", "share_type", "share_scope",
    "share_purposes", "no_share_law", "no_share_article", "no_share_reason", "share_methods", "update_cycle",
    "usage_condition", "grade", "secrecy_assessed_on", "privacy_assessed_on", "signed_off_on", "is_reflow",
)  # fmt: skip
_ITEMS = f"""
select resource_key, count(*) as items, count(authority_dept) filter (where authority_dept = dept) as authority_items
from {ITEMS} group by resource_key
"""
_FAILING = f"select table_name, rule, expectation_type, severity from {CHECKS} where not success"
_CONFLICTS = f"""
select any_value(fact_name) as fact, asserting_dept, asserting_resource, authority_dept, authority_resource,
    count(*) as entities
from {CONFLICTS} group by fact, asserting_dept, asserting_resource, authority_dept, authority_resource order by all
"""


class Lake:
    """The published states of one home, by day."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._kept: OrderedDict[str, Published] = OrderedDict()

    def publish_by(self, day: date) -> Publish | None:
        """Return the newest kept publish before a day's end; None when there is none."""
        end = end_of(day)
        published = publish_history(self._settings, MOST_PUBLISHES)
        return next((one for one in published if datetime.fromisoformat(one.published_at) < end), None)

    def read(self, publish: Publish | None) -> Published:
        """Return what a publish showed; nothing for None.

        Raises:
            lakehouse.query.QueryError: that publish is not kept any more.
        """
        if publish is None:
            return NOTHING_PUBLISHED
        if publish.snapshot not in self._kept:
            with open_reader(self._settings, publish.snapshot) as reader:
                at = datetime.fromisoformat(publish.published_at).astimezone(CITY_TIME)
                self._kept[publish.snapshot] = _published(reader, publish.snapshot, at)
            while len(self._kept) > KEPT_SNAPSHOTS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(publish.snapshot)
        return self._kept[publish.snapshot]


def entries_of_contracts(contracts: Mapping[str, Contract], vocabulary: Vocabulary) -> tuple[Entry, ...]:
    """Return the entries of contracts that were never published: what the catalogue shows before the first publish."""
    tables = contract_tables(contracts, vocabulary)
    counted: dict[str, dict[str, Any]] = {}
    for row in tables["property"]:
        of_one = counted.setdefault(row["resource_key"], {"items": 0, "authority_items": 0})
        of_one["items"] += 1
        of_one["authority_items"] += row["authority_dept"] == row["dept"]
    return tuple(_entry(row, counted.get(row["resource_key"], {})) for row in tables["resource"])


def _published(reader: Reader, snapshot: str, at: datetime) -> Published:
    tables = set(reader.tables())

    def ask(table: str, sql: str) -> list[dict[str, Any]] | None:
        found: list[dict[str, Any]] | None = reader.arrow(sql).to_pylist() if table in tables else None
        return found

    items = {row["resource_key"]: row for row in ask(ITEMS, _ITEMS) or ()}
    entries = ask(ENTRIES, _entries_sql(reader)) if ENTRIES in tables else None
    supplies = ask(SUPPLY, f"select * from {SUPPLY} order by resource_key")
    failing, conflicts = ask(CHECKS, _FAILING), ask(CONFLICTS, _CONFLICTS)
    return Published(
        snapshot,
        at,
        None if entries is None else tuple(_entry(row, items.get(row["resource_key"], {})) for row in entries),
        None if supplies is None else tuple(map(_supply, supplies)),
        None if failing is None else tuple(map(_failing, failing)),
        None if conflicts is None else tuple(map(_conflict, conflicts)),
    )


def _entries_sql(reader: Reader) -> str:
    """Return the question for the entries; a snapshot of an older version of the platform may lack columns."""
    there = reader.arrow(f"select * from {ENTRIES} limit 0").column_names
    return f"select {', '.join(name for name in _ENTRY if name in there)} from {ENTRIES} order by resource_key"


def _entry(row: Mapping[str, Any], counted: Mapping[str, Any]) -> Entry:
    """Return an entry; a column that is not there states nothing."""

    def text(name: str) -> str:
        return str(row.get(name) or "")

    return Entry(
        key=row["resource_key"],
        dept=row["dept"],
        name=text("name"),
        version=text("version"),
        status=text("status"),
        provider=text("provider_name"),
        format_name=text("format_name"),
        share_type=int(row.get("share_type") or 0),
        share_scope=text("share_scope"),
        share_purposes=text("share_purposes"),
        no_share_law=text("no_share_law"),
        no_share_article=text("no_share_article"),
        no_share_reason=text("no_share_reason"),
        methods=text("share_methods"),
        update_cycle=text("update_cycle"),
        usage=text("usage_condition"),
        grade=row.get("grade"),
        secrecy_on=row.get("secrecy_assessed_on"),
        privacy_on=row.get("privacy_assessed_on"),
        signed_on=row.get("signed_off_on"),
        is_reflow=row.get("is_reflow"),
        items=int(counted.get("items", 0)),
        authority_items=int(counted.get("authority_items", 0)),
    )


def _supply(row: Mapping[str, Any]) -> Supply:
    newest, age = row.get("newest_on"), row.get("age_days")
    return Supply(
        row["resource_key"],
        row["dept"],
        row["status"],
        str(row.get("update_cycle") or ""),
        str(newest or ""),
        None if age is None else int(age),
    )


def _failing(row: Mapping[str, Any]) -> Failing:
    return Failing(row["table_name"], str(row["rule"] or row["expectation_type"]), row["severity"] == "critical")


def _conflict(row: Mapping[str, Any]) -> Conflict:
    return Conflict(
        row["fact"],
        row["asserting_dept"],
        row["asserting_resource"],
        f"{row['authority_dept']}.{row['authority_resource']}",
        int(row["entities"]),
    )
