"""Topics come after what they read, and never wait for each other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lakehouse.pipeline.inputs import load_inputs
from lakehouse.pipeline.topics import build_order, topics_to_wait_for, upstream_topics

TOPICS = ["a", "b", "c", "d", "e"]


@st.composite
def reading_orders(draw: st.DrawFn) -> dict[str, list[str]]:
    """Which topics each topic reads, cycles and self-reads included."""
    return {topic: draw(st.lists(st.sampled_from(TOPICS), unique=True)) for topic in TOPICS}


def test_a_topic_waits_for_what_it_reads_directly_and_through_others() -> None:
    waits = topics_to_wait_for({"place": [], "person": ["place"], "living": ["person"], "economy": []})
    assert waits == {"place": [], "person": ["place"], "living": ["place", "person"], "economy": []}


def test_topics_that_read_each_other_do_not_wait() -> None:
    assert topics_to_wait_for({"a": ["b"], "b": ["a"], "c": ["a"]}) == {"a": [], "b": [], "c": ["a", "b"]}


@given(reading_orders())
def test_no_topic_waits_for_one_that_waits_for_it(upstream: dict[str, list[str]]) -> None:
    waits = topics_to_wait_for(upstream)
    for topic, before in waits.items():
        assert topic not in before
        assert all(topic not in waits[other] for other in before)


@given(reading_orders())
def test_without_cycles_every_topic_that_is_read_is_waited_for(upstream: dict[str, list[str]]) -> None:
    acyclic = {topic: [name for name in reads if name < topic] for topic, reads in upstream.items()}
    waits = topics_to_wait_for(acyclic)
    assert all(set(reads) <= set(waits[topic]) for topic, reads in acyclic.items())


def test_every_topic_is_built_after_all_that_it_reads_and_the_catalogue_last() -> None:
    inputs = load_inputs(checked=False)
    order = build_order(inputs)
    assert sorted(order) == sorted(inputs.topics)
    for position, topic in enumerate(order):
        assert set(upstream_topics(topic, inputs)) <= set(order[:position])
