"""Who is the same person: the one definition that both engines run.

Registers name people without a resident ID, or with a wrong one. Two mentions are compared when they share a blocking key;
each comparison gives whole points, so that no engine can round; from :data:`THRESHOLD` points on the two are linked, and
people who are linked, directly or through others, are one entity. Everything about one row or one pair is a DuckDB
statement here, which Spark runs on its workers; only joining and grouping is done by each engine in its own way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import lru_cache

from pypinyin import Style, lazy_pinyin

from catalog.contract.model import Contract, Property
from catalog.derive.sql_predicates import literal, quote, resident_id_tests
from lakehouse.ingest.values import parsed, trimmed

THRESHOLD = 45
MAX_BLOCK = 400  # mentions that share a key; a larger block says little, and costs its square

# Rows of a table, and rows of quarantine whose resident ID is what is wrong with them.
MENTION_COLUMNS = {
    "mention_key": "varchar",
    "register": "varchar",
    "person_name": "varchar",
    "resident_id": "varchar",
    "birth_date": "date",
    "sex_code": "varchar",
    "division_code": "varchar",
    "address_text": "varchar",
    "phone": "varchar",
}


@dataclass(frozen=True)
class Mention:
    """Where a register names a person, and in which columns; None where it does not say."""

    resource: str
    role: str
    name: str
    resident_id: str | None = None
    birth_date: str | None = None
    sex_code: str | None = None
    division_code: str | None = None
    address_text: str | None = None
    phone: str | None = None

    @property
    def columns(self) -> dict[str, str | None]:
        """Return the column of the register for each column of a mention."""
        rest = {field.name: getattr(self, field.name) for field in fields(self)}
        return {"person_name": self.name} | {name: rest[name] for name in list(MENTION_COLUMNS)[3:]}


MENTIONS = (
    Mention(
        "gaj.resident", "person", "person_name", "resident_id", "birth_date", "sex_code", "division_code",
        "address_text", "phone",
    ),
    Mention("gaj.residence_permit", "person", "person_name", "resident_id", division_code="division_code"),
    Mention("jyj.student", "person", "person_name", "resident_id"),
    Mention("mzj.marriage", "husband", "husband_name", "husband_resident_id"),
    Mention("mzj.marriage", "wife", "wife_name", "wife_resident_id"),
    Mention("mzj.subsistence_allowance", "person", "person_name", "resident_id", division_code="division_code"),
    Mention("rsj.social_insurance", "person", "person_name", "resident_id"),
    Mention("scjg.enterprise", "legal_rep", "legal_rep_name", "legal_rep_resident_id"),
    Mention("wjw.birth", "child", "child_name", None, "birth_date", "sex_code"),
    Mention("wjw.death", "person", "person_name", "resident_id"),
    Mention("ylbj.medical_insurance", "person", "person_name", "resident_id", division_code="division_code"),
    Mention("zrzy.real_estate", "owner", "owner_name", "owner_resident_id"),
)  # fmt: skip


def accepted_mentions(mention: Mention, contract: Contract, relation: str) -> str:
    """Return the query of the mentions in a table."""
    key = ", ".join(f"cast({quote(name)} as varchar)" for name in contract.primary_key)
    values = [
        f"cast({'null' if column is None else quote(column)} as {MENTION_COLUMNS[name]}) as {name}"
        for name, column in mention.columns.items()
    ]
    identity = f"concat_ws('|', {literal(mention.resource)}, {literal(mention.role)}, {key}) as mention_key"
    return (
        f"select {identity}, {literal(mention.resource)} as register, {', '.join(values)} from {relation}"
        f" where {quote(mention.name)} is not null"
    )


def refused_mentions(mention: Mention, contract: Contract, relation: str) -> str:
    """Return the query of the mentions in a quarantine table, of rows that were refused for their resident ID."""
    properties = {prop.name: prop for prop in contract.properties}
    values = [
        f"cast({'null' if column is None else _received(properties[column])} as {MENTION_COLUMNS[name]}) as {name}"
        for name, column in mention.columns.items()
    ]
    identity = (
        f"concat_ws('|', {literal(mention.resource)}, {literal(mention.role)}, batch_id, row_number) as mention_key"
    )
    return (
        f"select {identity}, {literal(mention.resource)} as register, {', '.join(values)} from {relation}"
        f" where column_name = {literal(mention.resident_id or '')} and {_received(properties[mention.name])} is not null"
    )


def _received(prop: Property) -> str:
    path = "$." + quote(prop.physical_name)
    return parsed(trimmed(f"json_extract_string(raw, {literal(path)})"), prop)


@lru_cache(maxsize=1 << 16)
def initials(name: str) -> str:
    """Return the first letters of a name's pinyin; blanks go, other characters stay as they are."""
    return "".join(lazy_pinyin("".join(name.split()), style=Style.FIRST_LETTER)).upper()


