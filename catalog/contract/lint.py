"""Find every fault of contracts and vocabulary in one go, each with its line, its rule and the rule's source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from catalog.contract.checks.across import across_faults, unique_faults
from catalog.contract.checks.columns import column_faults
from catalog.contract.checks.identity import identity_faults
from catalog.contract.checks.shape import model_faults
from catalog.contract.checks.sharing import sharing_faults
from catalog.contract.checks.source import source_faults
from catalog.contract.checks.subject import Context, Subject
from catalog.contract.checks.vocabulary import part_shape_faults, vocabulary_faults, vocabulary_of
from catalog.contract.document import Document, Fault, Place, read_document
from catalog.contract.finding import HOUSE, YAML, Finding
from catalog.contract.load import CATALOG_ROOT, OTHER_VOCABULARY, SUFFIX, VOCABULARY_PARTS, contract_paths
from catalog.contract.vocabulary import Vocabulary

PARTS_OF_TREE = ("contracts", "vocabulary")
CHECKS = (identity_faults, sharing_faults, source_faults, column_faults, across_faults)


def lint(paths: Path | str | Iterable[Path | str] = CATALOG_ROOT, *, root: Path | None = None) -> list[Finding]:
    """Return the findings of a catalogue tree, or of single files and folders, in the order of file and line.

    A tree is a folder with ``contracts/`` and ``vocabulary/`` in it. Single files are judged against the tree they
    lie in, or else ``root``, or else the project's own. Never raises for what a file holds.
    """
    given = [Path(path) for path in ([paths] if isinstance(paths, Path | str) else paths)]
    findings: set[Finding] = set()
    by_tree: dict[Path, list[Path]] = {}
    for path in given:
        by_tree.setdefault(_tree_of(path) or root or CATALOG_ROOT, []).append(path)
    for tree, wanted in by_tree.items():
        findings |= set(_lint_tree(tree, wanted))
    return sorted(findings)


def lint_content(content: bytes, name: str) -> list[Finding]:
    """Return what is wrong with one contract by itself, without the vocabulary and the other contracts."""
    return sorted(_contract_findings(Subject(name, read_document(content)), Context(None)))


def lint_among(
    proposed: Mapping[str, Document], others: Mapping[str, Document], vocabulary: Vocabulary
) -> list[Finding]:
    """Return what is wrong with contracts that are not files yet, by the path that each would have, beside the others.

    ``others`` leaves out those that the proposed ones replace. A finding stands where the document says its parts do.
    """
    new = {name: Subject(name, document) for name, document in proposed.items()}
    held = [Subject(name, document) for name, document in others.items()]
    subjects = [*held, *new.values()]
    context = Context(vocabulary, {s.key: s for s in subjects if s.dept and s.resource})
    findings = [finding for subject in new.values() for finding in _contract_findings(subject, context)]
    return sorted({*findings, *(finding for finding in unique_faults(subjects) if finding.path in new)})


def _tree_of(path: Path) -> Path | None:
    """Return the catalogue tree that ``path`` is or lies in."""
    for folder in (path.absolute(), *path.absolute().parents):
        if _is_tree(folder):
            return folder
    return None


def _is_tree(folder: Path) -> bool:
    return all((folder / name).is_dir() for name in PARTS_OF_TREE)


def _lint_tree(tree: Path, wanted: list[Path]) -> list[Finding]:
    """Read the whole tree, since contracts refer to each other, and check what is wanted of it."""
    asked, findings = _expand(wanted)
    findings += _misnamed(asked, tree)
    everything = {path.absolute(): path for path in [*contract_paths(tree), *asked] if path.name.endswith(SUFFIX)}
    subjects = [_subject(path, tree) for path in everything.values()]
    parts = {part: _subject(tree / "vocabulary" / f"{part}.yaml", tree) for part in VOCABULARY_PARTS}
    context = Context(vocabulary_of(parts), {s.key: s for s in subjects if s.dept and s.resource})
    shown = {_shown(path, tree) for path in asked}
    if {path.absolute() for path in wanted} & {tree.absolute(), (tree / "vocabulary").absolute()}:
        shown |= {subject.path for subject in parts.values()}  # also those that are not there
    for subject in subjects:
        findings += _contract_findings(subject, context) if subject.path in shown else []
    findings += [finding for finding in unique_faults(subjects) if finding.path in shown]
    if any(subject.path in shown for subject in parts.values()):
        findings += [f for f in _vocabulary_findings(parts, context) if f.path in shown]
    return findings


def _vocabulary_findings(parts: dict[str, Subject], context: Context) -> list[Finding]:
    findings = [_of_fault(subject, fault) for subject in parts.values() for fault in subject.document.faults]
    for part, subject in parts.items():
        findings += part_shape_faults(part, subject) if subject.document.data is not None else []
    return [*findings, *vocabulary_faults(parts, context)]


def _expand(wanted: Iterable[Path]) -> tuple[list[Path], list[Finding]]:
    """Return the YAML files below the given paths, and a finding for each path that holds none."""
    files: list[Path] = []
    missing: list[Finding] = []
    for path in wanted:
        folders = [path / name for name in PARTS_OF_TREE] if _is_tree(path) else [path]
        found = [p for folder in folders for p in sorted(folder.rglob("*.y*ml")) if p.is_file()]
        found = found if path.is_dir() else [path]
        if path.exists() and found:
            files += found
        else:
            message = "the folder holds no contract" if path.exists() else "no such file"
            missing.append(Finding(str(path), 1, 1, "", "file.missing", f"{message}; check the path", HOUSE))
    return files, missing


def _misnamed(asked: Iterable[Path], tree: Path) -> list[Finding]:
    """Return a finding for each file that nothing would load, because of its name or its folder."""
    loaded = {path.absolute() for path in contract_paths(tree)}
    loaded |= {(tree / "vocabulary" / f"{part}.yaml").absolute() for part in (*VOCABULARY_PARTS, *OTHER_VOCABULARY)}
    message = (
        f"nothing reads this file: contracts are contracts/<dept>/<resource>{SUFFIX}, "
        f"the vocabulary is {', '.join((*VOCABULARY_PARTS, *OTHER_VOCABULARY))}; rename or move it"
    )
    return [
        Finding(_shown(path, tree), 1, 1, "", "file.name", message, HOUSE)
        for path in asked
        if path.absolute() not in loaded
        and (path.absolute().is_relative_to(tree.absolute()) or not path.name.endswith(SUFFIX))
    ]


def _subject(path: Path, tree: Path) -> Subject:
    shown = _shown(path, tree)
    try:
        return Subject(shown, _document(path.read_bytes()))
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
        return Subject(shown, Document(faults=[Fault("file.unreadable", (), Place(1, 1), message)]))


@lru_cache(maxsize=256)
def _document(content: bytes) -> Document:
    """Parse a file once in a process: a tree is linted again and again with few of its files changed."""
    return read_document(content)


def _shown(path: Path, tree: Path) -> str:
    """Return the path as people read it: from the tree's parent for files of the tree, else as it was given."""
    try:
        return path.absolute().relative_to(tree.absolute().parent).as_posix()
    except ValueError:
        return path.as_posix()


