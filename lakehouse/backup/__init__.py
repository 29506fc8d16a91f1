"""Backup and restore: the catalog store first, then the objects that it points to, then what else a home holds."""

from lakehouse.backup.checking import check_backup, find_backup
from lakehouse.backup.errors import BackupFailed, DamagedBackup, WrongInput
from lakehouse.backup.manifest import Manifest
from lakehouse.backup.restoring import RestoreReport, restore
from lakehouse.backup.stores import ClusterStore, EmbeddedStore, Store, open_store
from lakehouse.backup.taking import BackupReport, back_up

__all__ = [
    "BackupFailed",
    "BackupReport",
    "ClusterStore",
    "DamagedBackup",
    "EmbeddedStore",
    "Manifest",
    "RestoreReport",
    "Store",
    "WrongInput",
    "back_up",
    "check_backup",
    "find_backup",
    "open_store",
    "restore",
]
