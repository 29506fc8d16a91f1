"""API keys of the bureau for programs of the product itself: each is kept in a private file."""

from __future__ import annotations

from pathlib import Path

from infra.host.files import write_private

BUREAU = "dsjj"  # 大数据局, in the vocabulary's departments


def kept_key(kept: Path) -> str:
    """Return the key in a file, and make key and file when it is not there."""
    from catalog.access.store import new_key

    if not kept.exists():
        write_private(kept, new_key() + "\n")
    return kept.read_text(encoding="utf-8").strip()


def admit_bureau_key(address: str, kept: Path, name: str) -> Path:
    """Let the key in a file open the doors whose database is at ``address``, as the bureau's; return the file."""
    from catalog.access.store import open_store

    with open_store(address) as store:
        store.admit_key(kept_key(kept), BUREAU, name)
    return kept
