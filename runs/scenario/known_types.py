"""Agent types as the tables of a scenario name them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...agents import Society
from ..common.errors import ScenarioError
from ..common.plugins import find_type

__all__ = ["AGENT_SORTS", "TypeFinder", "agent_types"]

AGENT_SORTS = ("operator", "prosumer", "agent")
"""Sorts of tables that name a type and its facts."""


def agent_types(base: type[Society]) -> dict[str, type[Society]]:
    """Return every known type below a base, by class name."""
    found: dict[str, type[Society]] = {}
    queue = list(base.__subclasses__())
    while queue:
        cls = queue.pop()
        # A user's class is named by its file, not by chance of having been loaded before.
        if cls.__module__.startswith(__package__.partition(".")[0] + "."):
            found[cls.__name__] = cls
        queue += cls.__subclasses__()
    return dict(sorted(found.items()))


class TypeFinder:
    """Finds the types of agents.

    Parameters
    ----------
    folder : what paths of a user's files start from
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder, self._known = folder, agent_types(Society)
        self._found: dict[str, type[Society] | None] = {}

    def __call__(self, sort: str, table: Mapping[str, Any]) -> type[Society] | None:
        """Return the type of a table, None where there is none: then building the market says why.

        Parameters
        ----------
        sort : of the table, one of `AGENT_SORTS`; others name no type
        table
        """
        usual = {"operator": "MicrogridOperator", "agent": "Trader" if table.get("at") else "PeerTrader"}
        name = table.get("type", usual.get(sort))
        if sort not in AGENT_SORTS or not isinstance(name, str):
            return None
        if name not in self._found:
            try:
                self._found[name] = find_type(name, self._known, Society, where="type", folder=self._folder)
            except ScenarioError:
                self._found[name] = None
        return self._found[name]
