"""Building a market from a scenario's tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...agents import Prosumer, Society, VirtualAgent
from ...environment import Topology
from ...protocols import Market, Population
from ..common.errors import ScenarioError
from ..common.plugins import find_type
from .known_types import TypeFinder, agent_types
from .schema import ScenarioSpec, TieLineSpec
from .tables.columns import with_profiles

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["LazyNames", "build_market", "first_price", "population_of", "virtual_agents"]

_NO_OPERATORS = (Prosumer, VirtualAgent)
"""Types that have another place in a microgrid."""


class LazyNames(Sequence[str]):
    """Names of the agents at some addresses, made when they are looked at."""

    def __init__(self, topology: Topology, address: npt.NDArray[np.integer]) -> None:
        self._topology, self._address = topology, address

    def __len__(self) -> int:
        return len(self._address)

    def __getitem__(self, k: Any) -> Any:
        if isinstance(k, slice):
            return [self[i] for i in range(*k.indices(len(self)))]
        return self._topology.name(int(self._address[k]))


def build_market(spec: ScenarioSpec, folder: Path | None = None) -> Market:
    """Build the market of a scenario with [[microgrid]] tables.

    Raises
    ------
    ScenarioError, AgentError, TopologyError
        An unknown type or microgrid, a fact that is not allowed, or a graph that does not fit.
    """
    spec = with_profiles(spec, folder, TypeFinder(folder))
    topology = Topology.from_graph(_graph(spec))
    ends: list[list[int]] = [[] for _ in spec.microgrid]
    for number, homes in enumerate(topology.ends[topology.joins].tolist()):
        for home in homes:
            ends[home].append(number)
    lines = _lines_in_order(spec, topology)
    agents: dict[type[Society], list[tuple[int, Society]]] = {}
    operators = {name: cls for name, cls in agent_types(Society).items() if not issubclass(cls, _NO_OPERATORS)}
    for home, microgrid in enumerate(spec.microgrid):
        name = f"{microgrid.name}.operator"
        cls = find_type(microgrid.operator.type, operators, Society, where=f"{name}.type", folder=folder)
        if issubclass(cls, _NO_OPERATORS):
            sort = next(sort.__name__ for sort in _NO_OPERATORS if issubclass(cls, sort))
            raise ScenarioError(
                f"{name}.type = {microgrid.operator.type!r}: a {sort} is no operator, which has a row for each tie-line; "
                "wanted a subclass of Society or MicrogridOperator"
            )
        if not microgrid.prosumer and "load" not in cls.facts:
            raise ScenarioError(
                f"microgrid {microgrid.name}: prosumer is missing; a microgrid has at least one where its operator, "
                f"{cls.__name__}, has no load of its own"
            )
        ports = _port_facts(spec, lines, ends[home], home, cls)
        facts = {**ports, **microgrid.operator.facts}
        agents.setdefault(cls, []).append(
            (topology.address(name), cls(names=[name], periods=spec.periods, ports=[len(ends[home])], **facts))
        )
        for prosumer in microgrid.prosumer:
            where = f"{microgrid.name}.{prosumer.name}"
            kind = find_type(prosumer.type, agent_types(Prosumer), Prosumer, where=f"{where}.type", folder=folder)
            address = topology.addresses(where)
            names = LazyNames(topology, address)
            agents.setdefault(kind, []).append(
                (int(address[0]), kind(names=names, periods=spec.periods, **prosumer.facts))
            )
    return Market(
        topology,
        _virtual(spec, topology, lines),
        tuple(population_of(found) for found in agents.values()),
        spec.periods,
    )


def _graph(spec: ScenarioSpec) -> nx.Graph:
    import networkx as nx

    graph = nx.MultiGraph()
    names = [microgrid.name for microgrid in spec.microgrid]
    for microgrid in spec.microgrid:
        if names.count(microgrid.name) > 1:
            raise ScenarioError(f"two microgrids are called {microgrid.name!r}")
        members = {"operator": 1} | {prosumer.name: prosumer.count for prosumer in microgrid.prosumer}
        graph.add_node(microgrid.name, members=members)
    for k, line in enumerate(spec.tie_line):
        for end in line.between:
            if end not in names:
                raise ScenarioError(
                    f"tie_line[{k}].between = {list(line.between)}: no microgrid is called {end!r}; there is {', '.join(names)}"
                )
        graph.add_edge(*line.between)
    return graph


def _lines_in_order(spec: ScenarioSpec, topology: Topology) -> list[TieLineSpec]:
    by_ends = {frozenset(line.between): line for line in spec.tie_line}
    return [
        by_ends[frozenset(topology.homes[home] for home in ends)] for ends in topology.ends[topology.joins].tolist()
    ]


def _port_facts(
    spec: ScenarioSpec, lines: list[TieLineSpec], ends: list[int], home: int, cls: type[Society]
) -> dict[str, Any]:
    """Facts of an operator's ports, (p, 1) or (p, periods) each, from its tie-lines."""
    facts: dict[str, Any] = {"alpha": [], "export_max": [], "import_max": [], "transfer_cost": []}
    names = [microgrid.name for microgrid in spec.microgrid]
    for line in (lines[number] for number in ends):
        here = line.between.index(names[home])
        mine, theirs = _pv(spec, home), _pv(spec, names.index(line.between[1 - here]))
        alpha = line.alpha[here] if isinstance(line.alpha, tuple) else line.alpha
        known = cls.facts.get("alpha")
        if known is not None and not all(limit.allows(np.array(alpha)) for limit in known.limits):
            raise ScenarioError(f"tie_line {'-'.join(line.between)}: alpha = {alpha:g}; wanted {known.allowed}")
        _check_own_pv(line, cls)
        facts["alpha"].append(np.full((1, 1), alpha))
        facts["transfer_cost"].append(np.full((1, 1), line.transfer_cost))
        # Of what the other end has, an operator need not know: that end keeps to it.
        theirs = np.inf if line.limit == "own_pv" else theirs
        for name, pv in (("export_max", mine), ("import_max", theirs)):
            value = pv if isinstance(line.limit, str) else line.limit
            facts[name].append(np.broadcast_to(np.asarray(value, dtype=float), (1, spec.periods)))
    return {name: np.concatenate(rows) for name, rows in facts.items() if rows and name in cls.facts}


