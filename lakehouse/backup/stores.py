"""The catalog store and the objects of each profile: how a moment of them is kept, and how they are brought back."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from lakehouse.backup.copying import Origin, listed, make_folder
from lakehouse.backup.errors import WrongInput
from lakehouse.backup.manifest import CATALOG, OBJECTS, Manifest, StoredFile
from lakehouse.backup.moving import move_warehouse
from lakehouse.connect import objects
from lakehouse.connect.cluster import ClusterSettings, cluster_settings
from lakehouse.connect.faults import fault_point
from lakehouse.connect.nessie import Nessie
from lakehouse.connect.postgres_dump import Database, dump_database, frozen, load_database, rows_in
from lakehouse.connect.register_sqlite import copy_database
from lakehouse.connect.settings import Settings

_REGISTER_TABLES = ("branch", "publish_log", "intent")


class Store(Protocol):
    """The catalog store and the objects of one home. A remote one keeps what a restore that failed brought there."""

    is_remote: bool

    def freeze(self, folder: Path, held: ExitStack) -> None:
        """Fix the moment that is kept; called while nobody can publish, so it is short."""

    def write(self, folder: Path) -> None:
        """Write the catalog store, as of that moment, below a backup's folder."""

    def objects(self) -> list[Origin]:
        """List the objects of now, which are all that the catalog store points to, and perhaps more."""

    def refuse_used(self) -> None:
        """Refuse to restore over what is there.

        Raises:
            WrongInput: there is something.
        """

    def refuse_other(self, manifest: Manifest) -> None:
        """Refuse a backup whose objects could not be where its catalog store says.

        Raises:
            WrongInput: they could not.
        """

    def target(self, file: StoredFile, stage: Path) -> str:
        """Return where an object of a backup goes."""

    def load(self, folder: Path, manifest: Manifest, stage: Path) -> None:
        """Bring back the catalog store; the objects are there already."""


class EmbeddedStore:
    """One SQLite file, and a folder."""

    is_remote = False
    DATABASE = "catalog.db"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def freeze(self, folder: Path, held: ExitStack) -> None:
        """Copy the database at once: it is small."""
        make_folder(folder / CATALOG)
        copy_database(self._settings.catalog_db, folder / CATALOG / self.DATABASE)

    def write(self, folder: Path) -> None:
        """It is written."""

    def objects(self) -> list[Origin]:
        """List the warehouse."""
        return listed(self._settings.warehouse, OBJECTS)

    def refuse_used(self) -> None:
        """Whether the home is empty is all there is to ask."""

    def refuse_other(self, manifest: Manifest) -> None:
        """A warehouse can be moved."""

    def target(self, file: StoredFile, stage: Path) -> str:
        """The stage becomes the home."""
        return str(stage / self._settings.warehouse.name / file.path.removeprefix(f"{OBJECTS}/"))

    def load(self, folder: Path, manifest: Manifest, stage: Path) -> None:
        """Copy the database; where the home is another one, let everything point there."""
        copy_database(folder / CATALOG / self.DATABASE, stage / self.DATABASE)
        (stage / self.DATABASE).chmod(0o600)
        here = str(self._settings.warehouse)
        if manifest.warehouse != here:
            move_warehouse(stage / self.DATABASE, stage / self._settings.warehouse.name, manifest.warehouse, here)


class ClusterStore:
    """Two PostgreSQL databases, Nessie's and the register's, and a bucket."""

    is_remote = True

    def __init__(self, settings: Settings, nessie_database: Database, register_database: Database) -> None:
        self._cluster = _own_cluster(settings)
        self._databases: Sequence[Database] = (register_database, nessie_database)
        self._snapshots: list[str] = []

    @property
    def _bucket(self) -> str:
        return f"{objects.REMOTE}{self._cluster.bucket}"

    def freeze(self, folder: Path, held: ExitStack) -> None:
        """Keep a moment of both databases in which nothing was published between them."""
        self._snapshots = [held.enter_context(frozen(database)) for database in self._databases]

    def write(self, folder: Path) -> None:
        """Dump both."""
        make_folder(folder / CATALOG)
        for database, snapshot in zip(self._databases, self._snapshots, strict=True):
            dump_database(database, snapshot, self._dump(folder, database))

    def objects(self) -> list[Origin]:
        """List the bucket."""
        return listed(self._bucket, OBJECTS)

    def refuse_used(self) -> None:
        """Look into the bucket, the register and Nessie."""
        held = next(objects.listing(self._bucket), None)
        register, _ = self._databases
        if held is not None:
            raise _used(f"bucket {self._cluster.bucket} has objects ({held.location})")
        if rows_in(register, _REGISTER_TABLES):
            raise _used(f"database {register.address} has branches")
        nessie = Nessie(self._cluster.nessie_uri)
        for name, at in nessie.references().items():
            if name != self._cluster.main_reference or nessie.entries(name, at).tables:
                raise _used(f"Nessie at {nessie.uri} has tables or branches ({name})")

    def refuse_other(self, manifest: Manifest) -> None:
        """Object names hold the bucket."""
        here = self._cluster.warehouse_location
        if manifest.warehouse != here:
            raise WrongInput(
                f"存储桶不同 the backup's tables lie in {manifest.warehouse}, those of this installation in {here}",
                "give this installation a bucket of that name, with the same folder",
            )

    def target(self, file: StoredFile, stage: Path) -> str:
        """Every object goes under its old name."""
        return f"{self._bucket}/{file.path.removeprefix(f'{OBJECTS}/')}"

    def load(self, folder: Path, manifest: Manifest, stage: Path) -> None:
        """Load the register first: readers see tables when Nessie has them, which is the last step."""
        for database in self._databases:
            load_database(database, self._dump(folder, database))
            fault_point("restore-databases")

    @staticmethod
    def _dump(folder: Path, database: Database) -> Path:
        return folder / CATALOG / f"{database.name}.dump"


def open_store(settings: Settings, nessie_database: Database | None, register_database: Database | None) -> Store:
    """Return the store of a home's profile; only the cluster's has databases.

    Raises:
        WrongInput: the databases of a cluster are not known.
    """
    if settings.profile == "embedded":
        return EmbeddedStore(settings)
    if nessie_database is None or register_database is None:
        raise WrongInput(
            "Nessie 的数据库地址未知 the address of Nessie's database is not known",
            "set nessie_database_uri in cluster.json (a stack of `citybrain stack up` knows it by itself)",
        )
    return ClusterStore(settings, nessie_database, register_database)


def _own_cluster(settings: Settings) -> ClusterSettings:
    cluster = cluster_settings(settings)
    if cluster.reference_prefix:
        raise WrongInput(
            f"this installation shares its servers with others (reference_prefix {cluster.reference_prefix!r})",
            "back up and restore the home whose `citybrain stack up` started them; it covers all of them",
        )
    return cluster


def _used(what: str) -> WrongInput:
    return WrongInput(
        f"目标不为空 a restore needs servers without data, and {what}",
        "choose another home: CITYBRAIN_HOME=DIR citybrain stack up, then restore there",
    )
