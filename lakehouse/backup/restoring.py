"""Bring a backup back into an empty home: check everything, lay it out beside, put it in its place in renames.

While ``$CITYBRAIN_HOME/restoring`` is there, no door of the product opens (``connect.unfinished``): what a restore that
was broken off left behind is never taken for a city. The same restore, run again, goes on or begins anew.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from lakehouse.backup.checking import check_backup, find_backup
from lakehouse.backup.copying import Progress, copy, in_parallel, make_folder
from lakehouse.backup.errors import BackupFailed, DamagedBackup, WrongInput, file_errors
from lakehouse.backup.homes import refuse_used_home
from lakehouse.backup.manifest import HOME, OBJECTS, Manifest, StoredFile, read_manifest
from lakehouse.backup.stores import Store
from lakehouse.branches import current_snapshot
from lakehouse.connect import objects
from lakehouse.connect.database import branch_pointers
from lakehouse.connect.faults import fault_point
from lakehouse.connect.settings import Settings
from lakehouse.connect.versions import table_version
from lakehouse.tables import verify

_CHUNK = 8 << 20


@dataclass(frozen=True)
class RestoreReport:
    """What was brought back; ``faults`` are what `citybrain verify` finds afterwards, and tables whose rows differ."""

    name: str
    profile: str
    home: str
    is_moved: bool
    snapshot: str
    tables: int
    rows: int
    files: int
    bytes: int
    faults: list[str]
    seconds: float

    @property
    def ok(self) -> bool:
        return not self.faults


def restore(settings: Settings, store: Store, source: Path, progress: Progress = lambda *_: None) -> RestoreReport:
    """Restore a backup, or the newest of a folder of backups, and verify the result.

    Raises:
        WrongInput: there is no such backup, it is of another profile or version, or the home is not empty.
        DamagedBackup: a file of it is missing or changed; nothing was touched.
        BackupFailed: it could not be brought back; the home is as it was, or the same command goes on.
    """
    begun = time.monotonic()
    folder = find_backup(source)
    _refuse_other(settings, store, read_manifest(folder))
    with file_errors(folder):
        manifest = check_backup(folder, progress)
    with file_errors(settings.root):
        _bring_back(settings, store, folder, manifest, progress)
    return _report(settings, manifest, progress, begun)


def _refuse_other(settings: Settings, store: Store, manifest: Manifest) -> None:
    if manifest.profile != settings.profile:
        raise WrongInput(
            f"备份属于另一种部署 {manifest.name} is of the {manifest.profile} profile, this home is {settings.profile}",
            f"CITYBRAIN_PROFILE={manifest.profile} citybrain restore …",
        )
    store.refuse_other(manifest)


def _bring_back(settings: Settings, store: Store, folder: Path, manifest: Manifest, progress: Progress) -> None:
    place = settings.restoring
    is_continued = _is_continued(place, manifest)
    if not is_continued:
        refuse_used_home(settings)
        store.refuse_used()
    make_folder(place)
    try:
        with FileLock(place / ".lock", timeout=0):
            _begin(place, manifest)
            stage = _fresh_stage(place)
            try:
                _lay_out(store, folder, manifest, stage, progress, is_continued)
                progress("目录库 catalog store", 0, 1)
                store.load(folder, manifest, stage)
                progress("目录库 catalog store", 1, 1)
            except Exception:
                if not store.is_remote:
                    shutil.rmtree(place, ignore_errors=True)
                raise
            _put_in_place(settings, stage)
    except Timeout:
        raise BackupFailed(f"另一恢复正在进行 another restore into {settings.root} is under way") from None
    shutil.rmtree(place)


def _is_continued(place: Path, manifest: Manifest) -> bool:
    """Tell whether a restore of the same backup was broken off here.

    Raises:
        WrongInput: one of another backup was.
    """
    try:
        begun = json.loads((place / "of.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    if begun != _identity(manifest):
        raise WrongInput(
            f"恢复尚未完成 a restore of {begun['name']} into {place.parent} is not finished",
            "run that restore again, or begin with an empty home",
        )
    return True


def _identity(manifest: Manifest) -> dict[str, str]:
    return {"name": manifest.name, "created": manifest.created, "home": manifest.home}


def _begin(place: Path, manifest: Manifest) -> None:
    fresh = place / "of.new"
    fresh.write_text(json.dumps(_identity(manifest)), encoding="utf-8")
    fresh.replace(place / "of.json")


def _fresh_stage(place: Path) -> Path:
    stage = place / "home"
    shutil.rmtree(stage, ignore_errors=True)
    make_folder(stage)
    return stage


def _lay_out(
    store: Store, folder: Path, manifest: Manifest, stage: Path, progress: Progress, is_continued: bool
) -> None:
    """Copy objects to where they belong, and the home's files to the stage."""
    targets = [(file, store.target(file, stage)) for file in manifest.below(OBJECTS)]
    targets += [(file, str(stage / file.path.removeprefix(f"{HOME}/"))) for file in manifest.below(HOME)]
    present = _present(target for _, target in targets) if is_continued else {}
    wanted = [(file, target) for file, target in targets if present.get(target) != file.size]
    for done, _ in enumerate(in_parallel(lambda item: _bring(folder, *item), wanted), 1):
        progress("恢复 restore", done, len(wanted))
        fault_point("restore-files")


