"""Chance: the random draws and the memory of one fault in one tick."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..envelopes import Envelopes
from ..keys import Keys, salt, uniform
from ..topology.topology import Topology

__all__ = ["Chance"]

Floats = npt.NDArray[np.float64]


class Chance:
    """Draws from a fault's own stream, and what the fault remembers from tick to tick.

    Called with envelopes, it draws one number in [0, 1) for each message.

    Parameters
    ----------
    topology : whose channels' keys go into every draw
    seed, name : of the run and of the fault; they key every draw
    tick : in which the fault acts
    memory : arrays that the fault keeps; saved with a checkpoint

    Attributes
    ----------
    tick, memory, topology
    channels : number of channels in the topology
    """

    def __init__(
        self, topology: Topology, seed: int, name: str, tick: int, memory: dict[str, npt.NDArray[Any]]
    ) -> None:
        self.tick, self.memory, self.topology, self.channels = tick, memory, topology, len(topology.channels)
        self._keys: Keys = topology.channels.key
        self._seed, self._name = seed, name
        self._turn = -1

    def __call__(self, envelopes: Envelopes) -> Floats:
        """Draw one number for each message; a further call draws anew."""
        self._turn += 1
        key = self._keys.take(envelopes.channel)
        for batch, at in zip(envelopes.batches, envelopes.slices, strict=True):
            key[at] ^= salt(self._seed, self._name, batch.kind.name, batch.sent, self.tick, self._turn)
        if envelopes.copy is not None:
            key ^= envelopes.copy
        return uniform(key)

    def homes(self, envelopes: Envelopes) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Return where sender and receiver of each message live, (n,) each, as numbers into `topology.homes`."""
        channels, home = self.topology.channels, self.topology.home
        one, other = (end.take(envelopes.channel) for end in (channels.sender, channels.receiver))
        return home.take(one), home.take(other)

    def everywhere(self, tick: int) -> Floats:
        """Draw one number for each channel of the topology: the weather of a tick, whatever is sent."""
        return uniform(self._keys ^ salt(self._seed, self._name, "weather", tick))
