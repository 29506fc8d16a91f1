"""What was published by the end of a day: the newest snapshot of ``main`` published before, read once and kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, TypeVar

from catalog.compliance.days import end_of
from catalog.compliance.evidence import NOTHING_PUBLISHED, Conflict, Entry, Failing, Published, Supply
from catalog.contract.city_time import CITY_TIME
from catalog.contract.model import Contract
from catalog.contract.vocabulary import Vocabulary
from catalog.derive.codes import FORMAT_NAMES
from lakehouse.branches import Publish, publish_before
from lakehouse.connect.settings import Settings
from lakehouse.query import Reader, open_reader

T = TypeVar("T")
ENTRIES, ITEMS = "catalogue.catalogue_entry", "catalogue.catalogue_item"
SUPPLY, CHECKS, CONFLICTS = "catalogue.supply_status", "ops.quality_result", "governance.fact_conflict"
KEPT_SNAPSHOTS = 24
KEPT_PARTS = 4 * KEPT_SNAPSHOTS
_NO_TEXT, _NO_DATE = "''", "null::date"
_ENTRY = {  # column -> what stands for one that says nothing, in the order of the fields of Entry
    "resource_key": _NO_TEXT, "dept": _NO_TEXT, "name": _NO_TEXT, "version": _NO_TEXT, "status": _NO_TEXT,
    "provider_name": _NO_TEXT, "format_name": _NO_TEXT, "share_type": "0", "share_scope": _NO_TEXT,
    "share_purposes": _NO_TEXT, "no_share_law": _NO_TEXT, "no_share_article": _NO_TEXT, "no_share_reason": _NO_TEXT,
    "share_methods": _NO_TEXT, "update_cycle": _NO_TEXT, "usage_condition": _NO_TEXT, "grade": "0",
    "secrecy_assessed_on": _NO_DATE, "privacy_assessed_on": _NO_DATE, "signed_off_on": _NO_DATE,
    "is_reflow": "null::boolean",
}  # fmt: skip
_AS_TEXT = {"newest_on": "newest_on::varchar"}
_ITEMS = f"""
select resource_key, count(*) as items, count(authority_dept) filter (where authority_dept = dept) as authority_items
from {ITEMS} group by resource_key
"""
_NO_ITEMS = "select '' as resource_key, 0 as items, 0 as authority_items"
_SUPPLY = {
    "resource_key": _NO_TEXT, "dept": _NO_TEXT, "status": _NO_TEXT, "update_cycle": _NO_TEXT, "newest_on": _NO_TEXT,
    "age_days": "null::bigint",
}  # fmt: skip
_FAILING = f"""
select table_name, coalesce(nullif(rule, ''), expectation_type), severity = 'critical' from {CHECKS} where not success
"""
_CONFLICTS = f"""
select any_value(fact_name) as name, asserting_dept, asserting_resource, authority_dept || '.' || authority_resource as authority,
    count(*) as entities
from {CONFLICTS} group by fact, asserting_dept, asserting_resource, authority_dept, authority_resource order by all
"""


class Lake:
    """The published states of one home, by day. What two publishes show alike is read once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._kept: OrderedDict[str, Published] = OrderedDict()
        self._parts: OrderedDict[tuple[str | None, ...], tuple[Any, ...]] = OrderedDict()

    def publish_by(self, day: date) -> Publish | None:
        """Return the newest kept publish before a day's end; None when there is none."""
        return publish_before(self._settings, end_of(day))

    def read(self, publish: Publish | None) -> Published:
        """Return what a publish showed; nothing for None.

        Raises:
            lakehouse.query.QueryError: that publish is not kept any more.
        """
        if publish is None:
            return NOTHING_PUBLISHED
        if publish.snapshot not in self._kept:
            with open_reader(self._settings, publish.snapshot) as reader:
                self._kept[publish.snapshot] = Published(
                    publish.snapshot,
                    datetime.fromisoformat(publish.published_at).astimezone(CITY_TIME),
                    self._part(reader, Entry, _entries_sql, ENTRIES, ITEMS),
                    self._part(reader, Supply, _supply_sql, SUPPLY),
                    self._part(reader, Failing, lambda _: _FAILING, CHECKS),
                    self._part(reader, Conflict, lambda _: _CONFLICTS, CONFLICTS),
                )
            _forget(self._kept, KEPT_SNAPSHOTS)
        self._kept.move_to_end(publish.snapshot)
        return self._kept[publish.snapshot]

    def _part(
        self, reader: Reader, kind: Callable[..., T], sql: Callable[[Reader], str], table: str, *others: str
    ) -> tuple[T, ...] | None:
        """Return what is asked of a table (and of others beside it); None when it is not published."""
        if reader.version(table) is None:
            return None
        key = tuple(map(reader.version, (table, *others)))
        if key not in self._parts:
            self._parts[key] = tuple(map(kind, *_columns(reader, sql(reader))))
            _forget(self._parts, KEPT_PARTS)
        self._parts.move_to_end(key)
        return self._parts[key]


