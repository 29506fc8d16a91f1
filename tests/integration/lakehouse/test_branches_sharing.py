"""The standing branch: several writers, topics that adopt from it, and keeping up with main."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lakehouse.branches import (
    BranchError,
    PublishConflict,
    adopt,
    diverged,
    join_branch,
    open_branch,
    publish,
    rebase,
)
from lakehouse.connect.settings import Settings

pytestmark = pytest.mark.integration

Add = Callable[..., bool]
Count = Callable[..., int]


def test_cooperating_writers_share_token_and_tables(settings: Settings, add_persons: Add, count: Count) -> None:
    one, two = join_branch(settings, "inbound"), join_branch(settings, "inbound")
    add_persons(one, "gaj.a", 0, 5, batch="b1")
    add_persons(two, "gaj.a", 5, 9, batch="b2")

    assert one == two
    assert count("gaj.a", "inbound") == 9


def test_topic_adopts_publishes_and_inbound_has_nothing_left(
    settings: Settings, add_persons: Add, count: Count
) -> None:
    inbound = join_branch(settings, "inbound")
    add_persons(inbound, "gaj.a", 0, 5, batch="b1")
    add_persons(inbound, "mzj.b", 0, 5, batch="b1")
    topic = open_branch(settings, "topic")
    assert diverged(settings, "inbound") == ["gaj.a", "mzj.b"]

    adopt(settings, topic, "inbound", ["gaj.a"])
    publish(settings, topic)

    assert (count("gaj.a"), count("mzj.b")) == (5, -1)
    assert diverged(settings, "inbound") == ["mzj.b"]


def test_inbound_moves_on_while_a_topic_publishes_and_the_next_topic_takes_the_rest(
    settings: Settings, add_persons: Add, count: Count
) -> None:
    inbound = join_branch(settings, "inbound")
    add_persons(inbound, "gaj.a", 0, 5, batch="b1")
    topic = open_branch(settings, "topic")
    adopt(settings, topic, "inbound", ["gaj.a"])
    add_persons(inbound, "gaj.a", 5, 9, batch="b2")
    publish(settings, topic)

    assert (count("gaj.a"), count("gaj.a", "inbound")) == (5, 9)
    assert diverged(settings, "inbound") == ["gaj.a"]
    assert rebase(settings, inbound, ["gaj.a"]) == []

    later = open_branch(settings, "later")
    adopt(settings, later, "inbound", ["gaj.a"])
    publish(settings, later)
    assert count("gaj.a") == 9


def test_two_topics_that_share_a_resource_both_publish(settings: Settings, add_persons: Add, count: Count) -> None:
    inbound = join_branch(settings, "inbound")
    add_persons(inbound, "gaj.a", 0, 5, batch="b1")
    one, two = open_branch(settings, "one"), open_branch(settings, "two")
    for topic in (one, two):
        adopt(settings, topic, "inbound", ["gaj.a"])
        add_persons(topic, f"topic.{topic.name}", 0, 1, batch="t")

    publish(settings, one)

    assert publish(settings, two).tables_changed == ["topic.two"]
    assert count("gaj.a") == 5


def test_topic_opened_before_another_published_the_resource_still_adopts_newer_rows(
    settings: Settings, add_persons: Add, count: Count
) -> None:
    inbound = join_branch(settings, "inbound")
    add_persons(inbound, "gaj.a", 0, 5, batch="b1")
    early = open_branch(settings, "early")
    other = open_branch(settings, "other")
    adopt(settings, other, "inbound", ["gaj.a"])
    publish(settings, other)
    add_persons(inbound, "gaj.a", 5, 9, batch="b2")

    adopt(settings, early, "inbound", ["gaj.a"])
    publish(settings, early)

    assert count("gaj.a") == 9


def test_joining_brings_untouched_tables_up_to_main(settings: Settings, add_persons: Add, count: Count) -> None:
    join_branch(settings, "inbound")
    run = open_branch(settings, "run")
    add_persons(run, "gaj.a", 0, 5, batch="b1")
    publish(settings, run)

    join_branch(settings, "inbound")

    assert count("gaj.a", "inbound") == 5
    assert diverged(settings, "inbound") == []


def test_adopting_what_would_undo_main_is_refused_until_rebased(
    settings: Settings, add_persons: Add, count: Count
) -> None:
    inbound = join_branch(settings, "inbound")
    add_persons(inbound, "gaj.a", 0, 5, batch="b1")
    run = open_branch(settings, "run")
    add_persons(run, "gaj.a", 0, 8, batch="b9")
    publish(settings, run)
    topic = open_branch(settings, "topic")

    with pytest.raises(PublishConflict, match="rebase"):
        adopt(settings, topic, "inbound", ["gaj.a"])

    assert rebase(settings, inbound, ["gaj.a"]) == ["gaj.a"]
    assert count("gaj.a", "inbound") == 8
    assert add_persons(inbound, "gaj.a", 8, 10, batch="b1"), "the batch that was reset can be loaded again"
    adopt(settings, topic, "inbound", ["gaj.a"])
    publish(settings, topic)
    assert count("gaj.a") == 10


def test_adopting_an_unknown_table_adopts_nothing(settings: Settings, add_persons: Add, count: Count) -> None:
    inbound = join_branch(settings, "inbound")
    add_persons(inbound, "gaj.a", 0, 5, batch="b1")
    topic = open_branch(settings, "topic")

    with pytest.raises(BranchError, match=r"gaj\.nowhere"):
        adopt(settings, topic, "inbound", ["gaj.a", "gaj.nowhere"])

    assert count("gaj.a", "topic") == -1
