"""Which topics a topic waits for, so that one delivery builds each topic once and not once per predecessor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def topics_to_wait_for(upstream: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return, per topic, the topics that come before it: those it reads, directly or through others.

    Topics that read each other, directly or around a corner, never wait for one another.
    """
    reached = {topic: _reached(topic, upstream) for topic in upstream}
    return {
        topic: [name for name in upstream if name in before and topic not in reached[name]]
        for topic, before in reached.items()
    }


def _reached(topic: str, upstream: Mapping[str, Sequence[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(upstream[topic])
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += upstream[name]
    return found
