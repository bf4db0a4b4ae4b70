"""A society: all agents of one type in columns, and each agent as a window on its row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from .batch import is_batched, once_per_agent
from .errors import AgentError
from .facts import Fact, check_names, facts_of, port_count_of, shape_of, with_facts
from .local_problem import LocalProblem
from .period import Period
from .rows import RowLayout

__all__ = ["Society"]

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.integer]

_SOLVES = ("respond", "cost", "slope")


class Society(LocalProblem):
    """Agents of one type, as rows of columns. A society of one row is the object that a user holds.

    A subclass annotates its facts (`float`, `Positive`, `NonNegative`, `Column`, `Array`, `Ports`, `PortArray`; see `fact` for
    units, words and bounds), each of which becomes a column, and writes `cost` and `respond`. `LocalProblem` says what else
    may be asked of it, `RowLayout` how rows of prices and answers lie.

    Parameters
    ----------
    periods : number of periods
    ports : (n,) ports of each agent; none by default
    names : (n,) names for messages and printing
    facts : one value, or a column, for each fact

    Raises
    ------
    AgentError
        A fact is unknown, missing, of another shape, not finite or outside its limits.

    Examples
    --------
    >>> from gridparley.agents import SquareRootLoad
    >>> load = SquareRootLoad(beta=10.0, cap=100.0)
    >>> float(load.respond(np.array([[3.098]]), np.zeros((1, 1)), np.zeros((1, 1)))[0, 0].round(4))
    2.6048
    """

    runs_network: ClassVar[bool] = False
    """Whether agents of this type run a network that others are connected to."""

    strategic: ClassVar[bool] = False
    """Whether agents of this type may answer something else than the minimum of their `cost`, such as a bid above it: `cost`
    is their true interest, `respond` what they say. A run with such agents ends AGREED at best, never CONVERGED."""

    facts: ClassVar[dict[str, Fact]] = {}
    _by_port: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Read the facts, and let unmarked solves run once per agent.

        Raises
        ------
        AgentError
            An annotation is no fact, or a fact has a name that every society uses otherwise.
        """
        super().__init_subclass__(**kwargs)
        cls.facts = facts_of(cls, {*dir(Society), "periods", "ports", "port_count"})
        cls._by_port = any(fact.shape.by_port for fact in cls.facts.values())
        cls.__doc__ = cls.__doc__ and with_facts(cls.__doc__, cls.facts)
        for name in _SOLVES:
            body = cls.__dict__.get(name)
            if body is not None and not is_batched(body):
                setattr(cls, name, once_per_agent(body))

    def __init__(
        self, *, periods: int | None = None, ports: Any = None, names: Sequence[str] = (), **facts: Any
    ) -> None:
        who = names[0] if len(names) == 1 else type(self).__name__
        check_names(facts, self.facts, who)
        port_count = np.zeros(max(len(names), 1), dtype=np.int64) if ports is None else port_count_of(ports, who)
        if names and len(names) != len(port_count):
            raise AgentError(f"{who}: {len(names)} names for {len(port_count)} agents")
        self._names = names or [f"{type(self).__name__} {k}" for k in range(len(port_count))]
        self._which: Rows = np.arange(len(port_count))
        if periods is None:
            shapes = [shape_of(value) for name, value in facts.items() if self.facts[name].shape.by_period]
            sizes = [shape[-1] for shape in shapes if shape]
            periods = max(sizes, default=1)
        columns: dict[str, Floats] = {}
        for name, fact in self.facts.items():
            rows = int(port_count.sum()) if fact.shape.by_port else len(port_count)
            columns[name] = fact.column(facts.get(name, fact.default), rows, periods, who)
        self._fill(columns, port_count, periods)
        self.check()

    def check(self) -> None:
        """Refuse facts that contradict one another; each fact alone is checked before. By default nothing does.

        Raises
        ------
        AgentError
            Names an agent, the facts and what is allowed: see `refuse`.
        """

    def refuse(self, wrong: npt.NDArray[np.bool_], fact: str, wanted: str) -> None:
        """Raise an AgentError about the first agent, and period, whose `fact` is wrong; (n, 1) or (n, periods)."""
        if wrong.any():
            row, period = np.argwhere(wrong)[0].tolist()
            value = np.broadcast_to(getattr(self, fact), wrong.shape)[row, period]
            where = f" (period {period})" if wrong.shape[1] > 1 else ""
            raise AgentError(f"{self.names[row]}: {fact} = {value:g}{where}; wanted {wanted}")

    def _fill(self, columns: dict[str, Floats], port_count: Rows, periods: int) -> None:
        self.periods = periods
        RowLayout.__init__(self, port_count)
        vars(self).update(columns)

    @classmethod
    def stack(cls, agents: Sequence[Self]) -> Self:
        """Put societies of this type together as the rows of one."""
        if len({agent.periods for agent in agents}) != 1:
            raise AgentError(
                f"{cls.__name__}: agents with {sorted({a.periods for a in agents})} periods in one society"
            )
        columns = {name: np.concatenate([getattr(agent, name) for agent in agents]) for name in cls.facts}
        new = cls.__new__(cls)
        new._names = [name for agent in agents for name in agent.names]
        new._which = np.arange(len(new._names))
        new._fill(columns, np.concatenate([agent.port_count for agent in agents]), agents[0].periods)
        return new

    def __getitem__(self, k: int) -> Self:
        """Return agent k: a window on its row, sharing the columns."""
        if not -len(self) <= k < len(self):
            raise IndexError(f"agent {k} of {len(self)}")
        k %= len(self)
        return self.take(slice(k, k + 1))

    def take(self, which: slice | Rows) -> Self:
        """Return the agents picked by a slice without a step (a window) or by positions (a copy)."""
        ports: Any = None
        if isinstance(which, slice) and which.step not in (None, 1):
            which = np.arange(len(self))[which]
        if not self._by_port:
            pass
        elif isinstance(which, slice):
            first, last, _ = which.indices(len(self))
            before = self.row_start - np.arange(len(self) + 1)
            ports = slice(before[first], before[last])
        else:
            ports = self.rows_of(which, own=False) - np.repeat(which, self.port_count[which]) - 1
        new = type(self).__new__(type(self))
        new._names, new._which = self._names, self._which[which]
        columns = {n: getattr(self, n)[ports if f.shape.by_port else which] for n, f in self.facts.items()}
        new._fill(columns, self.port_count[which], self.periods)
        return new

    def replace(self, **columns: Floats) -> Self:
        """Return the same agents with some columns exchanged, unchecked: for what-if questions of an observer."""
        new = self.take(slice(0, len(self)))
        vars(new).update(columns)
        return new

    def open(self, period: Period) -> Self:
        """Return the same agents in one period alone: every profile reduced to that period's number.

        A type whose facts depend on what was settled before, such as an EV's need, sets them here.

        Raises
        ------
        AgentError
            The profiles have no such period.
        """
        if not 0 <= period.number < self.periods:
            raise AgentError(f"{type(self).__name__}: period {period.number}; wanted 0 to {self.periods - 1}")
        new = self.take(slice(0, len(self)))
        here = slice(period.number, period.number + 1)
        columns = {
            n: getattr(self, n)[:, here].copy() if f.shape.by_period else getattr(self, n)
            for n, f in self.facts.items()
        }
        new._fill(columns, self.port_count, 1)
        return new

    def settle(self, period: Period, x: Floats) -> Self:
        """Return the same agents after a period in which x, (rows, 1) kW, was dispatched: what it used up is rolled, once.

        Nothing is changed in place, so that settling twice from the same agents is settling once.
        """
        return self

    def unserved(self, period: Period) -> Floats:
        """Return the kWh, (n, 1), that agents needed and have not got by the end of a settled period; by default none."""
        return np.zeros((len(self), 1))

    @property
    def period_hours(self) -> float | None:
        """Length of a period, h, where the type has a fact `hours`; else None."""
        hours = vars(self).get("hours")
        return None if hours is None else float(hours.flat[0])

    @property
    def names(self) -> tuple[str, ...]:
        """(n,) what the agents are called; made on demand, since a million names are heavy."""
        return tuple(self._names[k] for k in self._which.tolist())

    def __repr__(self) -> str:
        if len(self) != 1:
            return f"<{type(self).__name__} society of {len(self)}>"
        facts = ", ".join(f"{name}={_short(getattr(self, name))}" for name in self.facts)
        return f"<{self._names[int(self._which[0])]}: {type(self).__name__}({facts})>"


def _short(column: Floats) -> str:
    flat = column.ravel()
    return (
        f"{flat[0]:g}"
        if flat.size == 1
        else "[" + ", ".join(f"{v:g}" for v in flat[:4]) + (", ...]" if flat.size > 4 else "]")
    )
