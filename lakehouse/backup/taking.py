"""Take a backup: the catalog store as of one moment, then every object, then the rest of the home, then the manifest.

Files of tables are never changed after they were written, so all that the kept catalog store points to is still there
when objects are copied afterwards; the clean-up of files that nobody needs waits for that long (``files_kept``).
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock, Timeout

from lakehouse.backup.checking import PARTIAL, backups_in
from lakehouse.backup.copying import Keeper, Progress, make_folder
from lakehouse.backup.errors import BackupFailed, DamagedBackup, WrongInput, file_errors
from lakehouse.backup.homes import home_databases, home_files, pending_outcomes
from lakehouse.backup.manifest import CATALOG, HOME, Manifest, StoredFile, read_manifest, write_manifest
from lakehouse.backup.stores import Store
from lakehouse.branches.register import snapshot_id
from lakehouse.connect.database import MAIN, transaction
from lakehouse.connect.faults import fault_point
from lakehouse.connect.kept_files import files_kept
from lakehouse.connect.register_sqlite import copy_database
from lakehouse.connect.settings import Settings
from lakehouse.connect.versions import table_version
from lakehouse.connect.warehouse import warehouse_location
from lakehouse.tables.reachability import walk_tables


@dataclass(frozen=True)
class BackupReport:
    """What a backup holds, how much of it was copied rather than shared with the one before, and how long it took."""

    name: str
    path: str
    profile: str
    snapshot: str
    tables: int
    rows: int
    files: int
    bytes: int
    copied_files: int
    copied_bytes: int
    seconds: float


@dataclass(frozen=True)
class _Moment:
    """What the catalog store showed when it was frozen."""

    main: dict[str, str]
    every: list[tuple[str, str]]
    kept: list[tuple[str, str]]


def back_up(settings: Settings, store: Store, destination: Path, progress: Progress = lambda *_: None) -> BackupReport:
    """Write a backup of a home below a folder; what the last one there has unchanged is shared with it by hard links.

    Raises:
        WrongInput: the home has nothing, or the folder cannot hold its backup.
        FilesInUse: a clean-up of old files is under way.
        BackupFailed: it could not be written; nothing is left that looks like a backup.
    """
    begun = time.monotonic()
    place = destination.expanduser().absolute()
    _refuse_place(settings, place)
    with file_errors(place), _alone(place), files_kept(settings):
        for broken in place.glob(f"*{PARTIAL}"):
            shutil.rmtree(broken)
        taking = _Taking(settings, store, place, progress)
        try:
            return taking.take(begun)
        except BaseException:
            shutil.rmtree(taking.partial, ignore_errors=True)
            raise


def _refuse_place(settings: Settings, place: Path) -> None:
    if settings.profile == "embedded" and not settings.catalog_db.exists():
        raise WrongInput(
            f"没有可备份的数据 {settings.root} has no lakehouse", "set CITYBRAIN_HOME to the home to back up"
        )
    if place.resolve().is_relative_to(settings.root):
        raise WrongInput(
            f"{place} lies in the home that is backed up", "name a folder outside it, best on another disk"
        )
    if place.exists() and not place.is_dir():
        raise WrongInput(f"{place} is no folder", "name a folder")


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Let one backup at a time write to a folder."""
    make_folder(place)
    try:
        with FileLock(place / ".lock", timeout=0, mode=0o600):
            yield
    except Timeout:
        raise BackupFailed(f"另一备份正在写入 another backup writes to {place}", "wait until it has ended") from None


