"""Place a lineage as boxes and arrows; the page draws them as SVG."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.api.lineage import Lineage

BOX_WIDTH, BOX_HEIGHT = 214, 46
GAP_X, GAP_Y, MARGIN, ARROW_HEAD = 64, 14, 4, 6


@dataclass(frozen=True)
class Box:
    """One table or source system; ``x`` and ``y`` are its upper left corner."""

    name: str
    x: int
    y: int
    is_centre: bool


@dataclass(frozen=True)
class Drawing:
    """Boxes, and the paths of the arrows between them."""

    width: int
    height: int
    boxes: list[Box]
    arrows: list[str]


def draw(lineage: Lineage) -> Drawing:
    """Return the drawing: sources left, what is made right, each column centred."""
    columns = list(lineage.columns.items())
    height = max(_stack(len(names)) for _, names in columns) + 2 * MARGIN
    boxes: dict[str, Box] = {}
    for place, (distance, names) in enumerate(columns):
        top = (height - _stack(len(names))) // 2
        for row, name in enumerate(names):
            x, y = MARGIN + place * (BOX_WIDTH + GAP_X), top + row * (BOX_HEIGHT + GAP_Y)
            boxes[name] = Box(name, x, y, distance == 0)
    width = len(columns) * (BOX_WIDTH + GAP_X) - GAP_X + 2 * MARGIN
    return Drawing(width, height, list(boxes.values()), [_arrow(boxes[a], boxes[b]) for a, b in lineage.edges])


def _stack(count: int) -> int:
    return count * (BOX_HEIGHT + GAP_Y) - GAP_Y


def _arrow(start: Box, end: Box) -> str:
    x1, y1 = start.x + BOX_WIDTH, start.y + BOX_HEIGHT // 2
    x2, y2 = end.x - ARROW_HEAD, end.y + BOX_HEIGHT // 2
    bend = (x2 - x1) // 2
    return f"M{x1} {y1} C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"
