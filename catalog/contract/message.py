"""A sentence for people that is put together from parts, such as a refusal: it keeps what it was put together from.

Whoever shows it can say it in another language; whoever does not care has its Chinese text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


class Message(str):
    """A Chinese text that was filled from a template: ``Message("没有账号 {account}", account=name)``.

    A value may be a message itself, or a list of words, which is written as one.
    """

    __slots__ = ("template", "values")
    template: str
    values: Mapping[str, Any]

    def __new__(cls, template: str, /, **values: Any) -> Message:
        """Return the text with its parts; a text without parts is taken as it stands."""
        made = super().__new__(cls, _filled(template, values, str, "、") if values else template)
        made.template, made.values = template, values
        return made

    def __str__(self) -> str:
        """Return the message itself, so that it stays one when an exception is asked for its text."""
        return self

    def said(self, template: str, word: Callable[[Any], str], comma: str) -> str:
        """Return it by a template of another language; ``word`` says words and messages in it, ``comma`` parts a list."""
        return _filled(template, self.values, word, comma)


def _filled(template: str, values: Mapping[str, Any], word: Callable[[Any], str], comma: str) -> str:
    return template.format(**{name: _part(value, word, comma) for name, value in values.items()})


def _part(value: Any, word: Callable[[Any], str], comma: str) -> Any:
    if isinstance(value, list | tuple):
        return comma.join(word(one) for one in value)
    return word(value) if isinstance(value, str) else value
