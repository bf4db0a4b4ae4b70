"""Agents, their places in the drawing, and their channels: what the page needs once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..record.column_codec import Columns
from ..record.reading import Record
from .block import Column
from .layout import member_places, microgrid_places

__all__ = ["world_columns"]


def world_columns(record: Record) -> dict[str, Column]:
    """Return agents with their places, channels, and the balances that join two agents as lines."""
    agent, channels, joins = record.world("agent"), record.channels, record.joins
    line = record.world("balance")["end"].reshape(-1, 2)[joins]
    # Which line each channel is about; the last entry is for channels about none.
    number = np.full(record.shape.balances + 1, -1)
    number[joins] = np.arange(len(joins))
    channel_line = number[channels["balance"]]
    microgrids, home = len(record.header["homes"]), agent["home"]
    operator = _operators(channels, channel_line, home, microgrids)
    places = microgrid_places(microgrids, line, record.header["positions"])
    return {
        "home": home.astype(np.int32),
        "role": np.where(np.arange(len(home)) < microgrids, 0, np.where(operator, 1, 2)).astype(np.uint8),
        **_rows_of_agents(record, len(home)),
        "place": member_places(home, microgrids, operator, places).astype(np.float32),
        "sender": channels["sender"].astype(np.int32),
        "receiver": channels["receiver"].astype(np.int32),
        "channel_line": channel_line.astype(np.int32),
        "line": line.astype(np.int32),
    }


def _rows_of_agents(record: Record, agents: int) -> dict[str, Column]:
    """Return the population of each agent, its first row among all answers, and how many it has."""
    population = np.full(agents, -1, dtype=np.int16)
    row = np.full(agents, -1, dtype=np.int32)
    rows = np.zeros(agents, dtype=np.int32)
    start = 0
    for k in range(len(record.shape.rows)):
        world = record.world(f"population.{k}")
        population[world["address"]] = k
        row[world["address"]] = start + world["row_start"][:-1]
        rows[world["address"]] = np.diff(world["row_start"])
        start += int(world["row_start"][-1])
    return {"population": population, "row": row, "rows": rows}


def _operators(
    channels: Columns, channel_line: npt.NDArray[np.integer], home: npt.NDArray[np.integer], microgrids: int
) -> npt.NDArray[np.bool_]:
    """(agents,) bool: which agents are operators of a microgrid."""
    operator = np.zeros(len(home), dtype=bool)
    # Those are the agents with a channel to the coordinator of a tie-line.
    on_line = channel_line >= 0
    operator[channels["sender"][on_line]] = operator[channels["receiver"][on_line]] = True
    operator[:microgrids] = False
    for microgrid in range(microgrids):  # one without tie-lines has its operator first
        members = np.flatnonzero(home == microgrid)
        if not operator[members].any() and len(members) > 1:
            operator[members[1]] = True
    return operator
