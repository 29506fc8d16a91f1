"""Contracts that were read before, kept in one file by the hash of their files: YAML is the slow part of reading them.

The file is derived and may be lost, old or damaged at any time: a line counts only when its checksum is right and the
contract in it passes the model anew; any other contract is read from its YAML. Every rule of the model holds as before.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from catalog.contract import document
from catalog.contract.model import Contract

_DIGEST_LENGTH = 32
_loaded: dict[str, Contract] = {}


def load_remembered(
    files: Iterable[tuple[bytes, str]], place: Path, parse: Callable[[bytes, str], Contract]
) -> list[Contract]:
    """Return the contract of each file (its content and its name); ``parse`` reads those that ``place`` does not have."""
    named = [(_digest(content), content, name) for content, name in files]
    if all(digest in _loaded for digest, _, _ in named):
        return [_loaded[digest] for digest, _, _ in named]
    kept = _read(place)
    found: dict[str, str] = {}
    for digest, content, name in named:
        if digest not in _loaded:
            _loaded[digest] = _from_line(kept.get(digest)) or parse(content, name)
        found[digest] = kept.get(digest) or _loaded[digest].model_dump_json(by_alias=True, exclude_unset=True)
    if found.keys() != kept.keys():
        with suppress(OSError):  # a folder that cannot be written costs time only
            _write(place, found)
    return [_loaded[digest] for digest, _, _ in named]


def _from_line(text: str | None) -> Contract | None:
    try:
        return None if text is None else Contract.model_validate_json(text)
    except ValidationError:
        return None


def _read(place: Path) -> dict[str, str]:
    """Return contract texts by the digest of their file; nothing when another reader of YAML wrote them."""
    try:
        version, *lines = place.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError, ValueError):
        return {}
    if version != _version():
        return {}
    found = {}
    for line in lines:
        digest, checksum, text = (
            line[:_DIGEST_LENGTH],
            line[_DIGEST_LENGTH : 2 * _DIGEST_LENGTH],
            line[2 * _DIGEST_LENGTH :],
        )
        if checksum == _digest(text.encode()):
            found[digest] = text
    return found


def _write(place: Path, texts: Mapping[str, str]) -> None:
    """Swap in a whole new file, so that a reader never meets half of one."""
    lines = [f"{digest}{_digest(text.encode())}{text}" for digest, text in texts.items()]
    place.parent.mkdir(parents=True, exist_ok=True)
    descriptor, fresh = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write("\n".join([_version(), *lines]))
        Path(fresh).replace(place)
    finally:
        Path(fresh).unlink(missing_ok=True)


def _version() -> str:
    return _digest(Path(document.__file__).read_bytes())


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=_DIGEST_LENGTH // 2).hexdigest()
