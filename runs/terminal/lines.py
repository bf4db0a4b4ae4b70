"""Lines of styled words, which go to the terminal one by one and only where they have changed."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from ..common.palette import TERMINAL

__all__ = ["Line", "Lines", "blocks", "fitted"]

Word = tuple[str, str]
Line = tuple[Word, ...]
"""Pieces of text, each with the name of a style, "" for none."""

STYLES = {name: Style.parse(style) for name, style in TERMINAL.items()}

BLOCKS = " ▁▂▃▄▅▆▇█"


class Lines(Widget):
    """Shows lines, and repaints those that are others than before."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._lines: list[Line] = []

    @property
    def lines(self) -> list[str]:
        """What is shown, as plain text."""
        return ["".join(text for text, _ in line) for line in self._lines]

    def show(self, lines: Sequence[Line]) -> None:
        """Show other lines."""
        before, self._lines = self._lines, list(lines)
        for y in range(max(len(before), len(self._lines))):
            if before[y : y + 1] != self._lines[y : y + 1]:
                self.refresh(Region(0, y, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        """Return a line as the screen wants it."""
        line = self._lines[y] if y < len(self._lines) else ()
        strip = Strip([Segment(text, self.rich_style + STYLES[style]) for text, style in line])
        return strip.adjust_cell_length(self.size.width, self.rich_style)


def fitted(text: str, width: int) -> str:
    """Return a text that takes so many cells, cut where it is longer."""
    return set_cell_size(text, width) if cell_len(text) <= width else f"{set_cell_size(text, max(width - 1, 0))}…"


def blocks(parts: Sequence[float], height: int) -> list[str]:
    """Return columns of blocks, line by line from the top; each part is 0 .. 1 of the height, NaN for no column.

    >>> blocks([0.0, 0.5, 1.0], 2)
    ['  █', '▁██']
    """
    eighths = [0 if part != part else max(round(min(max(part, 0.0), 1.0) * 8 * height), 1) for part in parts]
    return [
        "".join(BLOCKS[min(max(tall - 8 * below, 0), 8)] for tall in eighths) for below in range(height - 1, -1, -1)
    ]
