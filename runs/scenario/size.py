"""What a run would take, told before anything large is drawn or built."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..common.errors import ScenarioError
from .schema import ScenarioSpec

__all__ = ["Size", "check_size", "machine_memory", "size_words", "table_size"]

_GB = 1e9
_START = 150_000_000
_PER_ROW, _PER_NUMBER, _PER_LINE, _PER_TRADE = 500, 64, 1000, 4500
"""Bytes: of the program, a row, a row in a period, a tie-line and a trade in the graph; measured on runs of 10⁵ to 10⁶ rows."""

_CGROUP = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@dataclass(frozen=True)
class Size:
    """How large a market is.

    Attributes
    ----------
    agents : prosumers, operators and others that answer
    rows : one for each agent and balance that it is in: as many messages are sent in a tick
    periods
    lines : tie-lines
    trades : balances that stand in a bipartite graph of their own
    smaller : what makes it smaller, in words
    """

    agents: int
    rows: int
    periods: int
    lines: int = 0
    trades: int = 0
    smaller: str = "agents or periods"

    @property
    def memory(self) -> int:
        """Bytes that a run takes, about."""
        graph = self.lines * _PER_LINE + self.trades * _PER_TRADE
        return _START + self.rows * (_PER_ROW + self.periods * _PER_NUMBER) + graph


def table_size(spec: ScenarioSpec) -> Size:
    """Return how large the market of a scenario's own tables is."""
    prosumers = sum(prosumer.count for one in spec.microgrid for prosumer in one.prosumer)
    agents = prosumers + len(spec.microgrid) + len(spec.agent)
    trades = len(spec.trade) + len(spec.balance)
    rows = agents + 2 * len(spec.tie_line) + sum(len(one.at) for one in spec.agent) + 2 * len(spec.trade)
    return Size(agents, rows, spec.periods, lines=len(spec.tie_line), trades=trades)


def size_words(size: Size) -> str:
    """Return what a run takes, in words."""
    return (
        f"{size.agents:,} agents, {size.rows:,} rows × {size.periods:,} periods, {size.rows:,} messages a tick, "
        f"about {_gigabytes(size.memory)} GB of memory"
    )


def check_size(size: Size, name: str, limit: float | None = None) -> None:
    """Refuse a market that memory does not hold.

    Parameters
    ----------
    size
    name : of the scenario
    limit : GB that a run may take; None for what this machine has

    Raises
    ------
    ScenarioError
        It takes more; says how much, and what would make it smaller.
    """
    allowed = machine_memory() if limit is None else limit * _GB
    if allowed is None or size.memory <= allowed:
        return
    there = f"this machine has {_gigabytes(allowed)} GB" if limit is None else f"the size limit is {limit:g} GB"
    raise ScenarioError(
        f"{name} is too large: {size_words(size)}, and {there}. Fewer {size.smaller} make it smaller; "
        f"--size-limit {math.ceil(size.memory / _GB)} (GB) tries all the same"
    )


def machine_memory() -> int | None:
    """Return the bytes of memory that this process may have; None where the system does not say."""
    found = []
    with suppress(AttributeError, OSError, ValueError):  # Windows has no sysconf
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for file in _CGROUP:
        with suppress(OSError, ValueError):  # there is no such group, or no limit: "max"
            found.append(int(Path(file).read_text()))
    with suppress(ImportError):  # nor has it resource
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        found += [limit] if limit != resource.RLIM_INFINITY else []
    return min(found) if found else None


def _gigabytes(size: float) -> str:
    return f"{size / _GB:,.1f}" if size < 100 * _GB else f"{size / _GB:,.0f}"
