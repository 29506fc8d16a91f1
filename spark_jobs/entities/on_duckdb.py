"""Pairs and components on one machine, for small cities, and to hold against Spark's."""

from __future__ import annotations

import pyarrow as pa

from lakehouse.connect.duck import Connection
from spark_jobs.entities.definition import MAX_BLOCK, compared_columns
from spark_jobs.entities.rowwise import PREPARE, SCORE


def resolve(con: Connection, mentions: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Return entities and links of mentions, as ``on_spark`` does."""
    people = PREPARE.table(con, mentions)
    links = link(con, people)
    con.register("people", people)
    con.register("component", components(links))
    rows = con.execute(
        "with found as (select p.*, coalesce(c.entity_id, p.mention_key) as entity_id"
        " from people p left join component c using (mention_key)),"
        " size as (select entity_id, count(*)::integer as entity_size,"
        " count(distinct case when is_id_valid then id end) > 1 as is_ambiguous,"
        " min(case when is_id_valid then id end) as entity_resident_id from found group by entity_id)"
        " select mention_key, entity_id, entity_size, is_ambiguous, entity_resident_id, register, person_name, resident_id,"
        " birth_date, sex_code, division_code from found join size using (entity_id) order by mention_key"
    ).to_arrow_table()
    return rows, links


def link(con: Connection, people: pa.Table) -> pa.Table:
    """Return the pairs of prepared mentions that are the same person."""
    con.register("people", people)
    sides = [", ".join(f"{side}.{name} as {alias}" for name, alias in compared_columns(side)) for side in ("l", "r")]
    con.execute(
        "create or replace temp table pair as"
        " with keyed as (select mention_key, unnest(block_keys) as block_key from people),"
        f" useful as (select block_key from keyed group by block_key having count(*) between 2 and {MAX_BLOCK})"
        " select l.mention_key as left_key, r.mention_key as right_key,"
        " array_to_string(list_sort(list_distinct(list(split_part(l.block_key, ':', 1)))), ',') as block_keys"
        " from keyed l join keyed r using (block_key) join useful using (block_key)"
        " where l.mention_key < r.mention_key group by all"
    )
    compared = con.execute(
        f"select left_key, right_key, pair.block_keys, {', '.join(sides)} from pair"
        " join people l on l.mention_key = left_key join people r on r.mention_key = right_key"
    ).to_arrow_table()
    return SCORE.table(con, compared)


def components(links: pa.Table) -> pa.Table:
    """Return ``(mention_key, entity_id)`` of all linked mentions, by joining sets."""
    above: dict[str, str] = {}

    def root(key: str) -> str:
        top = key
        while above[top] != top:
            top = above[top]
        while above[key] != top:
            above[key], key = top, above[key]
        return top

    for left, right in zip(links["left_key"].to_pylist(), links["right_key"].to_pylist(), strict=True):
        one, other = sorted((root(above.setdefault(left, left)), root(above.setdefault(right, right))))
        above[other] = one
    keys = sorted(above)
    return pa.table(
        {"mention_key": pa.array(keys, pa.string()), "entity_id": pa.array([root(key) for key in keys], pa.string())}
    )
