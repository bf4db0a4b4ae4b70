"""Channels: directed links between two agents, numbered so that the rows of an agent, and of a balance, are found fast."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from ..keys import Keys, mix
from ..remembered import fixed

__all__ = ["Channels", "Link", "meetings", "open_channels"]

Ints = npt.NDArray[np.int32]


class Link(IntEnum):
    """What a channel joins; a message kind says which of these may carry it."""

    DOWN = 0  # coordinator -> agent, about one row
    UP = 1  # agent -> coordinator, about one row
    PEER = 2  # coordinator -> coordinator


@dataclass(frozen=True)
class Channels:
    """All channels in columns: first up for every row, then down for every row, then between coordinators.

    Row r, numbered by (agent, row), opens channel r up and channel rows + r down. An agent with several rows with one
    coordinator has a channel of its own for each: so there is never more than one message of a kind on a channel in a
    tick, and each has its own fate.

    Attributes
    ----------
    sender, receiver : (n,) int32 addresses
    balance : (n,) int32, the balance it is about, or -1
    link : (n,) int8, a `Link`
    about : (n,) int8, which of the topology's kinds of balances it is about; 0 between coordinators
    key : (n,) uint64, from the names of both ends and of the balance; seeds every draw about this channel
    rows : number of rows
    back : (n,) int32, the channel that leads the other way
    """

    sender: Ints
    receiver: Ints
    balance: Ints
    link: npt.NDArray[np.int8]
    about: npt.NDArray[np.int8]
    key: Keys
    rows: int
    back: Ints

    def __len__(self) -> int:
        return len(self.sender)

    @property
    def peers(self) -> Ints:
        """(q,) int32, the channels between coordinators, by receiver, then sender."""
        return np.arange(2 * self.rows, len(self), dtype=np.int32)


def meetings(agent: Ints, coordinator: Ints, balance: Ints) -> Ints:
    """Return which coordinators speak to each other, (p, 2) int32, smaller address first.

    That of an agent's first row meets those of its others: a star an agent, since a clique would open half a million pairs
    for an operator with a thousand lines. Where a balance has several coordinators, they meet as well.

    Parameters
    ----------
    agent, coordinator, balance : (rows,) of each row, numbered by (agent, row)
    """
    pairs = []
    for group in (agent, balance):
        order = np.argsort(group, kind="stable")
        first = np.unique(group[order], return_index=True)[1]
        counts = np.diff(np.append(first, len(order)))
        pairs.append(np.stack([np.repeat(coordinator[order][first], counts), coordinator[order]], axis=1))
    both = np.sort(np.concatenate(pairs), axis=1)
    return np.unique(both[both[:, 0] != both[:, 1]], axis=0).astype(np.int32).reshape(-1, 2)


def open_channels(
    agent: Ints,
    coordinator: Ints,
    balance: Ints,
    kind: npt.NDArray[np.int8],
    plain: npt.NDArray[np.bool_],
    name_key: Keys,
    balance_key: Keys,
) -> Channels:
    """Open every channel of a topology.

    Parameters
    ----------
    agent, coordinator, balance : (rows,) int32, of each row, numbered by (agent, row)
    kind : (B,) int8 of each balance
    plain : (B,) bool, balances whose name adds nothing to the names of both ends
    name_key : (addresses,) uint64
    balance_key : (B,) uint64
    """
    rows = len(agent)
    meet = meetings(agent, coordinator, balance)
    peers = np.concatenate([meet, meet[:, ::-1]])
    peers = peers[np.lexsort((peers[:, 0], peers[:, 1]))]
    sender = np.concatenate([agent, coordinator, peers[:, 0]]).astype(np.int32)
    receiver = np.concatenate([coordinator, agent, peers[:, 1]]).astype(np.int32)
    about = np.concatenate([balance, balance, np.full(len(peers), -1)]).astype(np.int32)
    link = np.repeat(np.array([Link.UP, Link.DOWN, Link.PEER], dtype=np.int8), [rows, rows, len(peers)])
    key = mix(name_key[sender] ^ mix(name_key[receiver]))
    named = np.flatnonzero((about >= 0) & ~plain[about])
    key[named] ^= mix(balance_key[about[named]])
    # Channels between coordinators are sorted by (receiver, sender): the k-th one's way back is at (sender, receiver).
    turned = np.empty(len(peers), dtype=np.int64)
    turned[np.lexsort((peers[:, 1], peers[:, 0]))] = np.arange(len(peers))
    return Channels(
        sender=fixed(sender),
        receiver=fixed(receiver),
        balance=fixed(about),
        link=fixed(link),
        about=fixed(np.where(about >= 0, kind[about], 0).astype(np.int8)),
        key=key,
        rows=rows,
        back=fixed(np.concatenate([rows + np.arange(rows), np.arange(rows), 2 * rows + turned]).astype(np.int32)),
    )
