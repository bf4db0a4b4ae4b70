"""Feeder: a radial distribution network as read-only data. What flows on it is computed elsewhere."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from ..errors import FeederError

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["Feeder", "FeederLine"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class FeederLine(NamedTuple):
    """One line: the buses at its ends in any order, ohm of all its length, and the most active power in kW that it carries."""

    start: str
    end: str
    r_ohm: float
    x_ohm: float
    limit_kw: float = math.inf


@dataclass(frozen=True, eq=False)
class Feeder:
    """A radial feeder: every bus but the source is fed by one line, and lines are called by the bus that they feed.

    Attributes
    ----------
    name
    buses : (n,) names, the source first, and each bus after the one that feeds it
    parent : (n - 1,) which bus line l comes from; it feeds bus l + 1
    r_ohm, x_ohm : (n - 1,) series impedance of each line; what a cable charges is left out
    limit_kw : (n - 1,) most active power where a line begins, either way; inf where nothing limits it
    load_kw, load_kvar : (n,) fixed load at each bus; below zero where something feeds in
    base_kv : kV, nominal voltage

    Examples
    --------
    >>> from gridparley.agents.network import Feeder, FeederLine
    >>> street = Feeder.from_lines("street", 0.4, [FeederLine("transformer", "house", 0.05, 0.03)], {"house": (4.0, 1.0)})
    >>> street.buses, street.parent.tolist(), street.load_kw.tolist()
    (('transformer', 'house'), [0], [0.0, 4.0])
    """

    name: str
    buses: tuple[str, ...]
    parent: Ints
    r_ohm: Floats
    x_ohm: Floats
    limit_kw: Floats
    load_kw: Floats
    load_kvar: Floats
    base_kv: float

    def __post_init__(self) -> None:
        for field in fields(self):
            if isinstance(value := getattr(self, field.name), np.ndarray):
                value.flags.writeable = False

    @classmethod
    def from_lines(
        cls,
        name: str,
        base_kv: float,
        lines: Iterable[FeederLine],
        loads: Mapping[str, tuple[float, float]] | None = None,
        *,
        source: str | None = None,
    ) -> Self:
        """Put lines together to a feeder.

        Parameters
        ----------
        name : for messages
        base_kv : kV
        lines : in any order; buses keep the order of their first mention wherever each then comes after the one that
            feeds it
        loads : (kW, kvar) by bus; none elsewhere
        source : the bus at which the grid above feeds in; by default where the first line begins

        Raises
        ------
        FeederError
            There is no line; lines form a loop, are parallel, or leave a bus without supply; an impedance is not above
            zero; a load is at no bus; a number is not one.
        """
        every = list(lines)
        if not every:
            raise FeederError(f"feeder {name}: there is no line; wanted at least one")
        if not (isinstance(base_kv, (int, float)) and math.isfinite(base_kv) and base_kv > 0):
            raise FeederError(f"feeder {name}: base_kv = {base_kv!r}; wanted a voltage above zero, in kV")
        for line in every:
            _check_line(name, line)
        source = every[0].start if source is None else source
        graph = _checked_graph(name, every, source)
        buses, fed_from = _in_order(graph, source)
        place = {bus: k for k, bus in enumerate(buses)}
        parent = np.array([place[fed_from[bus]] for bus in buses[1:]], dtype=np.int64)
        lines_in_order = [graph.edges[fed_from[bus], bus]["line"] for bus in buses[1:]]
        _, _, *columns = zip(*lines_in_order, strict=True)
        r_ohm, x_ohm, limit_kw = (np.array(column, dtype=np.float64) for column in columns)
        load_kw, load_kvar = _checked_loads(name, place, loads or {})
        return cls(name, buses, parent, r_ohm, x_ohm, limit_kw, load_kw, load_kvar, float(base_kv))

    def at(self, bus: str) -> int:
        """Return the number of a bus.

        Raises
        ------
        FeederError
            No bus has that name.
        """
        if bus not in self.buses:
            some = ", ".join(self.buses[:8]) + (", ..." if len(self.buses) > 8 else "")
            raise FeederError(f"feeder {self.name}: no bus is called {bus!r}; there is {some}")
        return self.buses.index(bus)

    @property
    def line_names(self) -> tuple[str, ...]:
        """(n - 1,) lines by the buses at their ends, ``"2-3"``, the nearer one to the source first."""
        return tuple(f"{self.buses[p]}-{self.buses[k + 1]}" for k, p in enumerate(self.parent.tolist()))

    def distance_ohm(self) -> Floats:
        """Return the resistance between the source and each bus, (n,) ohm, which orders buses along the feeder."""
        far = np.zeros(len(self.buses))
        for line, parent in enumerate(self.parent.tolist()):
            far[line + 1] = far[parent] + self.r_ohm[line]
        return far

    def scaled(self, factor: float) -> Self:
        """Return the same feeder with all loads multiplied by a factor."""
        if not math.isfinite(factor):
            raise FeederError(f"feeder {self.name}: loads times {factor!r}; wanted a number")
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values |= {name: factor * values[name] for name in ("load_kw", "load_kvar")}
        return type(self)(**values)


def _check_line(name: str, line: FeederLine) -> None:
    where = f"feeder {name}: line {line.start}-{line.end}"
    if line.start == line.end:
        raise FeederError(f"{where} begins and ends at the same bus; wanted two different ones")
    for field, good, wanted in (
        ("r_ohm", 0.0 < line.r_ohm < math.inf, "a resistance above zero, in ohm; buses that nothing separates are one"),
        ("x_ohm", 0.0 <= line.x_ohm < math.inf, "a reactance of zero or above, in ohm"),
        ("limit_kw", line.limit_kw > 0.0, "a limit above zero, in kW, or none"),
    ):
        if not good:  # NaN is not good either
            raise FeederError(f"{where}: {field} = {getattr(line, field)!r}; wanted {wanted}")


def _checked_graph(name: str, lines: list[FeederLine], source: str) -> nx.Graph:
    """Refuse what is not radial."""
    import networkx as nx

    graph = nx.Graph()
    for line in lines:
        if graph.has_edge(line.start, line.end):
            raise FeederError(
                f"feeder {name}: parallel lines between {line.start} and {line.end}; wanted one, with the impedance of both"
            )
        graph.add_edge(line.start, line.end, line=line)
    if source not in graph:
        raise FeederError(f"feeder {name}: no line begins or ends at the source {source!r}")
    try:
        loop: list[Any] | None = [edge[0] for edge in nx.find_cycle(graph)]
    except nx.NetworkXNoCycle:
        loop = None
    if loop:
        way = "-".join(map(str, [*loop, loop[0]]))
        raise FeederError(f"feeder {name} is meshed: there is a loop {way}; wanted a radial one: open a line of it")
    fed = nx.node_connected_component(graph, source)
    if lost := [bus for bus in graph if bus not in fed]:
        more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        raise FeederError(f"feeder {name}: no line joins bus {lost[0]}{more} to the source {source}")
    return graph


def _in_order(graph: nx.Graph, source: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the buses, each after the one that feeds it and otherwise as they stand, and which bus feeds each."""
    import networkx as nx

    fed_from = {child: parent for parent, child in nx.bfs_edges(graph, source)}
    rank = {bus: k for k, bus in enumerate(graph)}
    tree = nx.DiGraph([(parent, child) for child, parent in fed_from.items()])
    return tuple(nx.lexicographical_topological_sort(tree, key=rank.__getitem__)), fed_from


def _checked_loads(
    name: str, place: Mapping[str, int], loads: Mapping[str, tuple[float, float]]
) -> tuple[Floats, Floats]:
    kw, kvar = np.zeros(len(place)), np.zeros(len(place))
    for bus, (active, reactive) in loads.items():
        if bus not in place:
            raise FeederError(f"feeder {name}: a load is at bus {bus!r}, where no line begins or ends")
        for unit, value in (("kW", active), ("kvar", reactive)):
            if not (isinstance(value, (int, float)) and math.isfinite(value)):
                raise FeederError(f"feeder {name}: load at bus {bus}: {value!r} {unit}; wanted a number")
        kw[place[bus]], kvar[place[bus]] = active, reactive
    return kw, kvar