class _Taking:
    """One backup that is being written."""

    def __init__(self, settings: Settings, store: Store, place: Path, progress: Progress) -> None:
        self._settings = settings
        self._store = store
        self._place = place
        self._progress = progress
        self._created = datetime.now(UTC)
        self._name = _free_name(place, self._created)
        self.partial = place / f"{self._name}{PARTIAL}"
        earlier, known = _newest(place, settings.profile)
        self._keeper = Keeper(self.partial, earlier, known)
        self._files: list[StoredFile] = []

    def take(self, begun: float) -> BackupReport:
        """Write everything, the manifest last, and give it its name."""
        make_folder(self.partial)
        with ExitStack() as held:
            moment = self._freeze(held)
            self._progress("目录库 catalog store", 0, 1)
            self._store.write(self.partial)
        self._add(CATALOG)
        fault_point("backup-store")
        self._progress("目录库 catalog store", 1, 1)
        gone = self._keep_objects()
        self._keep_home()
        _refuse_lost(moment, gone)
        manifest = self._manifest(moment)
        os.sync()  # every file is on the disk before the manifest says so
        write_manifest(self.partial, manifest)
        fault_point("backup-manifest")
        self.partial.rename(self._place / self._name)
        _flush_folder(self._place)
        return self._report(manifest, time.monotonic() - begun)

    def _freeze(self, held: ExitStack) -> _Moment:
        """Fix one moment in which nobody publishes: register, pointers, and outcomes that wait to be published."""
        with transaction(self._settings) as db:
            publishes = db.execute("select pointers from publish_log order by id desc").fetchall()
            kept = [pair for (text,) in publishes for pair in json.loads(text).items()]
            moment = _Moment(db.pointers(MAIN), db.every_pointer(), kept)
            self._files += self._keeper.keep(pending_outcomes(self._settings), "结果 outcomes", self._progress)
            self._store.freeze(self.partial, held)
        return moment

    def _add(self, folder: str) -> None:
        """Count in what was written into a folder, rather than copied as it is."""
        for path in sorted(entry for entry in (self.partial / folder).iterdir() if entry.is_file()):
            path.chmod(0o600)
            self._files.append(self._keeper.written(path))

    def _keep_objects(self) -> set[str]:
        """Keep every object; return the locations of those that went away meanwhile."""
        origins = self._store.objects()
        gone = {origin.path: origin.location for origin in origins}
        for file in self._keeper.keep(origins, "对象 objects", self._progress):
            self._files.append(file)
            del gone[file.path]
            fault_point("backup-objects")
        return set(gone.values())

    def _keep_home(self) -> None:
        make_folder(self.partial / HOME)
        for database in home_databases(self._settings):
            copy_database(database, self.partial / HOME / database.name)
        self._add(HOME)
        self._files += self._keeper.keep(home_files(self._settings), "来件 landing and home", self._progress)

    def _manifest(self, moment: _Moment) -> Manifest:
        tables = {}
        for done, (identifier, pointer) in enumerate(moment.main.items(), 1):
            tables[identifier] = _rows(identifier, pointer)
            self._progress("表 tables", done, len(moment.main))
        return Manifest(
            name=self._name,
            profile=self._settings.profile,
            created=self._created.isoformat(timespec="milliseconds"),
            citybrain=version("citybrain"),
            home=str(self._settings.root),
            warehouse=warehouse_location(self._settings),
            snapshot=snapshot_id(moment.main),
            tables=tables,
            files=sorted(self._files, key=lambda file: file.path),
        )

    def _report(self, manifest: Manifest, seconds: float) -> BackupReport:
        return BackupReport(
            name=manifest.name,
            path=str(self._place / self._name),
            profile=manifest.profile,
            snapshot=manifest.snapshot,
            tables=len(manifest.tables),
            rows=sum(manifest.tables.values()),
            files=len(manifest.files),
            bytes=manifest.bytes,
            copied_files=self._keeper.copied_files,
            copied_bytes=self._keeper.copied_bytes,
            seconds=round(seconds, 2),
        )


def _refuse_lost(moment: _Moment, gone: set[str]) -> None:
    """Files that a writer gave up were never part of a table; any other must not be missing in a backup."""
    if not gone:
        return
    lost = sorted(gone & walk_tables(moment.every, moment.kept).paths())
    if lost:
        raise BackupFailed(f"{len(lost)} files of tables were removed during the backup, such as {lost[0]}")


def _rows(identifier: str, pointer: str) -> int:
    try:
        return table_version(pointer).rows
    except FileNotFoundError as fault:
        raise BackupFailed(
            f"数据湖已损坏 {identifier} misses a file: {fault.filename or fault}",
            "`citybrain verify` names all that is missing",
        ) from None


def _free_name(place: Path, created: datetime) -> str:
    """Return a name that sorts by time."""
    name, number = f"{created:%Y%m%dT%H%M%SZ}", 1
    while (place / name).exists():
        name, number = f"{created:%Y%m%dT%H%M%SZ}-{number}", number + 1
    return name


def _newest(place: Path, profile: str) -> tuple[Path | None, list[StoredFile]]:
    """Return the newest backup of the same profile whose manifest can be read, and its files."""
    for folder in reversed(list(backups_in(place))):
        try:
            manifest = read_manifest(folder)
        except (WrongInput, DamagedBackup):
            continue
        if manifest.profile == profile:
            return folder, manifest.files
    return None, []


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
