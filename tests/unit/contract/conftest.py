"""A private copy of the catalogue that a test may break."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.contract.finding import Finding
from catalog.contract.lint import lint
from catalog.contract.load import CATALOG_ROOT


class Tree:
    """A catalogue tree in a temporary folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def contract(self, key: str) -> Path:
        dept, resource = key.split(".")
        return self.root / "contracts" / dept / f"{resource}.odcs.yaml"

    def part(self, name: str) -> Path:
        return self.root / "vocabulary" / f"{name}.yaml"

    def edit(self, path: Path, old: str, new: str) -> str:
        """Replace the first ``old``, which must be there; return the new content."""
        content = path.read_text(encoding="utf-8")
        assert old in content, f"{old!r} is not in {path.name}"
        content = content.replace(old, new, 1)
        path.write_text(content, encoding="utf-8")
        return content

    def lint(self) -> list[Finding]:
        return lint(self.root)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    root = tmp_path / "catalog"
    for folder in ("contracts", "vocabulary"):
        shutil.copytree(CATALOG_ROOT / folder, root / folder)
    return Tree(root)


@pytest.fixture
def broken(tree: Tree) -> Callable[[str, str, str], list[Finding]]:
    """Return a function that edits one contract and returns what lint finds then."""

    def edit_and_lint(key: str, old: str, new: str) -> list[Finding]:
        path = tree.contract(key)
        tree.edit(path, old, new)
        return lint(path)

    return edit_and_lint
