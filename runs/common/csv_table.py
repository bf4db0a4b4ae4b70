"""Tables: CSV files as columns of text, which know where each of their cells stands in the file."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["CsvTable", "read_table"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CsvTable:
    """Cells of a CSV file by column.

    Attributes
    ----------
    where : what messages call the file
    cells : (rows,) texts by header, without blanks around them
    lines : (rows,) the line of the file in which each row ends, the header being in line 1
    error : makes what is raised out of a message
    """

    where: str
    cells: Mapping[str, list[str]]
    lines: list[int]
    error: Callable[[str], Exception]

    def __len__(self) -> int:
        return len(self.lines)

    def place(self, row: int) -> str:
        """Return the file and the line of a row, ``"day.csv, line 3"``."""
        return f"{self.where}, line {self.lines[row]}"

    def numbers(
        self, column: str, *, empty: float | None = None, finite: bool = True, beside: str | None = None
    ) -> Floats:
        """Return a column as numbers, (rows,).

        Parameters
        ----------
        column
        empty : what an empty cell stands for; without it an empty cell is refused
        finite : refuse inf and nan
        beside : another column, whose cell tells in messages which row it is

        Raises
        ------
        error
            A cell is no number: names the file, the line, the column and the cell.
        """
        values = np.empty(len(self))
        for row, cell in enumerate(self.cells[column]):
            value = empty if empty is not None and not cell else _number(cell)
            if value is None or (finite and not math.isfinite(value)):
                seen = f" at {self.cells[beside][row]}" if beside is not None else ""
                wanted = "a finite number" if finite else "a number"
                raise self.error(f"{self.place(row)}: {column} = {cell!r}{seen}; wanted {wanted}")
            values[row] = value
        return values


def read_table(file: Path | Traversable, error: Callable[[str], Exception], *, where: str | None = None) -> CsvTable:
    """Read a CSV file with one line of headers; blank lines are passed over.

    Parameters
    ----------
    file
    error : makes what is raised out of a message
    where : what messages about cells call the file; by default its whole path

    Raises
    ------
    error
        The file cannot be read or is no text, has no header, a header twice, or a line with more or fewer cells than the
        header.
    """
    unread = f"{file}: cannot be read as a CSV file"
    reader = None
    try:
        reader = csv.reader(file.read_text("utf-8-sig").splitlines())
        rows = [(reader.line_num, row) for row in reader if len(row) > 1 or any(cell.strip() for cell in row)]
    except (OSError, ValueError, csv.Error) as reason:
        if reader is not None and "field limit" in str(reason):
            raise error(
                f"{unread}: line {reader.line_num}: a cell has more than {csv.field_size_limit():,} characters; is a "
                "quotation mark open?"
            ) from None
        raise error(f"{unread}: {reason}") from None
    if not rows:
        raise error(f"{unread}: No columns; wanted a line of headers")
    header = [cell.strip() for cell in rows[0][1]]
    if twice := [name for k, name in enumerate(header) if name in header[:k]]:
        raise error(f"{where or file}: two columns are called {twice[0]!r}; give each a name of its own")
    for line, row in rows[1:]:
        if len(row) != len(header):
            lacking = f"; there is none for {header[len(row)]}" if len(row) < len(header) else ""
            raise error(f"{unread}: line {line}: {len(header)} cells are wanted, as in the first line{lacking}")
    cells = {name: [row[k].strip() for _, row in rows[1:]] for k, name in enumerate(header)}
    return CsvTable(where or str(file), cells, [line for line, _ in rows[1:]], error)


def _number(cell: str) -> float | None:
    """Return what a cell says; None where it says no number, as 1_000 does, which only Python takes for one."""
    try:
        return None if "_" in cell else float(cell)
    except ValueError:
        return None
