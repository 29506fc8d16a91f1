"""One YAML file as plain objects, with the line and column of each of them, and every fault of its syntax.

Stricter than YAML: doubled keys, aliases (a few bytes can unfold to gigabytes), tags, several documents and
byte order marks are faults. Plain scalars are read by the YAML 1.2 core schema, so that ``no`` and ``2026-01-15``
are texts. The parser's events are built up here in one pass without recursion, which is fast and bounded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml

Path = tuple[str | int, ...]
MAX_BYTES = 1_000_000
MAX_NUMBER_LENGTH = 40
DROPPED = ""  # stands in paths for a key whose value is not kept

_PARSER: Any = getattr(yaml, "CLoader", yaml.Loader)  # libyaml where the wheel has it; the same events without
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER_START = frozenset("+-.0123456789")


class Place(NamedTuple):
    """1-based line and column."""

    line: int
    column: int


@dataclass(frozen=True)
class Fault:
    """What is wrong in a file, where, and the name of the rule that says so."""

    rule: str
    path: Path
    place: Place
    message: str


@dataclass
class Document:
    """The content of a file (None when it could not be read), where each part stands, and what is wrong with it."""

    data: Any = None
    places: dict[Path, Place] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def place(self, path: Path) -> Place:
        """Return where ``path`` stands, or the nearest part around it that exists."""
        while path:
            if path in self.places:
                return self.places[path]
            path = path[:-1]
        return Place(1, 1)


def read_document(content: bytes, *, places: bool = True) -> Document:
    """Parse one file; ``places=False`` skips keeping positions. Never raises: what is wrong is in ``faults``."""
    document = Document()
    text = _decode(content, document)
    if text is not None:
        _Builder(document, keep_places=places).run(text)
    return document


def _decode(content: bytes, document: Document) -> str | None:
    start = Place(1, 1)
    if len(content) > MAX_BYTES:
        message = (
            f"the file has {len(content):,} bytes, more than the {MAX_BYTES:,} allowed; split it or shorten its texts"
        )
        document.faults.append(Fault("file.too_large", (), start, message))
        return None
    if content.startswith(b"\xef\xbb\xbf"):
        message = "the file starts with a byte order mark; save it as UTF-8 without BOM"
        document.faults.append(Fault("file.bom", (), start, message))
        content = content[3:]
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        place = Place(content.count(b"\n", 0, error.start) + 1, 1)
        message = f"byte 0x{content[error.start]:02x} is not UTF-8; save the file as UTF-8"
        document.faults.append(Fault("file.encoding", (), place, message))
        return None
    if not text.strip():
        document.faults.append(
            Fault("file.empty", (), start, "the file is empty; see docs/contracts.md for what it holds")
        )
        return None
    return text


_NO_KEY: Any = object()


@dataclass
class _Level:
    """A mapping or sequence that is being filled; ``key`` is the mapping key that waits for its value."""

    value: Any
    path: Path
    key: Any = _NO_KEY


class _Builder:
    """Build plain objects from parser events."""

    def __init__(self, document: Document, *, keep_places: bool) -> None:
        self._document = document
        self._keep_places = keep_places
        self._levels: list[_Level] = []
        self._documents = 0

    def run(self, text: str) -> None:
        """Read all events; a syntax fault ends it, and leaves no data."""
        parser = _PARSER(text)
        try:
            while parser.check_event():
                self._event(parser.get_event())
        except yaml.YAMLError as error:
            self._document.data = None
            self._syntax_fault(error, text)
        finally:
            parser.dispose()

    def _event(self, event: Any) -> None:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self._put(self._scalar(event), event)
        elif kind is yaml.MappingStartEvent:
            self._open({}, event)
        elif kind is yaml.SequenceStartEvent:
            self._open([], event)
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            self._levels.pop()
        elif kind is yaml.AliasEvent:
            self._fault("yaml.alias", event, f"alias *{event.anchor} is refused; write the value out")
            self._put(None, event)
        elif kind is yaml.DocumentStartEvent:
            self._documents += 1
            if self._documents > 1:
                self._fault("yaml.documents", event, "a second document starts here; one file holds one document")

    def _open(self, value: Any, event: Any) -> None:
        if event.tag is not None:
            self._fault("yaml.tag", event, f"tag {event.tag} is refused; write the value without it")
        path = self._put(value, event)
        self._levels.append(_Level(value, path))

    def _put(self, value: Any, event: Any) -> Path:
        """Hang ``value`` into the level that is open; return its path."""
        if not self._levels:
            if self._documents == 1:
                self._document.data = value
            return ()
        level = self._levels[-1]
        if isinstance(level.value, list):
            level.value.append(value)
            return self._mark((*level.path, len(level.value) - 1), event)
        if level.key is _NO_KEY:
            level.key = self._key(level, value, event)
            return level.path
        key, level.key = level.key, _NO_KEY
        if key is None:
            return (*level.path, DROPPED)
        level.value[key] = value
        return (*level.path, key)

    def _key(self, level: _Level, value: Any, event: Any) -> str | None:
        """Return the key, or None when its value is to be dropped."""
        if not isinstance(value, str):
            shown = getattr(event, "value", "…")
            self._fault("yaml.key", event, f"key {shown} is not a text; put it in quotes: '{shown}'")
            return None
        if value in level.value:
            first = self._document.place((*level.path, value)) if self._keep_places else None
            where = f" (first on line {first.line})" if first else ""
            self._fault("yaml.duplicate_key", event, f"key {value!r} stands twice{where}; keep one of them", value)
            return None
        self._mark((*level.path, value), event)
        return value

    def _scalar(self, event: Any) -> Any:
        text = event.value
        if event.tag is not None and not event.implicit[0] and event.tag != "!":
            self._fault("yaml.tag", event, f"tag {event.tag} is refused; write the value without it")
            return text
        if event.style is not None and event.style != "":
            return text
        if text in _WORDS:
            return _WORDS[text]
        if text[0] in _NUMBER_START:
            return self._number(text, event)
        return text

    def _number(self, text: str, event: Any) -> Any:
        is_integer = _INTEGER.fullmatch(text)
        if not is_integer and not _FLOAT.fullmatch(text):
            return text
        if len(text) > MAX_NUMBER_LENGTH:
            self._fault("yaml.number", event, f"a number of {len(text)} digits; put it in quotes when it is a text")
            return text
        return int(text) if is_integer else float(text)

    def _mark(self, path: Path, event: Any) -> Path:
        if self._keep_places:
            mark = event.start_mark
            self._document.places[path] = Place(mark.line + 1, mark.column + 1)
        return path

    def _fault(self, rule: str, event: Any, message: str, key: str | None = None) -> None:
        level = self._levels[-1] if self._levels else None
        path: Path = ()
        if level is not None:
            inner = key if key is not None else (level.key if level.key is not _NO_KEY else None)
            path = level.path if inner is None else (*level.path, inner)
        place = Place(event.start_mark.line + 1, event.start_mark.column + 1)
        self._document.faults.append(Fault(rule, path, place, message))

    def _syntax_fault(self, error: yaml.YAMLError, text: str) -> None:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
        problem = " ".join(str(getattr(error, "problem", None) or getattr(error, "reason", None) or error).split())
        lines = text.splitlines()
        if mark and mark.line < len(lines) and lines[mark.line][mark.column : mark.column + 1] == "\t":
            problem = "a tab stands here; YAML is indented with spaces only"
        self._document.faults.append(Fault("yaml.syntax", (), place, f"not readable as YAML: {problem}"))
