"""Every sentence that Python says to people, found in the source: what pages must have in each language."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from catalog.access.person import Doing, Post
from catalog.cataloguing import proposal
from catalog.cataloguing.form import ENTRY_FIELDS, ITEM_FIELDS
from catalog.cataloguing.words import FIELDS, SAID, WHOLE_TABLE, hint_of
from catalog.contract.scaffold import HINTS
from catalog.sharing import application, verification
from catalog.sharing.limits import LIMITS
from catalog.sharing.machine import WORDS, Role

CATALOG = Path(__file__).parents[1] / "catalog"
CHINESE = re.compile(r"[㐀-鿿]")
# What raises, refuses or names a fault; the first texts of these calls are shown to people.
SPEAKERS = frozenset(
    {
        "AccountError",
        "ApiError",
        "ClockError",
        "Decision",
        "FormFault",
        "IllegalMove",
        "Message",
        "NoSuchMonth",
        "OidcRefused",
        "Outdated",
        "OvertakenAccount",
        "OvertakenError",
        "RefusedFile",
        "SignInRefused",
        "UnknownMatter",
        "WrongText",
        "_deny",
        "fault",
        "sign_in_form",
    }
)
# Answers to programs only, which have one language: JSON of the data service and of the lineage door.
FOR_PROGRAMS = frozenset({"api/data.py", "api/openlineage.py", "api/paging.py", "api/request.py", "contract/lint.py"})
HOLDERS = frozenset({"said", "fault", "reason", "hint", "basis"})  # variables whose text is shown
PLACES_OF_OTHER_TEXTS = ("exchange/", "compliance/checks/", "contract/", "derive/", "search/")


def spoken_texts() -> dict[str, str]:
    """Return each Chinese sentence, as it stands in the source, and the file that says it."""
    found: dict[str, str] = {}
    for path in sorted(CATALOG.rglob("*.py")):
        name = path.relative_to(CATALOG).as_posix()
        if name not in FOR_PROGRAMS and not name.startswith(PLACES_OF_OTHER_TEXTS):
            for text in _texts(ast.parse(path.read_text("utf-8"))):
                found.setdefault(text, name)
    return found


def words_in_sentences() -> set[str]:
    """Return the words that a sentence is filled with: states, steps, posts, fields of the form, articles."""
    enums = (Post, Doing, Role, application.State, application.Kind, verification.State, verification.Kind)
    machines = (application.MACHINE, verification.MACHINE, proposal.MACHINE)
    return {
        *(str(one) for enum in (*enums, proposal.State, proposal.Kind, proposal.Purpose) for one in enum),
        *(machine.noun for machine in machines),
        *(rule.basis for machine in machines for rule in machine.rules.values()),
        *(text for limit in LIMITS.values() for text in (limit.name, limit.basis)),
        *(field.heading for field in (*ENTRY_FIELDS, *ITEM_FIELDS)),
        *WORDS.values(),
        *FIELDS.values(),
        *SAID.values(),
        WHOLE_TABLE,
        *(hint for field in HINTS if (hint := hint_of(field))),
    }


def _texts(tree: ast.AST) -> Iterator[str]:
    named = {
        target.id: node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        for one in _said(node):
            for part in (one.body, one.orelse) if isinstance(one, ast.IfExp) else (one,):
                text = named.get(part.id) if isinstance(part, ast.Name) else getattr(part, "value", None)
                is_message = isinstance(node, ast.Call) and _name(node.func) == "Message"
                if isinstance(text, str) and (is_message or CHINESE.search(text)):
                    yield text


def _said(node: ast.AST) -> list[ast.expr]:
    """Return the expressions in a part of the source whose texts are shown to people."""
    match node:
        case ast.Call() if _name(node.func) in SPEAKERS:
            return [
                *node.args,
                *(keyword.value for keyword in node.keywords if keyword.arg in ("fault", "hint", "told")),
            ]
        case ast.Assign() if "faults" in ast.unparse(node.targets[0]) or _name(node.targets[0]) in HOLDERS:
            return [node.value]
        case ast.Return(value=ast.Constant() | ast.IfExp()):
            return [node.value] if node.value else []
        case _:
            return []


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
