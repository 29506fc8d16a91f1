"""Compare two versions of a contract: what changed, whom it breaks, which version number it asks for.

A change is *breaking* when a reader or a delivery that was right before can be wrong after it, *compatible* when
neither can, and *documentation* when only people's words changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from catalog.contract.model import TYPE_PATTERN, Contract, Property

Impact = Literal["breaking", "compatible", "documentation"]
Bump = Literal["none", "patch", "minor", "major"]

_BUMP: dict[Impact, Bump] = {"breaking": "major", "compatible": "minor", "documentation": "patch"}
_RANK: tuple[Bump, ...] = ("none", "patch", "minor", "major")
_WIDER = {("integer", "bigint")}
_IGNORED = frozenset({"custom_properties", "version"})


@dataclass(frozen=True)
class Change:
    """One difference: the field, both values (None where it is absent), the impact and the reason for it."""

    field: str
    old: Any
    new: Any
    impact: Impact
    reason: str


@dataclass(frozen=True)
class ContractDiff:
    """All changes, the version step they need, and whether the new version number takes it."""

    key: str
    old_version: str
    new_version: str
    changes: tuple[Change, ...]

    @property
    def required_bump(self) -> Bump:
        """Return the largest version step that any change asks for."""
        return max((_BUMP[change.impact] for change in self.changes), key=_RANK.index, default="none")

    @property
    def is_breaking(self) -> bool:
        return any(change.impact == "breaking" for change in self.changes)

    @property
    def version_fits(self) -> bool:
        """Tell whether the new version number is at least the required step above the old one."""
        return version_tuple(self.new_version) >= version_tuple(bumped(self.old_version, self.required_bump))

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as a JSON object."""
        return {
            "key": self.key,
            "old_version": self.old_version,
            "new_version": self.new_version,
            "required_bump": self.required_bump,
            "required_version": bumped(self.old_version, self.required_bump),
            "version_fits": self.version_fits,
            "breaking": self.is_breaking,
            "changes": [asdict(change) for change in self.changes],
        }


def version_tuple(version: str) -> tuple[int, ...]:
    """Return (major, minor, patch)."""
    return tuple(int(part) for part in version.split("."))


def bumped(version: str, bump: Bump) -> str:
    """Return the lowest version that is ``bump`` above ``version`` (semver)."""
    major, minor, patch = version_tuple(version)
    match bump:
        case "major":
            return f"{major + 1}.0.0"
        case "minor":
            return f"{major}.{minor + 1}.0"
        case "patch":
            return f"{major}.{minor}.{patch + 1}"
        case "none":
            return version


