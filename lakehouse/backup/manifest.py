"""The manifest of a backup: what it is of, and each of its files with size and checksum. It is written last.

The manifest carries a checksum of itself, so that a backup which was cut off, or changed, says so.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Literal

from blake3 import blake3
from pydantic import BaseModel, ConfigDict, ValidationError

from lakehouse.backup.errors import DamagedBackup, WrongInput

FILE_NAME = "manifest.json"
FORMAT: Literal["citybrain-backup"] = "citybrain-backup"
VERSION = 1
# The folders of a backup.
CATALOG, OBJECTS, HOME = "catalog", "objects", "home"


class StoredFile(BaseModel):
    """One file of a backup. ``modified`` is that of its origin, in seconds since the epoch."""

    model_config = ConfigDict(frozen=True)

    path: str
    size: int
    blake3: str
    modified: float


class Manifest(BaseModel):
    """What a backup holds. ``tables`` are those of ``main`` with their rows; ``warehouse`` is where metadata says they lie."""

    model_config = ConfigDict(frozen=True)

    format: Literal["citybrain-backup"] = FORMAT
    version: int = VERSION
    name: str
    profile: Literal["embedded", "cluster"]
    created: str
    citybrain: str
    home: str
    warehouse: str
    snapshot: str
    tables: dict[str, int]
    files: list[StoredFile]

    @property
    def bytes(self) -> int:
        """The size of all files."""
        return sum(file.size for file in self.files)

    def below(self, folder: str) -> list[StoredFile]:
        """Return the files of one of the folders of a backup."""
        return [file for file in self.files if file.path.startswith(f"{folder}/")]


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest, private and flushed."""
    body = manifest.model_dump(mode="json")
    text = json.dumps({"checksum": _checksum(body), **body}, ensure_ascii=False, indent=1)
    handle = os.open(folder / FILE_NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a backup.

    Raises:
        WrongInput: there is no backup, or one of a newer version.
        DamagedBackup: the manifest is cut off or changed.
    """
    path = folder / FILE_NAME
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
        checksum = found.pop("checksum")
    except (FileNotFoundError, NotADirectoryError):
        raise WrongInput(f"{folder} 不是备份 is no backup: it has no {FILE_NAME}", _NAME_ONE) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DamagedBackup(f"{path} 已损坏 is cut off or damaged: it is no whole JSON", _TAKE_ANOTHER) from None
    _refuse_newer(path, found)
    if checksum != _checksum(found):
        raise DamagedBackup(f"{path} 已损坏 is damaged: its checksum does not fit", _TAKE_ANOTHER)
    try:
        return Manifest.model_validate(found)
    except ValidationError as fault:
        fields = sorted({".".join(map(str, error["loc"])) for error in fault.errors()})
        raise DamagedBackup(f"{path} is not complete: {', '.join(fields)}", _TAKE_ANOTHER) from None


_NAME_ONE = "name the folder of a backup, or the folder that holds your backups"
_TAKE_ANOTHER = "restore another backup"


def _refuse_newer(path: Path, found: dict[str, Any]) -> None:
    version = found.get("version")
    if found.get("format") != FORMAT or not isinstance(version, int):
        raise DamagedBackup(f"{path} is not the manifest of a citybrain backup", _TAKE_ANOTHER)
    if version > VERSION:
        raise WrongInput(
            f"备份版本较新 {path} was written by a newer citybrain (format {version}; this one knows {VERSION})",
            "restore it with the version of citybrain that wrote it, or a newer one",
        )


def _checksum(body: dict[str, Any]) -> str:
    return blake3(json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
