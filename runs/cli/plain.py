"""The style of all tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.table import Table

__all__ = ["plain_table"]


def plain_table(columns: Iterable[tuple[str, str]], **options: Any) -> Table:
    """Return an empty table in this project's style; `columns` are (header, "left" or "right")."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", title_justify="left", **options)
    for header, justify in columns:
        table.add_column(header, justify=justify)  # type: ignore[arg-type]
    return table
