"""Two ledgers: each end of a tie-line keeps its own copy of the price. A lesson in what not to do."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..environment import Outbox
from .machinery.keeper import Keeper

__all__ = ["TwoLedgers"]

Mask = npt.NDArray[np.bool_]


class TwoLedgers(Keeper):
    """Keepers who each move a copy of the transfer price, with their own operator's answer and the neighbour's as heard.

    Every hub passes its operator's answer on and waits one tick for the neighbour's; nobody asks for it again. Without
    faults both copies move alike. A lost answer makes them differ, and nothing ever brings them together again: the
    negotiation comes to rest, without any residual, at a wrong point.
    """

    two_ledgers = True

    def speak(self, tick: int, outbox: Outbox) -> None:
        """Pass on what was just heard from the own operator, then speak like any keeper."""
        transfer = self.memory["transfer"]
        hub = self.wiring.book_hub
        news = self.awake[hub] & (transfer.heard[0::2] > self.seen[hub])
        outbox.send(self.kinds["transfer"], self.wiring.copy_out[news], transfer.values[0::2][news])
        super().speak(tick, outbox)
        self.woken = True  # what was heard now counts in the next tick

    def _complete(self, tick: int, missing: npt.NDArray[np.int64]) -> Mask:
        w = self.wiring
        lines = np.zeros(2 * len(w.book_hub), dtype=bool)
        lines[0::2] = self.memory["transfer"].heard[0::2] == tick
        just_now = self._count(self.memory["bid"].heard == tick, lines, np.zeros(len(w.peer_hub), dtype=bool))
        return super()._complete(tick, missing) & (just_now == 0)