FULL_WIDTH = "０１２３４５６７８９ＸｘＹ"
_ID = f"nullif(upper(translate(replace(replace(resident_id, ' ', ''), '　', ''), '{FULL_WIDTH}', '0123456789XXY')), '')"
_IS_18 = "regexp_full_match(id, '[0-9]{17}[0-9X]')"
_BORN = f"case when {_IS_18} then try_strptime(substr(id, 7, 8), '%Y%m%d')::date end"
_SEX = f"case when {_IS_18} then case when substr(id, 17, 1)::int % 2 = 1 then '1' else '2' end end"


def prepared(relation: str) -> str:
    """Return the query that brings mentions, which have ``initials``, into the form that is compared.

    What a resident ID says of birth and sex stands in where the register does not say it.
    """
    plain = (
        f"select mention_key, register, person_name, resident_id, initials, {_ID} as id,"
        " nullif(upper(replace(replace(replace(person_name, ' ', ''), '　', ''), '•', '·')), '') as name,"
        " birth_date, sex_code, division_code, nullif(replace(replace(address_text, ' ', ''), '　', ''), '') as address,"
        f" nullif(regexp_replace(phone, '[^0-9]', '', 'g'), '') as phone from {relation}"
    )
    known = (
        f"select * exclude (birth_date, sex_code), coalesce(birth_date, {_BORN}) as birth_date,"
        f" coalesce(case when sex_code in ('1', '2') then sex_code end, {_SEX}) as sex_code,"
        f" coalesce({' and '.join(resident_id_tests('id'))}, false) as is_id_valid from ({plain})"
    )
    columns = ", ".join(PREPARED_COLUMNS)
    return f"select {columns} from (select *, {_blocking_keys()} as block_keys from ({known}))"


PREPARED_COLUMNS = {
    "mention_key": "varchar",
    "register": "varchar",
    "person_name": "varchar",
    "resident_id": "varchar",
    "initials": "varchar",
    "id": "varchar",
    "is_id_valid": "boolean",
    "name": "varchar",
    "birth_date": "date",
    "sex_code": "varchar",
    "division_code": "varchar",
    "address": "varchar",
    "phone": "varchar",
    "block_keys": "varchar[]",
}

# A key is null, and blocks nothing, where one of its parts is missing.
BLOCKING = {
    "id": "id",
    "id_without_check": "case when length(id) >= 17 then substr(id, 1, 17) end",
    "id_without_division": "case when length(id) = 18 then substr(id, 7) end",
    "old_id": "case when length(id) = 15 then id when length(id) = 18 then substr(id, 1, 6) || substr(id, 9, 9) end",
    "initials_birth": "initials || strftime(birth_date, '%Y%m%d')",
    "name_phone": "name || phone",
    "name_division": "name || division_code",
}


def _blocking_keys() -> str:
    keys = ", ".join(f"{literal(name + ':')} || {expression}" for name, expression in BLOCKING.items())
    return f"list_sort(list_filter([{keys}], lambda key: key is not null))"


def _case(*ways: tuple[str, int], otherwise: int = 0) -> str:
    return "case " + " ".join(f"when {test} then {points}" for test, points in ways) + f" else {otherwise} end"


def _both(column: str) -> str:
    return f"(l_{column} is not null and r_{column} is not null)"


