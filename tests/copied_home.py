"""A home of a test's own with what another has published. A folder cannot be copied: tables know where their files are."""

from __future__ import annotations

from pathlib import Path

from lakehouse.backup import EmbeddedStore, back_up, restore
from lakehouse.connect.settings import Settings


def copy_home(published: Path, home: Path, backups: Path) -> Settings:
    """Let ``home`` hold what ``published`` does, by a backup and a restore; return its settings."""
    original, own = Settings(home=published), Settings(home=home)
    back_up(original, EmbeddedStore(original), backups)
    assert restore(own, EmbeddedStore(own), backups).ok
    return own
