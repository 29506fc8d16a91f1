"""The texts of the pages: a folder a language, a file an area of the pages, ``locale/<language>/<area>.yaml``."""

from __future__ import annotations

from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

from catalog.contract.load import read_yaml
from catalog.contract.message import Message

LOCALE = Path(__file__).parent / "locale"
DEFAULT_LANGUAGE = "zh-CN"
LANGUAGES = {"zh-CN": "中文", "en": "English"}
_spoken: ContextVar[str] = ContextVar("language", default=DEFAULT_LANGUAGE)


def speak(language: str) -> None:
    """Show the pages of this request in a language; one that is not there gives the default."""
    _spoken.set(language if language in LANGUAGES else DEFAULT_LANGUAGE)


class Texts:
    """Texts by dotted key, such as ``list.empty``; ``{name}`` in a text is filled from the arguments.

    A text that a language lacks is shown in the default language: words of the law and of the vocabulary have no
    agreed English.
    """

    @property
    def language(self) -> str:
        """The language of this request."""
        return _spoken.get()

    def __call__(self, key: str, **values: Any) -> str:
        """Return a text; raise ``KeyError`` when there is none: a page never shows a bare key."""
        text = held_texts(self.language).get(key) or held_texts(DEFAULT_LANGUAGE)[key]
        return text.format(**values) if values else text

    def or_else(self, key: str, fallback: str) -> str:
        """Return a text, or ``fallback`` for a code that has no text of its own."""
        return held_texts(self.language).get(key) or held_texts(DEFAULT_LANGUAGE).get(key, fallback)

    def word(self, chinese: Any) -> str:
        """Return a word of a closed list, such as 无条件共享, or a sentence, in the language of the request.

        A :class:`Message` is filled anew from its parts, each in that language; what has no text there stays as it is.
        """
        template = chinese.template if isinstance(chinese, Message) else str(chinese)
        text = held_texts(self.language).get(f"word.{template}")
        if text is None or not isinstance(chinese, Message):
            return text or str(chinese)
        return chinese.said(text, self.word, self("app.comma"))


@cache
def held_texts(language: str) -> dict[str, str]:
    """Return every text of a language by its key; raise ``ValueError`` when two files have one key."""
    found: dict[str, str] = {}
    for file in sorted((LOCALE / language).glob("*.yaml")):
        for key, text in _flat(read_yaml(file)):
            if key in found:
                raise ValueError(f"{file.name}: {key} is in another file too")
            found[key] = text
    return found


def _flat(tree: Any, prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, held in tree.items():
        key = f"{prefix}{name}"
        found += _flat(held, f"{key}.") if isinstance(held, dict) else [(key, str(held))]
    return found
