"""A result as a notebook shows it: the outcome and two short tables."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["result_html"]

_ROWS = 10
"""Rows of each table; what there is more is counted."""


def result_html(headline: str, agents: pd.DataFrame, balances: pd.DataFrame) -> str:
    """Return a result as HTML: a headline, which is text, and the first rows of what its methods return."""
    return f"<div><p>{escape(headline)}</p>{_table(agents, 'agents')}{_table(balances, 'balances')}</div>"


def _table(found: pd.DataFrame, what: str) -> str:
    more = len(found) - _ROWS
    rest = f"<p>and {more} more rows in <code>result.{what}()</code></p>" if more > 0 else ""
    # Numbers of kW and $ to the last digit would be wider than the page.
    return str(found.head(_ROWS).to_html(index=False, float_format="{:.4f}".format, na_rep="")) + rest
