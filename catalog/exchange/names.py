"""Names on the other side: classifications, glossaries, and how any text becomes a name and back.

OpenMetadata joins names with dots to an address, keeps ``::`` and ``>`` for itself, and limits a name to 256
characters. Names here are therefore letters, digits, ``_`` and ``-`` of any script; everything else is written as ``%XX``.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from catalog.exchange.errors import ExchangeError

NAME_LENGTH = 256
EMPTY = "%"  # no encoded text is a lone percent sign
GLOSSARY_ITEMS, GLOSSARY_CODES, GLOSSARY_CATEGORIES = "citybrain_items", "citybrain_codes", "citybrain_categories"

_UNSAFE = re.compile(r"[^\w-]")
_RESERVED = "__reserved__"  # the client would read this back as a separator


@dataclass(frozen=True)
class Classification:
    """One closed list of tags: ``tags`` has (name, what people read)."""

    name: str
    title: str
    tags: tuple[tuple[str, str], ...]

    def fqn(self, tag: str) -> str:
        """Return the address of a tag."""
        return f"{self.name}.{tag}"


@dataclass(frozen=True)
class Place:
    """Where tables are: service, database, then ``<dept>.<resource>`` as everywhere else."""

    service: str = "citybrain"
    database: str = "lake"

    @property
    def database_fqn(self) -> str:
        return f"{self.service}.{self.database}"

    def schema(self, namespace: str) -> str:
        """Return the address of a schema."""
        return f"{self.database_fqn}.{namespace}"

    def table(self, identifier: str) -> str:
        """Return the address of ``schema.table``."""
        return f"{self.database_fqn}.{identifier}"

    def column(self, identifier: str, column: str) -> str:
        """Return the address of a column."""
        return f"{self.table(identifier)}.{column}"


def encoded(text: str) -> str:
    """Return ``text`` as a name; :func:`decoded` gives it back.

    Raises:
        ExchangeError: it would be longer than a name may be.
    """
    safe = _UNSAFE.sub(lambda found: _percent(found[0]), text).replace(_RESERVED, "%5F%5Freserved%5F%5F") or EMPTY
    if len(safe) > NAME_LENGTH:
        raise ExchangeError(f"{text[:40]!r}… is too long for a name: {len(safe)} of at most {NAME_LENGTH} characters")
    return safe


def decoded(name: str) -> str:
    """Return the text that a name was made of."""
    return "" if name == EMPTY else unquote(name, errors="surrogatepass")


def stable_id(kind: str, fqn: str) -> uuid.UUID:
    """Return the identifier that an entity has where no server gave it one."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"citybrain:{kind}:{fqn}")


def classification(name: str, title: str, tags: Iterable[tuple[str, str]]) -> Classification:
    """Return a classification whose tags have no name twice."""
    return Classification(name, title, tuple(dict(tags).items()))


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", errors="surrogatepass"))
