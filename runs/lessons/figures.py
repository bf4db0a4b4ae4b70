"""Figures that a lesson's text names, read from its run: what they say can be no other than what was computed."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

import numpy as np

from ..page.playback import Playback

__all__ = ["Figures"]


class Figures:
    """Figures of a run, by name.

    ``price.A@12`` the price at a bus, $/kWh, mean over the horizon; ``copy.A-B.0@12`` the transfer price as known at one end
    of a tie-line, $/kWh; ``metric.primal_residual@12`` what the observer saw; ``said.A.load.bid@1`` the first number of the
    first such message that an agent said in a tick; ``lost@12`` and ``sent@12`` messages of one tick; ``agents`` how many;
    ``result.microgrids.A.pv.7`` a place in result.json, ``other.`` in that of the second run. A tick is a number, ``last``,
    or ``p3`` for the last tick of the third period.

    Parameters
    ----------
    playback : the run, which has ended
    other : result of the second run
    """

    def __init__(self, playback: Playback, other: Mapping[str, Any] | None = None) -> None:
        result = playback.result or {}
        self._playback, self._record = playback, playback.record
        self._results = {"result": result, "other": other or {}}
        self._ends = list(accumulate(period["ticks"] for period in result.get("periods", ())))

    def tick(self, name: int | str) -> int:
        """Return a tick as a number.

        Raises
        ------
        ValueError
            There is no such tick.
        """
        word = str(name)
        if word == "last":
            return self._record.ticks - 1
        tick = self._ends[int(word[1:]) - 1] - 1 if word.startswith("p") else int(word)
        if not 0 <= tick < self._record.ticks:
            raise ValueError(f"tick {name}: the run has ticks 0 to {self._record.ticks - 1}")
        return tick

    def agent(self, name: str) -> int:
        """Return the address of an agent."""
        return self._record.agents.index(name)

    def text(self, name: str, form: str | None) -> str:
        """Return a figure as the text shows it, by default with four digits."""
        value = self.value(name)
        if isinstance(value, str):
            return value
        return format(value, form or ("d" if isinstance(value, int) else ".4g")).replace("-", "−")

    def value(self, name: str) -> Any:
        """Return a figure.

        Raises
        ------
        KeyError, IndexError, TypeError, ValueError
            There is none of this name.
        """
        what, _, when = name.partition("@")
        head, *rest = what.split(".")
        if head in self._results:
            return self._place(head, rest)
        if head == "agents":
            return len(self._record.agents)
        return self._at(self.tick(when), head, rest)

    def _place(self, head: str, rest: list[str]) -> Any:
        found: Any = self._results[head]
        for word in rest:
            found = found[int(word)] if isinstance(found, list) else found[word]
        return found

    def _at(self, tick: int, head: str, rest: list[str]) -> Any:
        record = self._record
        frame = self._playback.frame(tick)
        match head, *rest:
            case "price", microgrid:
                return float(frame.price[record.header["balances"].index(microgrid)].mean())
            case "copy", line, end:
                balance = record.header["balances"].index(line)
                rows = np.flatnonzero(record.world("row")["balance"] == balance)
                return float(
                    (frame.price[balance] if frame.row_price is None else frame.row_price[rows[int(end)]]).mean()
                )
            case "metric", metric:
                value = frame.metrics[metric]
                return int(value) if value == int(value) and metric in ("round", "sent", "lost") else value
            case "said", *agent, kind:
                label, said = next(
                    (k, frame.said[of]) for k, (name, of) in enumerate(record.header["labels"]) if name == kind
                )
                mine = record.channels["sender"][said.channel] == self.agent(".".join(agent))
                mine &= record.label_of(said.kind, said.channel) == label
                return float(said.values[mine][0, 0])
            case (("lost" | "sent"), *_):
                return sum(count for _, fate, _, count in frame.counts if fate == head)
        raise ValueError(f"no figure is called {head}")