def _present(targets: Iterable[str]) -> dict[str, int]:
    """Return what an earlier attempt brought to the bucket: an object is there whole or not at all."""
    bucket = next((target.split("/", 3)[2] for target in targets if objects.is_remote(target)), None)
    if bucket is None:
        return {}
    return {stored.location: stored.bytes for stored in objects.listing(f"{objects.REMOTE}{bucket}")}


def _bring(folder: Path, file: StoredFile, target: str) -> None:
    origin = folder / file.path
    if objects.is_remote(target):
        with objects.store_errors(target), origin.open("rb") as source, objects.open_output(target) as sink:
            shutil.copyfileobj(source, sink, _CHUNK)
        return
    copied = copy(str(origin), Path(target))
    if copied.blake3 != file.blake3:
        raise DamagedBackup(f"{file.path} changed while it was restored")
    # As old as it was: the next backup knows it again, and the clean-up does not take it for new.
    os.utime(target, (file.modified, file.modified))


def _put_in_place(settings: Settings, stage: Path) -> None:
    """Move everything into the home, the catalog last; what an earlier attempt moved is replaced."""
    catalog = settings.catalog_db.name
    os.sync()  # every file is on the disk before a catalog names it
    for entry in sorted(stage.iterdir(), key=lambda entry: (entry.name == catalog, entry.name)):
        target = settings.root / entry.name
        if target.is_dir():
            shutil.rmtree(target)
        entry.replace(target)
        fault_point("restore-placing")


def _report(settings: Settings, manifest: Manifest, progress: Progress, begun: float) -> RestoreReport:
    tables = {name: _rows(pointer) for name, pointer in branch_pointers(settings).items()}
    differing = [
        name for name in sorted(tables.keys() | manifest.tables.keys()) if tables.get(name) != manifest.tables.get(name)
    ]
    found = verify(settings, progress=lambda done, total: progress("核验 verify", done, total))
    faults = [f"{name}: {tables.get(name)} rows, the backup has {manifest.tables.get(name)}" for name in differing]
    faults += [f"{fault.table}: {fault.kind} {fault.path} {fault.detail}".rstrip() for fault in found.faults]
    return RestoreReport(
        name=manifest.name,
        profile=manifest.profile,
        home=str(settings.root),
        is_moved=manifest.warehouse != str(settings.warehouse) and not objects.is_remote(manifest.warehouse),
        snapshot=current_snapshot(settings),
        tables=len(tables),
        rows=sum(rows or 0 for rows in tables.values()),
        files=len(manifest.files),
        bytes=manifest.bytes,
        faults=faults,
        seconds=round(time.monotonic() - begun, 2),
    )


def _rows(pointer: str) -> int | None:
    """Return how many rows a table version has; None when files of it are missing."""
    try:
        return table_version(pointer).rows
    except FileNotFoundError:
        return None
