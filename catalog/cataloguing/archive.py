"""Approved contracts as files of the installation, one commit a publication: ``$CITYBRAIN_HOME/contracts``.

Where ``git`` is missing, the files are the same and each publication leaves its patch under ``patches``.
"""

from __future__ import annotations

import difflib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog
from filelock import FileLock

from catalog.cataloguing.published import path_of

PATCHES, DONE, LOCK = "patches", "published", ".lock"
REPOSITORY_PATH = "catalog"  # where the same files are in the project's own repository
log = structlog.get_logger(__name__)
_UNFIT = re.compile(r"[<>\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Publication:
    """What one approved proposal writes: ``before`` is the file that it replaces, ``""`` for a new one."""

    number: str
    key: str
    before: str
    after: str
    author: str
    dept: str
    at: datetime


class Archive:
    """The folder of approved contracts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def mark(self) -> str:
        """Return what changes with every publication."""
        try:
            return (self.folder / DONE).read_text("utf-8")
        except OSError:
            return ""

    def done(self) -> frozenset[str]:
        """Return the numbers of the proposals that are published here."""
        return frozenset(self.mark().split())

    def publish(self, publications: Iterable[Publication]) -> list[str]:
        """Write and commit what is not published yet, in the order given; return the numbers that were written."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(str(self.folder / LOCK)):
            done = self.mark()
            fresh = [one for one in publications if one.number not in done.split()]
            for one in fresh:
                self._write(self.folder / _file(one.key), one.after)
                self._keep(one)
                done = f"{done}{one.number}\n"
                self._write(self.folder / DONE, done)
        return [one.number for one in fresh]

    def _keep(self, one: Publication) -> None:
        """Commit a publication; where git is missing or fails, leave its patch: the file itself is written already."""
        try:
            if shutil.which("git") is not None:
                self._commit(one)
                return
        except (subprocess.SubprocessError, OSError) as error:
            log.warning("a publication was not committed", number=one.number, error=str(error))
        self._write(self.folder / PATCHES / f"{one.number}.patch", patch(one.key, one.before, one.after))

    def _commit(self, one: Publication) -> None:
        if not (self.folder / ".git").is_dir():
            self._git("init", "--quiet", "--initial-branch=main")
        self._git("add", "--", _file(one.key))
        author = f"{_plain(one.author)}（{_plain(one.dept)}） <{_mailbox(one)}>"
        moment = {"GIT_AUTHOR_DATE": one.at.isoformat(), "GIT_COMMITTER_DATE": one.at.isoformat()}
        self._git("commit", "--quiet", "--allow-empty", f"--author={author}", f"--message={one.number}", extra=moment)

    def _git(self, *words: str, extra: dict[str, str] | None = None) -> None:
        """Run git with nothing of the machine's own configuration."""
        who = {"GIT_COMMITTER_NAME": "citybrain", "GIT_COMMITTER_EMAIL": "catalogue@citybrain"}
        plain = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "HOME": str(self.folder)}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        subprocess.run(
            ["git", "-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null", *words],
            cwd=self.folder,
            env={**kept, **plain, **who, **(extra or {})},
            check=True,
            capture_output=True,
            timeout=60,
        )

    @staticmethod
    def _write(path: Path, text: str) -> None:
        """Swap in a whole new file, so that a reader never meets half of one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, fresh = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
                out.write(text)
                out.flush()
                os.fsync(out.fileno())
            Path(fresh).chmod(0o644)
            Path(fresh).replace(path)
        finally:
            Path(fresh).unlink(missing_ok=True)


def patch(key: str, before: str, after: str) -> str:
    """Return a change as a unified diff that ``git apply`` takes in the project's repository; ``""`` for no change."""
    path = f"{REPOSITORY_PATH}/{path_of(key)}"
    if before == after:
        return ""
    old, new = _lines(before), _lines(after)
    origin = f"a/{path}" if before else "/dev/null"
    body = difflib.unified_diff(old, new, origin, f"b/{path}", lineterm="\n")
    head = f"diff --git a/{path} b/{path}\n" + ("" if before else "new file mode 100644\n")
    return head + "".join(body)


def _file(key: str) -> str:
    return path_of(key).removeprefix("contracts/")


def _lines(text: str) -> list[str]:
    """Split at line feeds only: other separators are part of a line for git."""
    lines = text.split("\n")
    ended = [f"{line}\n" for line in lines[:-1]]
    return ended if not lines[-1] else [*ended, f"{lines[-1]}\n\\ No newline at end of file\n"]


def _plain(text: str) -> str:
    return _UNFIT.sub("", text)[:60] or "?"


def _mailbox(one: Publication) -> str:
    return f"{re.sub(r'[^A-Za-z0-9.-]', '', one.dept) or 'dept'}@citybrain"
