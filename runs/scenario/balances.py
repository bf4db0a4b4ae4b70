"""Building a market from [[balance]], [[agent]] and [[trade]] tables: pools, communities and bilateral trades."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...agents import AgentError, Society, VirtualAgent
from ...agents.facts import Fact
from ...environment import Topology
from ...protocols import Market
from ..common.errors import ScenarioError, did_you_mean
from ..common.plugins import find_type
from .build import first_price, population_of, virtual_agents
from .known_types import TypeFinder, agent_types
from .schema import AgentSpec, BalanceSpec, ScenarioSpec, TradeSpec
from .tables.columns import with_profiles

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["build_balances"]

Floats = npt.NDArray[np.float64]
Tables = dict[str, "BalanceSpec | TradeSpec"]
"""The tables of all balances that are open, by name."""


def build_balances(spec: ScenarioSpec, folder: Path | None = None) -> Market:
    """Build the market of a scenario with [[agent]] tables.

    Raises
    ------
    ScenarioError, AgentError, TopologyError
        A type, balance or agent is unknown, a name is there twice, a fact is not allowed, or an agent has nobody to trade with.
    """
    spec = with_profiles(spec, folder, TypeFinder(folder))
    tables: Tables = {one.name: one for one in spec.balance if one.open}
    tables |= {trade.label: trade for trade in spec.trade if trade.open}
    topology = Topology.from_bipartite(_graph(spec))
    addresses = {group.name: group.start for group in topology.groups}
    places = _balances_by_agent(topology)
    known = {name: cls for name, cls in agent_types(Society).items() if not issubclass(cls, VirtualAgent)}
    found: dict[type[Society], list[tuple[int, Society]]] = {}
    for agent in spec.agent:
        address = addresses[agent.name]
        usual = "Trader" if agent.at else "PeerTrader"
        cls = find_type(agent.type or usual, known, Society, where=f"agent {agent.name}: type", folder=folder)
        ports = [tables[name] for name in places[address]]
        facts = {**agent.facts, **_port_facts(cls, agent, ports, spec.periods)}
        society = cls(names=[agent.name], periods=spec.periods, ports=[len(ports)], **facts)
        found.setdefault(cls, []).append((address, society))
    price = [first_price(tables[name].price, f"{name}: price", spec.periods) for name in topology.balances]
    virtual = virtual_agents(topology, np.concatenate(price), spec.periods)
    return Market(topology, virtual, tuple(population_of(agents) for agents in found.values()), spec.periods)


def _graph(spec: ScenarioSpec) -> nx.Graph:
    """Return the bipartite graph of agents and open balances."""
    import networkx as nx

    graph = nx.Graph()
    balances, agents = [one.name for one in spec.balance], [agent.name for agent in spec.agent]
    _check_names([*balances, *agents, *(trade.label for trade in spec.trade)])
    known_balances, known_agents = dict.fromkeys(balances), dict.fromkeys(agents)
    shut = {one.name for one in spec.balance if not one.open}
    for one in spec.balance:
        if one.slack is not None:
            _known(one.slack, known_agents, f"balance {one.name}: slack", "agent")
        if one.open:
            graph.add_node(one.name, balance=one.kind, slack=one.slack)
    for agent in spec.agent:
        for k, name in enumerate(agent.at):
            _known(name, known_balances, f"agent {agent.name}: at", "balance")
            if name in agent.at[:k]:
                raise ScenarioError(f"agent {agent.name}: at = {agent.at}: {name!r} stands there twice")
        here = [name for name in agent.at if name not in shut]
        if here and agent.at[0] in shut:
            raise ScenarioError(f"agent {agent.name}: at = {agent.at}: its home, {agent.at[0]}, is not open")
        graph.add_node(agent.name, **({"home": agent.at[0]} if here else {}))
        graph.add_edges_from((agent.name, name) for name in here)
    for trade in spec.trade:
        for end in trade.between:
            _known(end, known_agents, f"trade between {list(trade.between)}", "agent")
        if trade.between[0] == trade.between[1]:
            raise ScenarioError(f"trade between {list(trade.between)}; wanted two different agents")
        if trade.open:
            graph.add_node(trade.label, balance=trade.kind)
            graph.add_edges_from((end, trade.label) for end in trade.between)
    if alone := next((name for name in agents if not graph.degree(name)), None):
        raise ScenarioError(f"agent {alone} is in no open balance; wanted one in at, or a [[trade]]")
    return graph


def _check_names(names: Iterable[str]) -> None:
    taken: set[str] = set()
    for name in names:
        if name in taken:
            raise ScenarioError(f"two balances, agents or trades are called {name!r}; give each a name of its own")
        taken.add(name)


def _known(name: str, names: Collection[str], where: str, sort: str) -> None:
    if name not in names:
        known = list(names)
        some = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
        raise ScenarioError(
            f"{where}: no {sort} is called {name!r}{did_you_mean(name, known)} There is {some or 'none'}"
        )


def _balances_by_agent(topology: Topology) -> list[list[str]]:
    """Return the names of the balances at the ports of each address, in the order of the ports."""
    found: list[list[str]] = [[] for _ in range(topology.size)]
    for agent, place, balance in zip(topology.row_agent, topology.row_place, topology.row_balance, strict=True):
        if place > 0:
            found[agent].append(topology.balances[balance])
    return found


def _port_facts(
    cls: type[Society], agent: AgentSpec, ports: list[BalanceSpec | TradeSpec], periods: int
) -> dict[str, Floats]:
    """Return the facts of an agent's ports, (p, 1) or (p, periods), from its trades and its own table."""
    found = {}
    for fact in (fact for fact in cls.facts.values() if fact.shape.by_port):
        own = agent.facts.get(fact.name, fact.default)
        each = [_told(fact, trade, agent.name) for trade in ports]
        lacking = [k for k, value in enumerate(each) if value is None]
        if not lacking and fact.name not in agent.facts:
            column = each
        elif own is None:
            trade = ports[lacking[0]]
            where = f"trade {trade.label}" if isinstance(trade, TradeSpec) else f"agent {agent.name}"
            raise ScenarioError(
                f"{where}: {fact.name} is missing; {agent.name} is a {cls.__name__}, wanted {fact.allowed}"
            )
        else:
            whole = fact.column(own, len(ports), periods, agent.name)
            column = [whole[k] if value is None else value for k, value in enumerate(each)]
        width = periods if fact.shape.by_period else 1
        try:
            found[fact.name] = np.array([np.broadcast_to(np.asarray(v, dtype=float), width) for v in column]).reshape(
                -1, width
            )
        except (TypeError, ValueError, OverflowError):
            raise AgentError(f"{agent.name}: {fact.name} = {column}; wanted {fact.allowed}, for each trade") from None
    told = {name for port in ports if isinstance(port, TradeSpec) for name in port.facts}
    if stray := sorted(told - set(found)):
        known = ", ".join(found) or "none"
        raise ScenarioError(
            f"a trade of {agent.name} has {stray[0]!r}, and {cls.__name__} no such fact of a port; it has {known}"
        )
    return found


def _told(fact: Fact, port: BalanceSpec | TradeSpec, agent: str) -> Any:
    """Return what a trade says of its port of an agent; None where it says nothing."""
    if not isinstance(port, TradeSpec) or fact.name not in port.facts:
        return None
    value = port.facts[fact.name]
    if not isinstance(value, list):
        return value
    if len(value) != 2:
        raise ScenarioError(
            f"trade {port.label}: {fact.name} = {value}; wanted one number, or a pair, one for each end"
        )
    return value[port.between.index(agent)]
