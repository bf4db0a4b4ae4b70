"""What stands in the panels of the terminal view, as lines."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from ..page.playback import Playback
from ..record.frames import Frame
from .lines import Line, blocks, fitted
from .messages import Wanted, figure, newest
from .series import Series

__all__ = ["charts", "clock_line", "messages", "network"]

NAME, NUMBER = 9, 9
"""Cells of a name, and of a number."""


def clock_line(playback: Playback, frame: Frame, doing: str, width: int) -> list[Line]:
    """Return the run's name and state and, below, the faults that act now."""
    header = playback.record.header
    where = f"tick {frame.tick} of {playback.last}{'' if playback.ended else '+'}  round {int(frame.metrics['round'])}"
    if "\n[clock]" in header["scenario"]:
        where += f"  period {playback.period(frame.tick) + 1}"
    what = f"{header['name']}  {header['protocol']}  seed {header['seed']}"
    if playback.fixed:
        state = f"{doing}  recording, {playback.outcome}  "
    else:
        state = f"{doing}  live, {'failed' if playback.failed else 'ended' if playback.ended else 'going'}  "
    acting = [window.label for window in playback.windows if window.acts(frame.tick)]
    faults = fitted(" · ".join(acting), max(width - len(state), 0))
    return [
        ((fitted(what, max(width - len(where), 0)), "strong"), (where, "strong")),
        ((state, ""), (faults, "fault")),
    ]


def network(playback: Playback, series: Series, frame: Frame, chosen: int, width: int, height: int) -> list[Line]:
    """Return a line a microgrid: price, imbalance, round, and its agents that are down; the chosen one is always among them."""
    record = playback.record
    names, home = record.header["homes"], record.world("agent")["home"]
    imbalance = series.imbalance(frame)
    first = min(max(chosen - (height - 1) // 2, 0), max(len(names) - (height - 1), 0))
    heads = f"{'microgrid':<{NAME}}{'$/kWh':>{NUMBER}}{'off, kW':>{NUMBER}}{'round':>6}  state"
    lines: list[Line] = [((fitted(heads, width), "head"),)]
    for microgrid in range(first, min(first + height - 1, len(names))):
        off = "–" if imbalance is None else figure(float(imbalance[microgrid]))
        name, price = fitted(names[microgrid], NAME), figure(float(frame.price[record.home_balance[microgrid]].mean()))
        text = f"{price:>{NUMBER}}{off:>{NUMBER}}{frame.round[microgrid]:>6}  "
        state, style = _state(record.agents, home, frame, microgrid)
        lines.append(
            (
                (name, "chosen" if microgrid == chosen else ""),
                (text, ""),
                (fitted(state, width - len(text) - NAME), style),
            )
        )
    return lines


def _state(agents: Sequence[str], home: np.ndarray, frame: Frame, microgrid: int) -> tuple[str, str]:
    down = [a for a in frame.down.tolist() if home[a] == microgrid]
    if down:
        return f"down: {_some(agents, down)}", "down"
    resting = [a for a in frame.resting.tolist() if home[a] == microgrid]
    if resting:
        return f"resting: {_some(agents, resting)}", "resting"
    return ("stopped", "soft") if frame.stopped[microgrid] else ("", "")


def _some(agents: Sequence[str], addresses: Sequence[int]) -> str:
    own = agents[addresses[0]].partition(".")[2] or agents[addresses[0]]
    return own if len(addresses) == 1 else f"{own} and {len(addresses) - 1} more"


def charts(playback: Playback, series: Series, tick: int, chosen: int, width: int, height: int) -> list[Line]:
    """Return how the residual and the chosen microgrid's price went; the tick that is shown stands out."""
    tall = max((height - 2) // 2, 1)
    name = playback.record.header["homes"][chosen]
    prices = [float(price[chosen]) for price in series.prices]
    residuals = [math.log10(r) if 0 < r < math.inf else math.nan for r in series.residuals]
    return [
        *_chart(f"price of {name}, $/kWh", prices, prices, tick, width, tall),
        *_chart("residual, kW, log", residuals, series.residuals, tick, width, tall),
    ]


def _chart(
    title: str, values: Sequence[float], numbers: Sequence[float], tick: int, width: int, height: int
) -> list[Line]:
    # Columns stand for 1, 2, 4, ... ticks: those that are full stay as they are while a run goes on.
    ticks = 1
    while ticks * width < len(values):
        ticks *= 2
    columns = [_middle(values[start : start + ticks]) for start in range(0, len(values), ticks)]
    known = [value for value in values if math.isfinite(value)]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    rows = blocks([(value - low) / (high - low or 1.0) for value in columns], height)
    now = tick // ticks
    number = figure(numbers[tick])
    head = ((fitted(title, max(width - len(number), 0)), "head"), (number, "strong"))
    here = ["│" if row[now] == " " else row[now] for row in rows]
    return [
        head,
        *(((row[:now], "soft"), (mark, "now"), (row[now + 1 :], "soft")) for row, mark in zip(rows, here, strict=True)),
    ]


def _middle(values: Sequence[float]) -> float:
    known = sorted(value for value in values if math.isfinite(value))
    return known[len(known) // 2] if known else math.nan


def messages(playback: Playback, tick: int, wanted: Wanted, width: int, height: int) -> list[Line]:
    """Return the newest messages, a line each."""
    who = max(min(max(map(len, playback.record.agents)), (width - 38) // 2), 8)
    said = max(width - 20 - 2 * who - 20, 8)
    wide = (5, 15, who + 1, who + 1, said, 0)
    names = ("sent", "kind", "from", "to", "says", "fate")
    row: Callable[[Sequence[str]], str] = lambda words: "".join(  # noqa: E731
        fitted(word, each - 1) + " " if each else word for word, each in zip(words, wide, strict=True)
    )
    lines: list[Line] = [((fitted(row(names), width), "head"),)]
    for message in newest(playback, tick, wanted, height - 1):
        text = row((str(message.sent), message.kind, message.sender, message.receiver, message.says, message.fate))
        lines.append(((fitted(text, width), message.style),))
    if len(lines) == 1:
        lines.append((("nothing of that kind in the last ticks" if wanted.text else "nothing was said", "soft"),))
    return lines
