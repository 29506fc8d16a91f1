"""The file under check, read tolerantly: a fault in one field must not hide the faults of the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from catalog.contract.document import Document, Path
from catalog.contract.finding import Finding, Severity
from catalog.contract.vocabulary import Vocabulary

PLACEHOLDER = "待填"


@dataclass(frozen=True)
class Column:
    """One entry of ``schema[0].properties`` with its ``gov*`` values; ``path`` leads to it in the file."""

    raw: Mapping[str, Any]
    path: Path
    gov: Mapping[str, Any]
    gov_paths: Mapping[str, Path]

    @property
    def name(self) -> str:
        return text(self.raw.get("name"))

    @property
    def base_type(self) -> str:
        return text(self.raw.get("physicalType")).partition("(")[0]

    def at(self, key: str) -> Path:
        """Return the path of a key of the column, or of its ``gov*`` value."""
        return self.gov_paths.get(key, (*self.path, key))


@dataclass
class Context:
    """What a contract may refer to: the vocabulary (None when it is broken) and every contract of the tree."""

    vocabulary: Vocabulary | None
    subjects: dict[str, Subject] = field(default_factory=dict)

    @cached_property
    def resource_codes(self) -> frozenset[str]:
        return frozenset(text(subject.gov.get("govResourceCode")) for subject in self.subjects.values())


@dataclass
class Subject:
    """One contract file."""

    path: str
    document: Document

    @property
    def data(self) -> Mapping[str, Any]:
        return mapping(self.document.data)

    @cached_property
    def gov(self) -> dict[str, Any]:
        return {name: value for name, (value, _) in gov_values(self.data, ()).items()}

    @cached_property
    def gov_paths(self) -> dict[str, Path]:
        return {name: path for name, (_, path) in gov_values(self.data, ()).items()}

    @cached_property
    def table(self) -> Mapping[str, Any]:
        tables = sequence(self.data.get("schema"))
        return mapping(tables[0]) if tables else {}

    @cached_property
    def columns(self) -> list[Column]:
        base: Path = ("schema", 0, "properties")
        columns = []
        for position, raw in enumerate(sequence(self.table.get("properties"))):
            path = (*base, position)
            values = gov_values(mapping(raw), path)
            gov = {name: value for name, (value, _) in values.items()}
            columns.append(Column(mapping(raw), path, gov, {name: place for name, (_, place) in values.items()}))
        return columns

    @cached_property
    def by_name(self) -> dict[str, Column]:
        return {column.name: column for column in reversed(self.columns) if column.name}

    @property
    def dept(self) -> str:
        return text(self.data.get("domain"))

    @property
    def resource(self) -> str:
        return text(self.table.get("name"))

    @property
    def key(self) -> str:
        return f"{self.dept}.{self.resource}"

    def at(self, key: str) -> Path:
        """Return the path of a top-level key, or of a top-level ``gov*`` value."""
        return self.gov_paths.get(key, (key,))

    def fault(self, path: Path, rule: str, message: str, source: str, severity: Severity = "error") -> Finding:
        """Return a finding at ``path``; a part that is absent is reported where it should stand."""
        place = self.document.place(path)
        return Finding(self.path, place.line, place.column, self.label(path), rule, message, source, severity)

    def label(self, path: Path) -> str:
        """Name a path the way a cataloguer speaks of it: ``resident_id.physicalType``, ``govSource.watermark``."""
        words: list[str] = []
        node: Any = self.document.data
        skip_value = False
        for step in path:
            child = _child(node, step)
            if isinstance(step, int) and isinstance(child, Mapping):
                name = child.get("property") or child.get("name")
                skip_value = "property" in child
                if words and words[-1] in ("customProperties", "properties"):
                    words.pop()
                words.append(str(name) if name else f"[{step}]")
            elif isinstance(step, int):
                words.append(f"[{step}]")
            elif not (step == "value" and skip_value):
                words.append(step)
            node = child
        return _joined(words[2:] if len(words) > 2 and words[0] == "schema" and path[1:2] == (0,) else words)


def _child(node: Any, step: str | int) -> Any:
    if isinstance(node, Mapping):
        return node.get(step)
    if isinstance(node, list) and isinstance(step, int) and step < len(node):
        return node[step]
    return None


def _joined(words: Iterable[str]) -> str:
    return ".".join(words).replace(".[", "[")


def gov_values(holder: Mapping[str, Any], path: Path) -> dict[str, tuple[Any, Path]]:
    """Return ``gov*`` name to (value, path of the value) of an object with ``customProperties``."""
    values: dict[str, tuple[Any, Path]] = {}
    for position, entry in enumerate(sequence(holder.get("customProperties"))):
        name = text(mapping(entry).get("property"))
        if name.startswith("gov"):
            values.setdefault(name, (entry.get("value"), (*path, "customProperties", position, "value")))
    return values


def text(value: Any) -> str:
    """Return ``value`` when it is a text, else an empty one."""
    return value if isinstance(value, str) else ""


def mapping(value: Any) -> Mapping[str, Any]:
    """Return ``value`` when it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    """Return ``value`` when it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def meant(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` when a known word is near, else the advice to look it up."""
    names = list(known)
    near = get_close_matches(word, names, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known are {', '.join(sorted(names))}" if 0 < len(names) <= 12 else ""
