"""The questions of ``bench search``: built from real names, each with the one record that was meant.

A question is fair when it says enough: what it says literally is true of at most ten records; with a mistake in it, what
it says or nearly says, and it names at least what the record belongs to. A name that more records share is asked together with the names above it, the nearest first, until that holds; a name that stays shared with all
of them is left out. What is literally true is counted here with plain string search and with pypinyin's own reading of
the whole name, independent of every arm.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl
from pypinyin import Style, lazy_pinyin

from catalog.search.divisions import FORMER
from catalog.search.names import Named

KINDS = ("characters", "pinyin", "initials", "typo")
FORMER_NAME = "former"
FAIR = 10
SHORTEST = 3
LETTERS = "abcdefghijklmnopqrstuvwxyz"
TRIES = 20


@dataclass(frozen=True)
class Question:
    """What is typed, and the record that is meant."""

    kind: str
    typed: str
    ref: str

    def to_json(self) -> dict[str, str]:
        return asdict(self)


class Oracle:
    """Counts the records of which words are literally true."""

    def __init__(self, things: Sequence[Named]) -> None:
        self._things = things
        distinct = sorted({thing.name for thing in things})
        spelled = {name: "".join(lazy_pinyin(name)).lower() for name in distinct}
        begun = {name: "".join(lazy_pinyin(name, style=Style.FIRST_LETTER)).lower() for name in distinct}
        self.forms: dict[str, dict[str, str]] = {
            "characters": {name: name for name in distinct},
            "pinyin": {name: _typed(text) for name, text in spelled.items()},
            "initials": {name: _typed(text) for name, text in begun.items()},
        }
        above = [self.names_above(place) for place in range(len(things))]
        columns = {}
        for form, texts in self.forms.items():
            columns[form] = [texts[thing.name] for thing in things]
            columns[f"{form}.above"] = ["\n".join(texts[name] for name in names) for names in above]
        self.table = pl.DataFrame(columns)

    def names_above(self, place: int) -> list[str]:
        """Return the names above a record, the nearest first."""
        names = []
        above = self._things[place].above
        while above is not None:
            names.append(self._things[above].name)
            above = self._things[above].above
        return names

    def count(self, form: str, own: str, above: Sequence[str]) -> int:
        """Return how many records have ``own`` in their name, and all of ``above`` in names above."""
        held = pl.col(form).str.contains(own, literal=True)
        for word in above:
            held &= pl.col(f"{form}.above").str.contains(word, literal=True)
        return int(self.table.select(held.sum()).item())

    def count_near(self, form: str, own: str, above: Sequence[str]) -> int:
        """Return how many records have ``own`` in their name or a name one mistake away, and all of ``above``."""
        held = pl.lit(True)
        for word in above:
            held &= pl.col(f"{form}.above").str.contains(word, literal=True)
        literally = pl.col(form).str.contains(own, literal=True)
        is_long_enough = pl.col(form).str.len_chars().is_between(len(own) - 1, len(own) + 1)
        close = self.table.filter(held & (literally | is_long_enough))[form].to_list()
        return sum(own in name or is_near(own, name) for name in close)


def is_near(one: str, other: str) -> bool:
    """Tell by the textbook's table whether two texts are at most one insertion, deletion, replacement or swap apart."""
    if abs(len(one) - len(other)) > 1:
        return False
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, start=1):
        above, before, row = before, row, [i]
        for j, right in enumerate(other, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (left != right))
            if i > 1 and j > 1 and left == other[j - 2] and one[i - 2] == right:
                cost = min(cost, above[j - 2] + 1)
            row.append(cost)
    return row[-1] <= 1


def questions(things: Sequence[Named], oracle: Oracle, each: int, seed: int) -> tuple[list[Question], dict[str, Any]]:
    """Return ``each`` questions of every kind and as many of old names, and what was left out as unfair."""
    dice = random.Random(seed)  # noqa: S311  # no secret is made of it
    places = [place for place, thing in enumerate(things) if thing.level != FORMER and len(thing.name) >= SHORTEST]
    asked: list[Question] = []
    left_out: dict[str, int] = {}
    makers: dict[str, Callable[[random.Random, Oracle, str], tuple[str, str, str]]] = {
        "characters": _characters,
        "pinyin": lambda _dice, o, name: ("pinyin", o.forms["pinyin"][name], ""),
        "initials": lambda _dice, o, name: ("initials", o.forms["initials"][name], ""),
        "typo": _typo,
    }
    for kind, make in makers.items():
        made = 0
        while made < each:
            place = dice.choice(places)
            question = _fair(kind, make, dice, oracle, things, place)
            if question is None:
                left_out[kind] = left_out.get(kind, 0) + 1
                continue
            asked.append(question)
            made += 1
    former = [thing for thing in things if thing.level == FORMER]
    asked += [Question(FORMER_NAME, thing.name, thing.ref) for thing in dice.sample(former, min(each, len(former)))]
    dice.shuffle(asked)
    return asked, {"left_out_as_unfair": left_out}


def _fair(
    kind: str,
    make: Callable[[random.Random, Oracle, str], tuple[str, str, str]],
    dice: random.Random,
    oracle: Oracle,
    things: Sequence[Named],
    place: int,
) -> Question | None:
    name = things[place].name
    form, own, mistaken = make(dice, oracle, name)
    if not own:
        return None
    names = [oracle.forms[form][above] for above in oracle.names_above(place)]
    for count in range(min(1, len(names)) if mistaken else 0, len(names) + 1):
        said = oracle.count_near(form, mistaken, names[:count]) if mistaken else oracle.count(form, own, names[:count])
        if said <= FAIR:
            return Question(kind, " ".join([*names[:count][::-1], mistaken or own]), things[place].ref)
    return None


def _characters(dice: random.Random, _oracle: Oracle, name: str) -> tuple[str, str, str]:
    """A whole name, or a piece of it of three characters and more."""
    if dice.random() < 0.4:
        return "characters", name, ""
    size = dice.randint(SHORTEST, len(name))
    start = dice.randint(0, len(name) - size)
    return "characters", name[start : start + size].strip(), ""


def _typo(dice: random.Random, oracle: Oracle, name: str) -> tuple[str, str, str]:
    """A whole name with one mistake, in characters or in pinyin."""
    if dice.random() < 0.5:
        others = [dice.choice(list(oracle.forms["characters"])) for _ in range(3)]
        return "characters", name, _mistaken(dice, name, "".join(others))
    letters = oracle.forms["pinyin"][name]
    return "pinyin", letters, _mistaken(dice, letters, LETTERS)


def _mistaken(dice: random.Random, text: str, others: str) -> str:
    """Return a text with one symbol replaced, dropped or added, or two neighbours swapped; never the text itself."""
    for _ in range(TRIES):
        at, other = dice.randrange(len(text)), dice.choice(others)
        way = dice.choice(("replaced", "dropped", "added", "swapped"))
        made = {
            "replaced": text[:at] + other + text[at + 1 :],
            "dropped": text[:at] + text[at + 1 :],
            "added": text[:at] + other + text[at:],
            "swapped": text[:at] + text[at : at + 2][::-1] + text[at + 2 :],
        }[way]
        if made != text and not any(character.isspace() for character in made):
            return made
    return text[:-1]


def _typed(text: str) -> str:
    """Return pinyin as it is typed: letters and digits only."""
    return "".join(_letters(text))


def _letters(text: str) -> Iterator[str]:
    return (character for character in text if character.isascii() and character.isalnum())