def _of_fault(subject: Subject, fault: Fault) -> Finding:
    place, source = fault.place, YAML if fault.rule.startswith("yaml.") else HOUSE
    return Finding(subject.path, place.line, place.column, subject.label(fault.path), fault.rule, fault.message, source)


def _contract_findings(subject: Subject, context: Context) -> list[Finding]:
    syntax = [_of_fault(subject, fault) for fault in subject.document.faults]
    if subject.document.data is None and syntax:
        return syntax
    if not isinstance(subject.document.data, dict):
        kind = type(subject.document.data).__name__
        message = f"a contract is a mapping of keys to values, this is a {kind}; see docs/contracts.md"
        return [*syntax, subject.fault((), "file.not_a_mapping", message, HOUSE)]
    shape, between = model_faults(subject)
    findings = [*syntax, *shape, *(finding for check in CHECKS for finding in check(subject, context))]
    is_refused = any(finding.severity == "error" for finding in findings)
    return _without_echoes(findings) if is_refused else [*findings, *between]


def _without_echoes(findings: list[Finding]) -> list[Finding]:
    """Leave out what else is wrong with a value that is still to be filled in."""
    open_places = {(f.line, f.column) for f in findings if f.rule == "todo.unfilled"}
    return [f for f in findings if f.rule == "todo.unfilled" or (f.line, f.column) not in open_places]