def _check_own_pv(line: TieLineSpec, cls: type[Society]) -> None:
    """Refuse a limit that only the other end knows, of an operator that must know the most it can import."""
    known = cls.facts.get("import_max")
    if line.limit == "own_pv" and known is not None and known.default != np.inf:
        raise ScenarioError(
            f"tie_line {'-'.join(line.between)}: limit = 'own_pv' leaves it to the other end how much comes, but a "
            f"{cls.__name__} has to know (import_max); wanted 'pv' or a number of kW, or operators such as StorageOperator"
        )


def _pv(spec: ScenarioSpec, home: int) -> Any:
    """(1, periods) kW; 0 where it is not allowed, for then the operator itself says so, and its neighbours should not."""
    try:
        pv = np.broadcast_to(
            np.asarray(spec.microgrid[home].operator.facts.get("pv", 0.0), dtype=float), (1, spec.periods)
        )
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return pv if (np.isfinite(pv) & (pv >= 0.0)).all() else 0.0


def virtual_agents(topology: Topology, price: npt.NDArray[np.float64], periods: int = 1) -> VirtualAgent:
    """Return the price aggregators of a topology, one per coordinator.

    Parameters
    ----------
    topology
    price : (B, 1) or (B, periods) $/kWh, the first price of each balance
    periods
    """
    order = np.argsort(topology.coordinator, kind="stable")
    return VirtualAgent(
        names=LazyNames(topology, np.arange(len(topology.coordinators))),
        periods=periods,
        ports=np.bincount(topology.coordinator, minlength=len(topology.coordinators)),
        price=price[order],
    )


def _virtual(spec: ScenarioSpec, topology: Topology, lines: list[TieLineSpec]) -> VirtualAgent:
    buses = [first_price(one.price, f"microgrid {one.name}: price", spec.periods) for one in spec.microgrid]
    joined = [
        first_price(line.transfer_price, f"tie_line {'-'.join(line.between)}: transfer_price", spec.periods)
        for line in lines
    ]
    return virtual_agents(topology, np.concatenate([*buses, *joined]), spec.periods)


def first_price(given: Any, where: str, periods: int) -> npt.NDArray[np.float64]:
    """Return a first price, (1, periods) $/kWh.

    Raises
    ------
    ScenarioError
        It has neither one number nor one a period.
    """
    price = np.atleast_1d(np.asarray(given, dtype=float))
    if len(price) not in (1, periods):
        raise ScenarioError(f"{where} has {len(price)} numbers; wanted one, or one a period ({periods})")
    return np.broadcast_to(price, (1, periods))


def population_of(found: list[tuple[int, Society]]) -> Population:
    """Return agents of one type, each with the address of its first, sorted by address."""
    found = sorted(found, key=lambda pair: pair[0])
    address = np.concatenate([start + np.arange(len(society)) for start, society in found]).astype(np.int32)
    return Population(type(found[0][1]).stack([society for _, society in found]), address)
