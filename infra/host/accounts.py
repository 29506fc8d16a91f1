"""The user that a server runs as when root starts it: some servers refuse to run as root, and none needs to."""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Account:
    """A user of this machine."""

    name: str
    uid: int
    gid: int


def unprivileged(*names: str) -> Account | None:
    """Return the first of these users that exists, when we are root; None when we are not, and need no other."""
    if os.geteuid() != 0:
        return None
    for name in names:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise LookupError(f"none of the users {', '.join(names)} exists")


def own(folder: Path, account: Account | None) -> None:
    """Make a folder that only the account can enter."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    if account:
        os.chown(folder, account.uid, account.gid)


def closed_to(folder: Path, account: Account) -> Path | None:
    """Return the first folder above ``folder`` that the account may not pass through, or None."""
    for parent in reversed(folder.absolute().parents):
        if parent.exists() and not _may_pass(parent.stat(), account):
            return parent
    return None


def _may_pass(facts: os.stat_result, account: Account) -> bool:
    if facts.st_uid == account.uid:
        return bool(facts.st_mode & stat.S_IXUSR)
    if facts.st_gid == account.gid:
        return bool(facts.st_mode & stat.S_IXGRP)
    return bool(facts.st_mode & stat.S_IXOTH)
