"""Small towns, kinds of message, and ways to say things, for the tests of the environment."""

from collections.abc import Iterable, Sequence

import networkx as nx
import numpy as np
from hypothesis import strategies as st

from gridparley.environment import Field, Kind, MessageBatch, Outbox, Topology
from gridparley.environment.envelopes import Envelopes
from gridparley.environment.faults import Fault, FaultSchedule
from gridparley.environment.topology.channels import Link

PRICE = Kind("price", (Link.DOWN,), (Field("price", 2, "$/kWh"), Field("round", 1, "1")))
BID = Kind("bid", (Link.UP,), (Field("x", 1, "kW"),))
NEWS = Kind("news", tuple(Link), (Field("value", 1, "1"),))
ECHO = Kind("echo", tuple(Link), (Field("value", 1, "1"),))
KINDS = (PRICE, BID, NEWS, ECHO)


def town(lines: str, **members: int) -> nx.Graph:
    """Read ``"A-B B-C D"``: tie-lines A-B and B-C, and D alone; every microgrid has an operator and `members`."""
    graph = nx.Graph()
    for part in lines.split():
        ends = part.split("-")
        graph.add_nodes_from(ends)
        if len(ends) == 2:
            graph.add_edge(*ends)
    give_members(graph, **members)
    return graph


def give_members(graph: nx.Graph, **members: int) -> nx.Graph:
    """Give every microgrid of a graph one operator and `members`."""
    nx.set_node_attributes(graph, {node: {"operator": 1, **members} for node in graph}, "members")
    return graph


def topology(lines: str, **members: int) -> Topology:
    return Topology.from_graph(town(lines, **members))


def channel(where: Topology, sender: str, receiver: str, balance: str | None = None) -> int:
    """Return the number of one channel, found by the names of its ends and of the balance it is about."""
    c = where.channels
    about = -1 if balance is None else where.balances.index(balance)
    fits = (c.sender == where.address(sender)) & (c.receiver == where.address(receiver)) & (c.balance == about)
    (found,) = np.flatnonzero(fits)
    return int(found)


def channel_names(where: Topology) -> list[tuple[str, str, str]]:
    """Name every channel by sender, receiver and balance, in the order of their numbers."""
    c = where.channels
    balances = [*where.balances, ""]
    ends = zip(c.sender.tolist(), c.receiver.tolist(), c.balance.tolist(), strict=True)
    return [(where.name(s), where.name(r), balances[balance]) for s, r, balance in ends]


def news(where: Topology, tick: int = 0, channels: Iterable[int] | None = None, kind: Kind = NEWS) -> MessageBatch:
    """One message on each channel, whose value is the number of its channel."""
    c = np.arange(len(where.channels)) if channels is None else np.array(sorted(channels))
    return MessageBatch(kind, tick, c.astype(np.int32), np.repeat(c[:, None].astype(float), kind.width, axis=1))


def envelopes(
    where: Topology, tick: int = 0, channels: Iterable[int] | None = None, kind: Kind = NEWS, *more: Kind
) -> Envelopes:
    """The same, as a fault sees it; of several kinds if wanted."""
    return Envelopes.of([news(where, tick, channels, one) for one in (kind, *more)])


def outbox(*batches: MessageBatch, tick: int = 0) -> Outbox:
    box = Outbox(tick)
    for batch in batches:
        box.send(batch.kind, batch.channel, batch.payload, batch.row)
    return box


def send_through(
    faults: Sequence[Fault], where: Topology, tick: int = 0, seed: int = 1, kind: Kind = NEWS
) -> Envelopes:
    """Send one message on every channel through faults, and return what is left of them."""
    schedule = FaultSchedule(faults, where, KINDS, seed)
    left = envelopes(where, tick, kind=kind)
    for fault in schedule.at_send:
        left = schedule.apply(fault, left, tick)
    return left


def fates(left: Envelopes, where: Topology) -> dict[tuple[str, str, str], list[int]]:
    """Return at which ticks the messages on each channel arrive, by the names of the channel."""
    names = channel_names(where)
    found: dict[tuple[str, str, str], list[int]] = {name: [] for name in names}
    for number, due in zip(left.channel.tolist(), left.due_ticks.tolist(), strict=True):
        found[names[number]].append(due)
    return found


@st.composite
def connected_graphs(draw: st.DrawFn, most: int = 25) -> nx.Graph:
    """A random tree and some more tie-lines."""
    size = draw(st.integers(1, most))
    graph = nx.Graph()
    graph.add_node(0)
    for node in range(1, size):
        graph.add_edge(node, draw(st.integers(0, node - 1)))
    pair = st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)).filter(lambda ends: ends[0] != ends[1])
    if size > 1:
        graph.add_edges_from(draw(st.lists(pair, max_size=size)))
    return give_members(graph, load=1)
