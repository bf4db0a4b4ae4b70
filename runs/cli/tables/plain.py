"""The style of all tables and of the numbers in them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from rich.table import Table

__all__ = ["number", "plain_table"]


def plain_table(columns: Iterable[tuple[str, str]], **options: Any) -> Table:
    """Return an empty table in this project's style; `columns` are (header, "left" or "right")."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", title_justify="left", **options)
    for header, justify in columns:
        table.add_column(header, justify=justify)  # type: ignore[arg-type]
    return table


def number(value: float | None, digits: int = 4) -> str:
    """Return a number with so many decimals, and never a negative zero.

    >>> number(-0.00001), number(2.5), number(None)
    ('0.0000', '2.5000', '-')
    """
    if value is None or not np.isfinite(value):
        return "-" if value is None or np.isnan(value) else ("inf" if value > 0 else "-inf")
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0.0 else text
