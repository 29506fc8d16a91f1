"""How the department delivers: what each kind of source needs, and the watermark."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from catalog.contract.checks.subject import Context, Subject, mapping, text
from catalog.contract.finding import GUIDE, HOUSE, Finding

_NEEDS = {
    "csv": ("encoding", "utf-8 or gb18030, as the department's system writes it"),
    "excel": ("sheet", "the name of the sheet that holds the rows"),
    "database": ("table", "the table or view in the department's database"),
    "http_api": ("pageSize", "rows per request, 1 to 10000"),
}
_ENDING = {"csv": ".csv", "excel": ".xlsx", "ndjson": ".ndjson"}
_FORMATS = {"database": ("3",), "csv": ("1", "2"), "excel": ("2",), "http_api": ("7",), "ndjson": ("1", "6")}
_SNAKE = {"pageSize": "page_size"}


def source_faults(subject: Subject, _context: Context) -> Iterator[Finding]:
    """Yield faults of ``govSource`` and of the format that goes with it."""
    source = mapping(subject.gov.get("govSource"))
    kind = text(source.get("kind"))
    if kind not in _FORMATS:
        return
    yield from _needs(subject, source.keys(), kind)
    yield from _path(subject, text(source.get("path")), kind)
    yield from _watermark(subject, source.get("watermark"), text(source.get("mode")))
    code = subject.gov.get("govFormat")
    if isinstance(code, str) and code not in _FORMATS[kind]:
        message = f"format {code} does not fit a source of kind {kind}; write {' or '.join(_FORMATS[kind])}"
        yield subject.fault(subject.at("govFormat"), "source.format", message, GUIDE)


def _needs(subject: Subject, stated: Iterable[str], kind: str) -> Iterator[Finding]:
    keys = set(stated)
    place = subject.at("govSource")
    for owner, (key, meaning) in _NEEDS.items():
        held = keys & {key, _SNAKE.get(key, key)}
        if owner == kind and not held:
            message = f"a source of kind {kind} needs {key}: {meaning}"
            yield subject.fault(place, "source.incomplete", message, HOUSE)
        if owner != kind and held:
            message = f"{key} belongs to sources of kind {owner}, this one is {kind}; take it away"
            yield subject.fault((*place, held.pop()), "source.surplus", message, HOUSE)


def _path(subject: Subject, path: str, kind: str) -> Iterator[Finding]:
    place = (*subject.at("govSource"), "path")
    if kind == "http_api":
        if path and (not path.startswith("/") or path.startswith("//")):
            message = f"{path!r} must be the path of the interface, beginning with one '/'; the host is a setting"
            yield subject.fault(place, "source.path", message, HOUSE)
        return
    if path.startswith("/") or ".." in path.split("/"):
        message = f"{path!r} must stay below the source root; write it relative, without '..'"
        yield subject.fault(place, "source.path", message, HOUSE)
    ending = _ENDING.get(kind)
    if path and ending and not path.endswith(ending):
        message = f"{path!r} does not end in {ending}, as a source of kind {kind} does"
        yield subject.fault(place, "source.path", message, HOUSE)


def _watermark(subject: Subject, watermark: object, mode: str) -> Iterator[Finding]:
    place = subject.at("govSource")
    if watermark is None:
        if mode == "upsert":
            message = "upsert needs a watermark: the date or timestamp column that tells which version is newer"
            yield subject.fault(place, "watermark.missing", message, HOUSE)
        return
    name = text(watermark)
    column = subject.by_name.get(name)
    if column is None:
        message = f"watermark {watermark!r} is not a column of this contract"
        yield subject.fault((*place, "watermark"), "watermark.unknown", message, HOUSE)
        return
    if column.base_type not in ("date", "timestamp"):
        message = f"watermark {name!r} is {column.base_type}; it must be a date or a timestamp"
        yield subject.fault((*place, "watermark"), "watermark.type", message, HOUSE)
    if column.raw.get("required") is not True:
        message = f"watermark {name!r} may be empty; write required: true, or rows without it are lost to increments"
        yield subject.fault(column.at("required"), "watermark.required", message, HOUSE)