def entries_of_contracts(contracts: Mapping[str, Contract], vocabulary: Vocabulary) -> tuple[Entry, ...]:
    """Return the entries of contracts that were never published, as the catalogue would state them."""
    return tuple(_entry_of_contract(contracts[key], vocabulary) for key in sorted(contracts))


def _columns(reader: Reader, sql: str) -> list[list[Any]]:
    """Return the columns of an answer; numpy has no number that is absent, so columns with gaps go the slow way."""
    return [
        column.to_pylist() if column.null_count else column.to_numpy(zero_copy_only=False).tolist()
        for column in reader.arrow(sql).columns
    ]


def _entries_sql(reader: Reader) -> str:
    items = _ITEMS if reader.version(ITEMS) else _NO_ITEMS
    return (
        f"select {_chosen(reader, ENTRIES, _ENTRY)}, coalesce(items, 0), coalesce(authority_items, 0)"
        f" from {ENTRIES} left join ({items}) using (resource_key) order by resource_key"
    )


def _supply_sql(reader: Reader) -> str:
    return f"select {_chosen(reader, SUPPLY, _SUPPLY)} from {SUPPLY} order by resource_key"


def _chosen(reader: Reader, table: str, columns: Mapping[str, str]) -> str:
    """Return what is asked of a table; a snapshot of an older version of the platform may lack columns."""
    there = set(reader.arrow(f"select * from {table} limit 0").column_names)
    return ", ".join(
        f"coalesce({_AS_TEXT.get(name, name)}, {nothing})" if name in there else nothing
        for name, nothing in columns.items()
    )


def _entry_of_contract(contract: Contract, vocabulary: Vocabulary) -> Entry:
    gov = contract.gov
    department, dated = vocabulary.departments.get(contract.dept), gov.assessments
    condition, basis = gov.share_condition, gov.no_share_basis
    authorities = [prop.gov.authority for prop in contract.properties]
    return Entry(
        key=contract.key,
        dept=contract.dept,
        name=contract.name,
        version=contract.version,
        status=contract.status,
        provider=department.name if department else "",
        format_name=FORMAT_NAMES[gov.format],
        share_type=gov.share_type,
        share_scope=condition.scope if condition else "",
        share_purposes="、".join(condition.purposes) if condition else "",
        no_share_law=basis.law if basis else "",
        no_share_article=basis.article if basis else "",
        no_share_reason=basis.reason if basis else "",
        methods="、".join(gov.share_methods),
        update_cycle=gov.update_cycle,
        usage=contract.description.usage or "",
        grade=contract.grade,
        secrecy_on=_date(dated.secrecy),
        privacy_on=_date(dated.personal_information),
        signed_on=_date(dated.sign_off),
        is_reflow=gov.reflow,
        items=len(authorities),
        authority_items=sum(one is not None and one.dept == contract.dept for one in authorities),
    )


def _date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _forget(kept: OrderedDict[Any, Any], most: int) -> None:
    while len(kept) > most:
        kept.popitem(last=False)
