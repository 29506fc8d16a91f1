"""Files that are written over and over: to write where the system has pages already takes a fifth of the time."""

from __future__ import annotations

import os
from collections import deque
from itertools import count
from pathlib import Path


class ScratchFiles:
    """As many files in a folder as are in use at the same time; any thread may take one and give it back."""

    def __init__(self, folder: Path, suffix: str) -> None:
        self._folder = folder
        self._suffix = suffix
        self._free: deque[Path] = deque()
        self._numbers = count()

    def write(self, data: bytes | memoryview) -> Path:
        """Return a file with this content, which is the caller's until it is given back."""
        try:
            path = self._free.pop()
        except IndexError:
            path = self._folder / f"part_{next(self._numbers)}{self._suffix}"
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb", buffering=0) as file:
            left = memoryview(data)
            while left:
                left = left[file.write(left) :]
            file.truncate()
        return path

    def give_back(self, path: Path) -> None:
        """Take a file back; what it holds may be written over."""
        self._free.append(path)
