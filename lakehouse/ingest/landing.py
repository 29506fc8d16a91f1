"""Landing: everything received is kept as it was, under the hash of its content, before anything reads it."""

from __future__ import annotations

import fcntl
import os
import shutil
from datetime import date
from pathlib import Path

from blake3 import blake3

from catalog.contract.model import Contract
from lakehouse.connect.settings import Settings
from lakehouse.sources.errors import SourceError

DIGEST_LENGTH = 32  # hex digits
_FICLONE = 0x40049409


def land_file(settings: Settings, contract: Contract, path: Path) -> tuple[Path, str]:
    """Keep a delivered file; return where, and the hash of its content.

    Raises:
        SourceError: ``delivery.incomplete`` when the file was still being written.
    """
    try:
        before = path.stat()
        digest = _hash(path)
        target = _folder(settings, contract) / (digest + "".join(path.suffixes[-2:]))
        if not target.exists():
            _keep(path, target)
        after = path.stat()
    except OSError as error:
        raise SourceError("delivery.incomplete", f"{path.name} 无法读取") from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise SourceError("delivery.incomplete", f"{path.name} 在读取时仍在变化，请传完后再送")
    return target, digest


def batch_identity(contract: Contract, digest: str, data_date: date | None) -> str:
    """Return what identifies a delivered content as a batch.

    A replacing delivery states what holds on its data date: the same content of a later date is another batch.
    """
    if contract.gov.source.mode != "replace" or data_date is None:
        return digest
    return blake3(f"{digest}:{data_date}".encode()).hexdigest()[:DIGEST_LENGTH]


def land_folder(settings: Settings, contract: Contract, folder: Path, digest: str) -> Path:
    """Keep what was read from a system that delivers no files; return where."""
    target = _folder(settings, contract) / digest
    if not target.exists():
        folder.rename(target)
    return target


def _hash(path: Path) -> str:
    hasher = blake3(max_threads=blake3.AUTO)
    if path.stat().st_size:
        hasher.update_mmap(path)
    return hasher.hexdigest()[:DIGEST_LENGTH]


def _folder(settings: Settings, contract: Contract) -> Path:
    folder = settings.landing / contract.dept / contract.resource
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _keep(path: Path, target: Path) -> None:
    """Share the blocks (reflink) where the file system can; else link, else copy; whole or not at all."""
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    if not _reflink(path, fresh):
        try:
            os.link(path, fresh)
        except OSError:
            shutil.copyfile(path, fresh)
    fresh.replace(target)


def _reflink(path: Path, target: Path) -> bool:
    with path.open("rb") as source, target.open("wb") as clone:
        try:
            fcntl.ioctl(clone.fileno(), _FICLONE, source.fileno())
            return True
        except OSError:
            pass
    target.unlink()
    return False
