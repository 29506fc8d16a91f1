"""Pairs and components on Spark, for as many people as there are."""

from __future__ import annotations

from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from spark_jobs.entities.definition import MAX_BLOCK, compared_columns
from spark_jobs.entities.rowwise import PREPARE, SCORE
from spark_jobs.entities.tables import ENTITY_TYPES
from spark_jobs.fingerprints import fingerprint

MAX_ROUNDS = 60  # of which each at least halves the way to the smallest key; 2^60 mentions on a line do not exist


def prepare(mentions: DataFrame) -> DataFrame:
    """Bring mentions into the form that is compared."""
    return mentions.mapInArrow(PREPARE, PREPARE.ddl)


def link(people: DataFrame) -> DataFrame:
    """Return the pairs of prepared mentions that are the same person, with what each comparison gave."""
    pairs = candidates(people)
    sides = {
        side: people.select(
            F.col("mention_key").alias(key), *(F.col(name).alias(alias) for name, alias in compared_columns(side))
        )
        for side, key in (("l", "left_key"), ("r", "right_key"))
    }
    compared = pairs.join(sides["l"], "left_key").join(sides["r"], "right_key")
    return compared.mapInArrow(SCORE, SCORE.ddl)


def candidates(people: DataFrame) -> DataFrame:
    """Return the pairs that share a blocking key, each once, with the keys that they share."""
    keyed = people.select("mention_key", F.explode("block_keys").alias("block_key"))
    sizes = keyed.groupBy("block_key").count().where(F.col("count").between(2, MAX_BLOCK)).select("block_key")
    useful = keyed.join(sizes, "block_key")
    left = useful.select("block_key", F.col("mention_key").alias("left_key"))
    right = useful.select("block_key", F.col("mention_key").alias("right_key"))
    pairs = left.join(right, "block_key").where(F.col("left_key") < F.col("right_key"))
    kinds = F.array_sort(F.collect_set(F.substring_index("block_key", ":", 1)))
    return pairs.groupBy("left_key", "right_key").agg(F.array_join(kinds, ",").alias("block_keys"))


def components(links: DataFrame) -> DataFrame:
    """Return ``(mention_key, entity_id)`` of all linked mentions: the entity is named by its smallest key.

    Large-star and small-star in turns (Kiveris et al., Connected Components in MapReduce and Beyond, 2014): the number of
    rounds grows with the logarithm of the longest chain, and no round needs more than the edges.
    """
    edges = _settled(links.select(F.col("right_key").alias("u"), F.col("left_key").alias("v")))
    before = ""
    for _ in range(MAX_ROUNDS):
        edges = _settled(_small_star(_large_star(edges)))
        now = str(fingerprint(edges).first())
        if now == before:
            break
        before = now
    else:
        raise RuntimeError("components did not settle")
    roots = edges.select(F.col("v").alias("mention_key"), F.col("v").alias("entity_id")).distinct()
    return edges.select(F.col("u").alias("mention_key"), F.col("v").alias("entity_id")).unionByName(roots)


def _large_star(edges: DataFrame) -> DataFrame:
    """Hang the larger neighbours of each mention on the smallest one around it."""
    both = edges.unionByName(edges.select(F.col("v").alias("u"), F.col("u").alias("v")))
    lowest = both.groupBy("u").agg(F.min("v").alias("m")).select("u", F.least("u", "m").alias("m"))
    hung = both.join(lowest, "u").where(F.col("v") > F.col("u"))
    return _edges(hung, F.col("v"), F.col("m"))


def _small_star(edges: DataFrame) -> DataFrame:
    """Hang each mention and its smaller neighbours on the smallest of them."""
    down = edges.select(F.greatest("u", "v").alias("u"), F.least("u", "v").alias("v"))
    lowest = down.groupBy("u").agg(F.min("v").alias("m"))
    near = _edges(down.join(lowest, "u"), F.col("v"), F.col("m"))
    return near.unionByName(_edges(lowest, F.col("u"), F.col("m"))).distinct()


def _edges(rows: DataFrame, upper: Column, lower: Column) -> DataFrame:
    return rows.where(upper != lower).select(upper.alias("u"), lower.alias("v")).distinct()


def _settled(edges: DataFrame) -> DataFrame:
    """Compute now and forget how: else each round would begin with all rounds before it."""
    return edges.localCheckpoint(eager=True, storageLevel=StorageLevel.DISK_ONLY)


def entities(people: DataFrame, links: DataFrame) -> DataFrame:
    """Return every mention with its entity, and whether the entity has two valid resident IDs, so that one is wrong."""
    found = people.join(components(links), "mention_key", "left").withColumn(
        "entity_id", F.coalesce("entity_id", "mention_key")
    )
    valid = F.when(F.col("is_id_valid"), F.col("id"))
    sizes = found.groupBy("entity_id").agg(
        F.count(F.lit(1)).cast("int").alias("entity_size"),
        (F.count_distinct(valid) > 1).alias("is_ambiguous"),
        F.min(valid).alias("entity_resident_id"),
    )
    named = found.join(sizes, "entity_id")
    return named.select(*ENTITY_TYPES)
