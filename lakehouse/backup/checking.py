"""Find a backup, and tell whether each of its files is what it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lakehouse.backup.copying import Progress, digest, in_parallel
from lakehouse.backup.errors import DamagedBackup, WrongInput
from lakehouse.backup.manifest import FILE_NAME, Manifest, StoredFile, read_manifest

PARTIAL = ".partial"
_NAMED = 5


def find_backup(source: Path) -> Path:
    """Return the folder of a backup: the one that is named, or the newest one in a folder of backups.

    Raises:
        WrongInput: there is none.
    """
    folder = source.expanduser().absolute()
    if folder.name.endswith(PARTIAL):
        raise WrongInput(f"{folder} 未完成 is a backup that was broken off", "name another backup, or take a new one")
    if (folder / FILE_NAME).exists():
        return folder
    newest = max(backups_in(folder), default=None)
    if newest is None:
        raise WrongInput(f"{folder} 没有备份 holds no backup", "name the folder of a backup, or one that holds backups")
    return newest


def backups_in(folder: Path) -> Iterator[Path]:
    """Yield the whole backups of a folder; their names sort by time."""
    for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
        if not entry.name.endswith(PARTIAL) and (entry / FILE_NAME).exists():
            yield entry


def check_backup(folder: Path, progress: Progress = lambda *_: None) -> Manifest:
    """Read every file of a backup and compare it with the manifest, which is returned.

    Raises:
        WrongInput: there is no backup.
        DamagedBackup: files are missing or changed; the message names them.
    """
    manifest = read_manifest(folder)
    damaged: list[str] = []
    faults = in_parallel(lambda file: _fault(folder, file), manifest.files)
    for done, fault in enumerate(faults, 1):
        progress("校验 check", done, len(manifest.files))
        damaged += [fault] if fault else []
    if damaged:
        more = f" … {len(damaged)} in all" if len(damaged) > _NAMED else ""
        raise DamagedBackup(
            f"备份已损坏 {folder} is damaged: {'; '.join(damaged[:_NAMED])}{more}; nothing was restored",
            "restore another backup; take a new full one into an empty folder when this was the newest",
        )
    return manifest


def _fault(folder: Path, file: StoredFile) -> str:
    path = folder / file.path
    try:
        size = path.stat().st_size
        if size != file.size:
            return f"{file.path} has {size} bytes instead of {file.size}"
        return "" if digest(path) == file.blake3 else f"{file.path} has another checksum"
    except FileNotFoundError:
        return f"{file.path} is missing"
    except OSError as fault:
        return f"{file.path} cannot be read: {fault.strerror}"