_OLD = "substr({0}_id, 1, 6) || substr({0}_id, 9, 9) = {1}_id and length({1}_id) = 15 and length({0}_id) = 18"
_OTHER_CHARACTERS = (
    "list_sum(list_transform(range(1, length(l_name) + 1),"
    " lambda i: case when substr(l_name, i, 1) = substr(r_name, i, 1) then 0 else 1 end))"
)
_SHARED = "len(list_intersect({0}, {1}))"


def _bigrams(text: str) -> str:
    return f"list_distinct(list_transform(range(1, greatest(length({text}), 2)), lambda i: substr({text}, i, 2)))"


def _similar(share: str) -> str:
    """Tell whether two addresses share at least a part of their pairs of characters (Jaccard), without division."""
    left, right = _bigrams("l_address"), _bigrams("r_address")
    shared = _SHARED.format(left, right)
    return f"{shared} >= {share} * (len({left}) + len({right}) - {shared})"


# What each comparison gives. Two valid numbers that differ are two people, whatever else is alike: twins share the rest.
COMPARISONS = {
    "id_points": _case(
        (f"not {_both('id')}", 0),
        ("l_id = r_id", 60),
        ("l_is_id_valid and r_is_id_valid", -60),
        (_OLD.format("l", "r"), 40),
        (_OLD.format("r", "l"), 40),
        # hamming() wants texts of the same number of bytes
        ("case when strlen(l_id) = strlen(r_id) then hamming(l_id, r_id) <= 2 else false end", 15),
        otherwise=-20,
    ),
    "name_points": _case(
        (f"not {_both('name')}", 0),
        ("l_name = r_name", 25),
        ("length(l_name) = length(r_name) and l_initials = r_initials", 8),
        (f"length(l_name) = length(r_name) and length(l_name) > 2 and {_OTHER_CHARACTERS} = 1", 8),
        otherwise=-30,
    ),
    "birth_points": _case(
        (f"not {_both('birth_date')}", 0),
        ("l_birth_date = r_birth_date", 20),
        ("year(l_birth_date) = year(r_birth_date) and month(l_birth_date) = day(r_birth_date)"
         " and day(l_birth_date) = month(r_birth_date)", 10),
        ("(year(l_birth_date) = year(r_birth_date))::int + (month(l_birth_date) = month(r_birth_date))::int"
         " + (day(l_birth_date) = day(r_birth_date))::int = 2", 5),
        otherwise=-20,
    ),
    "sex_points": _case((f"not {_both('sex_code')}", 0), ("l_sex_code = r_sex_code", 2), otherwise=-15),
    "phone_points": _case((f"{_both('phone')} and l_phone = r_phone", 20)),
    "address_points": _case(
        (f"not {_both('address')}", 0), (_similar("0.8"), 15), (_similar("0.5"), 7)
    ),
    "division_points": _case(
        (f"not {_both('division_code')}", 0),
        ("left(l_division_code, 9) = left(r_division_code, 9)", 6),
        ("left(l_division_code, 6) = left(r_division_code, 6)", 2),
    ),
}  # fmt: skip

COMPARED = ("id", "is_id_valid", "name", "initials", "birth_date", "sex_code", "division_code", "address", "phone")
LINK_COLUMNS = {
    "left_key": "varchar",
    "right_key": "varchar",
    "score": "integer",
    **dict.fromkeys(COMPARISONS, "integer"),
    "block_keys": "varchar",
}


def scored(relation: str) -> str:
    """Return the query of the links among pairs, which have ``l_`` and ``r_`` columns and the keys that they share."""
    points = ", ".join(f"cast({expression} as integer) as {name}" for name, expression in COMPARISONS.items())
    total = " + ".join(COMPARISONS)
    columns = ", ".join(LINK_COLUMNS)
    return (
        f"select {columns} from (select *, cast({total} as integer) as score from"
        f" (select left_key, right_key, block_keys, {points} from {relation})) where score >= {THRESHOLD}"
    )


def compared_columns(side: str) -> Iterable[tuple[str, str]]:
    """Yield the columns of a prepared mention that are compared, with their names in a pair."""
    return ((name, f"{side}_{name}") for name in COMPARED)