def diff(old: Contract, new: Contract) -> ContractDiff:
    """Return what changed from ``old`` to ``new``; nothing when they are equal."""
    changes = [*_contract_changes(old, new), *_column_changes(old, new)]
    return ContractDiff(new.key, old.version, new.version, tuple(changes))


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Return leaf values by dotted path; lists are leaves."""
    if not isinstance(value, dict):
        return {prefix: value}
    leaves: dict[str, Any] = {}
    for key, child in value.items():
        leaves |= _flat(child, f"{prefix}.{key}" if prefix else str(key))
    return leaves


def _contract_changes(old: Contract, new: Contract) -> Iterator[Change]:
    before, after = (_contract_leaves(contract) for contract in (old, new))
    for field in dict.fromkeys([*before, *after]):
        was, now = before.get(field), after.get(field)
        if was != now:
            impact, reason = _contract_impact(field, was, now)
            yield Change(field, was, now, impact, reason)


def _contract_leaves(contract: Contract) -> dict[str, Any]:
    dumped = contract.model_dump(
        exclude={"tables": {0: {"properties", "custom_properties"}}, **dict.fromkeys(_IGNORED, True)}
    )
    dumped["table"] = dumped.pop("tables")[0]
    return {field: value for field, value in _flat(dumped).items() if value is not None}


_DOCUMENTATION = (
    "name",
    "description.",
    "table.business_name",
    "table.description",
    "team",
    "status",
    "gov.related",
    "gov.assessments.",
    "gov.category",
    "gov.open_condition",
)
_BREAKING_FIELDS = {
    "domain": "the resource gets another name in every layer",
    "table.name": "the resource gets another name in every layer",
    "table.physical_name": "the resource gets another name in every layer",
    "id": "another id is another contract",
    "data_product": "another topic publishes the resource",
    "gov.source.mode": "deliveries are read in another way",
    "gov.source.watermark": "increments are cut by another column",
    "gov.source.kind": "the department delivers in another way",
    "gov.source.path": "the department delivers to another place",
    "gov.source.table": "the department delivers from another table",
    "gov.source.sheet": "the department delivers in another sheet",
    "gov.source.encoding": "the department delivers in another encoding",
    "gov.resource_code": "catalogues that refer to the old code lose the resource",
}


def _contract_impact(field: str, was: Any, now: Any) -> tuple[Impact, str]:
    if field in _BREAKING_FIELDS:
        return "breaking", _BREAKING_FIELDS[field]
    match field:
        case "gov.share_type":
            stricter = (now or 0) > (was or 0)
            return ("breaking", "fewer departments may read it") if stricter else ("compatible", "more may read it")
        case "gov.open":
            return ("compatible", "opened to society") if now else ("breaking", "no longer open to society")
        case "gov.share_methods":
            lost = sorted(set(was or []) - set(now or []))
            return ("breaking", f"no longer offered: {'、'.join(lost)}") if lost else ("compatible", "offered too")
        case "gov.share_condition.purposes" | "gov.share_condition.scope":
            return "breaking", "grants that were given for the old scope and purposes must be looked at again"
        case "gov.update_cycle":
            return "breaking", "readers rely on the update cycle"
        case "gov.quality.min_rows" | "gov.quality.max_quarantine_ratio":
            stricter = (now or 0) > (was or 0) if field.endswith("min_rows") else (now or 0) < (was or 0)
            return (
                ("breaking", "deliveries that passed can fail") if stricter else ("compatible", "fewer deliveries fail")
            )
    if field.startswith(_DOCUMENTATION) or field == "sla_properties":
        return "documentation", "words only"
    return "compatible", "no reader and no delivery is affected"


def _column_changes(old: Contract, new: Contract) -> Iterator[Change]:
    before = {prop.name: prop for prop in old.properties}
    after = {prop.name: prop for prop in new.properties}
    for name in before.keys() - after.keys():
        reason = "readers of the column fail, and the table refuses to lose it"
        yield Change(f"properties.{name}", before[name].physical_type, None, "breaking", reason)
    for name, prop in after.items():
        if name not in before:
            yield _added(prop)
        else:
            yield from _changed(before[name], prop)
    kept_before = [name for name in before if name in after]
    kept_after = [name for name in after if name in before]
    if kept_before != kept_after:
        yield Change(
            "properties", kept_before, kept_after, "documentation", "columns go by name, their order is shown only"
        )


def _added(prop: Property) -> Change:
    if prop.primary_key:
        return Change(f"properties.{prop.name}", None, prop.physical_type, "breaking", "another key names other rows")
    if prop.required:
        reason = "a required column that old rows and old deliveries do not have"
        return Change(f"properties.{prop.name}", None, prop.physical_type, "breaking", reason)
    return Change(f"properties.{prop.name}", None, prop.physical_type, "compatible", "an optional column more")


def _changed(old: Property, new: Property) -> Iterator[Change]:
    before, after = (_flat(prop.model_dump(exclude=set(_IGNORED))) for prop in (old, new))
    for field in dict.fromkeys([*before, *after]):
        was, now = before.get(field), after.get(field)
        if was != now:
            impact, reason = _column_impact(field, was, now)
            yield Change(f"properties.{new.name}.{field}", was, now, impact, reason)


def _column_impact(field: str, was: Any, now: Any) -> tuple[Impact, str]:
    match field:
        case "physical_type":
            return _type_impact(str(was), str(now))
        case "physical_name":
            return "breaking", "deliveries carry another header"
        case "required" | "unique":
            return ("breaking", "rows that passed can fail") if now else ("compatible", "fewer rows fail")
        case "primary_key" | "primary_key_position":
            return "breaking", "another key names other rows"
        case "logical_type_options.max_length" | "logical_type_options.maximum":
            return _bound_impact(was, now, upper=True)
        case "logical_type_options.min_length" | "logical_type_options.minimum":
            return _bound_impact(was, now, upper=False)
        case "logical_type_options.pattern" | "gov.code_list" | "gov.not_before" | "gov.item":
            return "breaking", "rows that passed can fail"
        case "classification":
            stricter = int(now) > int(was)
            return (
                ("breaking", "grants of a lower grade no longer reach it")
                if stricter
                else ("compatible", "graded lower")
            )
        case "gov.mask":
            return "breaking", "readers see the values in another form"
        case "logical_type":
            return "compatible", "follows the physical type"
        case _:
            return "documentation", "words only"


def _bound_impact(was: Any, now: Any, *, upper: bool) -> tuple[Impact, str]:
    if now is None:
        return "compatible", "a bound less"
    if was is None or (now < was if upper else now > was):
        return "breaking", "rows that passed can fail"
    return "compatible", "a wider bound"


def _type_impact(was: str, now: str) -> tuple[Impact, str]:
    old, new = TYPE_PATTERN.match(was), TYPE_PATTERN.match(now)
    wider = (was, now) in _WIDER
    if old and new and old["length"] and new["length"]:
        wider = int(new["length"]) >= int(old["length"])
    if old and new and old["precision"] and new["precision"]:
        wider = old["scale"] == new["scale"] and int(new["precision"]) >= int(old["precision"])
    if wider:
        return "compatible", "every old value fits the new type"
    return "breaking", "the table refuses a type that old values may not fit"
