"""Channels: directed lanes between two agents, numbered so that each receiver's are contiguous."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from .keys import Keys, mix
from .remembered import fixed

__all__ = ["Channels", "Link", "open_channels"]

Ints = npt.NDArray[np.int32]


class Link(IntEnum):
    """What a channel joins; a message kind says which of these may carry it."""

    DOWN = 0  # hub -> its member
    UP = 1  # member -> its hub
    LINE_DOWN = 2  # hub -> terminal, about one tie-line
    LINE_UP = 3  # terminal -> hub, about one tie-line
    PEER = 4  # hub -> hub, along one tie-line


@dataclass(frozen=True)
class Channels:
    """All channels in columns, sorted by (receiver, sender, tie-line).

    An agent with several tie-lines to one keeper has a channel of its own for each: so there is never more than one
    message of a kind on a channel in a tick, and each has its own fate.

    Attributes
    ----------
    sender, receiver : (n,) int32 addresses
    line : (n,) int32, the tie-line it is about, or -1
    link : (n,) int8, a `Link`
    key : (n,) uint64, from the names of both ends and of the tie-line; seeds every draw about this channel
    about : (n,) int8, which sort of balance the channel is about; picks the label of what is said on it (see `Kind`)
    down, up : (addresses,) int32, a member's channel from and to its hub, -1 for hubs
    line_down, line_up : (L, 2) int32, channel between the hub and the terminal at either end of a tie-line (own end)
    far_down, far_up : (L,) int32, channel between the keeper and the terminal at the far end
    peer : (L, 2) int32, channel from the hub at this end to the hub at the other
    """

    sender: Ints
    receiver: Ints
    line: Ints
    link: npt.NDArray[np.int8]
    key: Keys
    down: Ints
    up: Ints
    line_down: Ints
    line_up: Ints
    far_down: Ints
    far_up: Ints
    peer: Ints
    about: npt.NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.sender)


def open_channels(home: Ints, hubs: int, station: Ints, lines: Ints, name_key: Keys, line_key: Keys) -> Channels:
    """Open every channel of a topology.

    Parameters
    ----------
    home : (addresses,) int32, hub of each address
    hubs : number of hubs
    station : (hubs,) int32, address of the terminal member of each hub, -1 where there is none
    lines : (L, 2) int32, hubs at the ends
    name_key : (addresses,) uint64
    line_key : (L,) uint64
    """
    member = np.arange(hubs, len(home), dtype=np.int32)
    hub = home[hubs:]
    i, j = lines[:, 0], lines[:, 1]
    every = np.arange(len(lines), dtype=np.int32)
    none = np.full(len(member), -1, dtype=np.int32)
    # One block a line: what is joined, from whom, to whom, about which tie-line.
    blocks = [
        (Link.DOWN, hub, member, none),
        (Link.UP, member, hub, none),
        (Link.LINE_DOWN, i, station[i], every),
        (Link.LINE_DOWN, j, station[j], every),
        (Link.LINE_UP, station[i], i, every),
        (Link.LINE_UP, station[j], j, every),
        (Link.LINE_DOWN, i, station[j], every),
        (Link.LINE_UP, station[j], i, every),
        (Link.PEER, i, j, every),
        (Link.PEER, j, i, every),
    ]
    link = np.concatenate([np.full(len(b[1]), b[0], dtype=np.int8) for b in blocks])
    sender, receiver, line = (np.concatenate([b[k] for b in blocks]).astype(np.int32) for k in (1, 2, 3))
    order = np.lexsort((line, sender, receiver))
    number = np.empty(len(order), dtype=np.int32)
    number[order] = np.arange(len(order), dtype=np.int32)
    ids = np.split(number, np.cumsum([len(b[1]) for b in blocks])[:-1])
    down = np.full(len(home), -1, dtype=np.int32)
    up = down.copy()
    down[hubs:], up[hubs:] = ids[0], ids[1]
    key = mix(name_key[sender] ^ mix(name_key[receiver]))
    about = line[line >= 0]
    key[line >= 0] ^= mix(line_key[about])
    return Channels(
        sender=sender[order],
        receiver=receiver[order],
        line=line[order],
        link=fixed(link[order]),
        key=key[order],
        down=down,
        up=up,
        line_down=np.stack([ids[2], ids[3]], axis=1),
        line_up=np.stack([ids[4], ids[5]], axis=1),
        far_down=ids[6],
        far_up=ids[7],
        peer=np.stack([ids[8], ids[9]], axis=1),
        about=fixed(np.zeros(len(order), dtype=np.int8)),
    )
