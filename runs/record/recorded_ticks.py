"""The ticks of a record, read one by one."""

from __future__ import annotations

import tomllib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ..common.errors import RunError
from ..common.plugins import Permit
from ..scenario.scenario import Scenario
from ..simulation.day import ROUNDS_MAX
from .files.own_files import Code, permit_of
from .files.taken import Taken
from .frames import Frame, Said, Shape, Way, ended_of, frame_of, garbled_of, said_of, way_of
from .record import guarded, open_record, read_whole, record_of
from .recorded_scenario import scenario_of
from .tables.column_codec import Block, Columns, Packer, digest
from .tables.stored_header import read_commands

__all__ = ["RecordedTicks"]

KEPT_TICKS = 16
"""Ticks whose messages are kept unpacked: what is on its way was said in one of the last few."""


class RecordedTicks:
    """The record of a run.

    Parameters
    ----------
    path : of the file; `open` finds it in a run's folder
    writing : to go on with it
    taken : the folder, where the run that goes on has taken it; else the record takes it as long as it is open

    Attributes
    ----------
    header : seed, scenario, code version, names, units, places for drawing, and more
    ticks : whole ticks that it holds
    commands : what was changed while the run was going
    shape : sizes of the arrays of a frame

    Raises
    ------
    RunError
        It is no record, a newer release wrote it, or it is damaged.
    """

    def __init__(self, path: Path, *, writing: bool = False, taken: Taken | None = None) -> None:
        self.path = path
        self.base, self.header = open_record(path, writing=writing, taken=taken)
        self.packer = Packer(self.header["columns"])
        self.commands: list[dict[str, Any]] = []
        self._unpacked: OrderedDict[int, tuple[Columns, dict[str, Said]]] = OrderedDict()
        self.ticks = 0
        try:
            self.refresh()
        except BaseException:
            self.close()
            raise

    @classmethod
    def open(cls, folder: Path | str) -> Self:
        """Open the record in a run's folder, or a file."""
        path = Path(folder)
        return cls(path if path.is_file() else record_of(path))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self.base.close()

    def refresh(self) -> int:
        """Look again how many ticks there are, for a run that is still going, and return it."""
        with guarded(self.path):
            last, count = self.base.execute("SELECT coalesce(max(tick), -1) + 1, count(*) FROM tick").fetchone()
            rows = self.base.execute("SELECT json FROM command ORDER BY number").fetchall()
        if last != count:
            raise RunError(f"{self.path}: is damaged, and was left as it is ({last - count} ticks are missing)")
        self.ticks, self.commands = count, read_commands(self.path, (text for (text,) in rows))
        return self.ticks

    @cached_property
    def document(self) -> dict[str, Any]:
        """The scenario as plain data.

        Raises
        ------
        RunError
            It is no TOML.
        """
        try:
            return tomllib.loads(self.header["scenario"])
        except (ValueError, RecursionError) as error:
            raise RunError(f"{self.path}: the scenario in it is no TOML: {error}") from None

    def scenario(self, code: Code = Code.NONE) -> Scenario:
        """Return the scenario of the run.

        Parameters
        ----------
        code : which code of the user's it may run when something is built: to look at a run, none

        Raises
        ------
        RunError, ScenarioError
            This release cannot read it. When something is built: code that may not run, or is not there any more.
        """
        return scenario_of(self.path, self.header, self.document, lambda: self.permit(code))

    def permit(self, code: Code) -> Permit | None:
        """Return what decides which code of the user's may run; see `permit_of`."""
        return permit_of(self.path, self.header["files"], code)

    # Who is there ----------------------------------------------------------------------------------------------------

    def world(self, name: str) -> Columns:
        """Return a table of what never changes: agent, channel, balance, row, population.0, population.1, ..."""
        with guarded(self.path):
            row = self.base.execute("SELECT size, data FROM world WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise RunError(f"{self.path}: is damaged, and was left as it is (no table {name})")
        with read_whole(self.path, f"table {name}"):
            return {column.rpartition(".")[2]: values for column, values in self.packer.unpack(row).items()}

    @cached_property
    def agents(self) -> list[str]:
        """Names, by address."""
        return list(self.world("agent")["name"])

    @cached_property
    def channels(self) -> Columns:
        """(channels,) each: sender and receiver (addresses), balance (or -1), link (a `Link`), about."""
        return self.world("channel")

    @cached_property
    def home_balance(self) -> npt.NDArray[np.int64]:
        """(homes,): the balance whose price stands for each home."""
        return np.asarray(self.world("home")["balance"], dtype=np.int64)

    @cached_property
    def joins(self) -> npt.NDArray[np.int64]:
        """(j,): the balances that join two agents, such as tie-lines and trades."""
        balance = self.world("balance")
        place = np.array([kind["place"] for kind in self.header["balance_kinds"]])[balance["kind"]]
        return np.flatnonzero(~place & (balance["end"].reshape(-1, 2)[:, 0] >= 0))

    @cached_property
    def shape(self) -> Shape:
        """Sizes of the arrays of a frame."""
        header, many = self.header, range(len(self.header["populations"]))
        with read_whole(self.path, "tables"):
            return Shape(
                balances=len(header["balances"]),
                balance_rows=len(self.world("row")["agent"]),
                periods=header["periods"],
                rows=tuple(int(self.world(f"population.{k}")["row_start"][-1]) for k in many),
                metrics=tuple(header["metrics"]),
                kinds={kind["name"]: sum(field[1] for field in kind["fields"]) for kind in header["kinds"]},
                labels=tuple(label for label, _ in header["labels"]),
            )

    @cached_property
    def _codes(self) -> dict[str, npt.NDArray[np.int64]]:
        """By kind, the number of the label of its messages, by what their channel is about."""
        numbers = {(label, kind): k for k, (label, kind) in enumerate(self.header["labels"])}
        return {
            kind["name"]: np.array([numbers[label, kind["name"]] for label in kind["labels"] or [kind["name"]]])
            for kind in self.header["kinds"]
        }

    def label_of(self, kind: str, channel: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """Return the number of the label, in `header["labels"]`, of messages of a kind on some channels, (n,)."""
        codes = self._codes[kind]
        return codes[self.channels["about"][channel]] if len(codes) > 1 else np.full(len(channel), codes[0])

    # One tick --------------------------------------------------------------------------------------------------------

    def blocks(self, tick: int) -> tuple[int, Block, Block]:
        """Return the number of a tick's first message and its blocks ``state`` and ``messages``.

        Raises
        ------
        RunError
            They are damaged, or not there.
        """
        query = "SELECT first, hash, state_size, state, messages_size, messages FROM tick WHERE tick = ?"
        with guarded(self.path):
            row = self.base.execute(query, (tick,)).fetchone()
        if row is None:
            raise RunError(f"{self.path}: holds ticks 0 to {self.ticks - 1}, and not {tick}")
        state, messages = (row[2], row[3]), (row[4], row[5])
        if digest(state, messages) != row[1]:
            raise RunError(f"{self.path}: tick {tick} is damaged")
        return row[0], state, messages

    def frame(self, tick: int) -> Frame:
        """Return one tick: metrics, the state of all agents, links, commands and messages.

        Raises
        ------
        RunError
            It is damaged, or not there.
        """
        first, state, messages = self.blocks(tick)
        commands = [command for command in self.commands if command["tick"] == tick]
        with read_whole(self.path, f"tick {tick}"):
            columns, said = self._messages(tick, (first, messages))
            return replace(
                frame_of(tick, self.packer.unpack(state), self.shape, commands),
                said=said,
                way=way_of(said, columns),
                ended=ended_of(columns, self.shape, self.said),
                garbled=garbled_of(columns, self.shape),
            )

    def period(self, frame: Frame) -> int:
        """Return the period that is open in a tick, from the rounds that its messages carry; -1 where none does."""
        for kind in self.header["kinds"]:
            if kind["name"] in frame.said and kind["fields"][-1][0] == "round":
                return int(frame.said[kind["name"]].values[:, -1].max()) // ROUNDS_MAX
        return -1

    def said(self, kind: str, tick: int) -> Said:
        """Return what was said of one kind in one tick."""
        return self._messages(tick)[1][kind]

    def _messages(self, tick: int, read: tuple[int, Block] | None = None) -> tuple[Columns, dict[str, Said]]:
        if tick not in self._unpacked:
            first, block = self.blocks(tick)[::2] if read is None else read
            columns = self.packer.unpack(block)
            self._unpacked[tick] = columns, said_of(tick, first, columns, self.shape)
            if len(self._unpacked) > KEPT_TICKS:
                self._unpacked.popitem(last=False)
        return self._unpacked[tick]

    def states(self, first: int = 0, last: int | None = None) -> Iterator[Frame]:
        """Yield the frames of some ticks, first <= tick < last, without their messages, which is much faster."""
        query = "SELECT tick, state_size, state FROM tick WHERE tick >= ? AND tick < ? ORDER BY tick"
        with guarded(self.path):
            for tick, *block in self.base.execute(query, (first, self.ticks if last is None else last)):
                commands = [command for command in self.commands if command["tick"] == tick]
                with read_whole(self.path, f"tick {tick}"):
                    frame = frame_of(tick, self.packer.unpack((block[0], block[1])), self.shape, commands)
                yield frame

    def since(self, tick: int) -> int:
        """Return the oldest tick from which something was on its way at the end of this one; the next one if nothing was."""
        with guarded(self.path):
            return int(self.base.execute("SELECT since FROM tick WHERE tick = ?", (tick,)).fetchone()[0])

    def flying(self, tick: int) -> list[tuple[Said, Way]]:
        """Return what was on its way at the end of a tick: what was said, with number, due tick and copy of those still out."""
        found = []
        for before in range(self.since(tick), tick + 1):
            columns, said = self._messages(before)
            for kind, way in way_of(said, columns).items():
                out = way.due > tick
                if out.any():
                    found.append((said[kind], Way(way.number[out], way.due[out], way.copy[out])))
        return found

    def where(self, number: int) -> tuple[str, int]:
        """Return kind and tick of a message, by its number: to follow causes.

        Raises
        ------
        RunError
            There is no such message.
        """
        with guarded(self.path):
            row = self.base.execute("SELECT max(tick) FROM tick WHERE first <= ?", (number,)).fetchone()
        said = self.frame(int(row[0])).said if number >= 0 and row[0] is not None else {}
        for kind, each in said.items():
            if number <= each.number[-1]:
                return kind, each.tick
        raise RunError(f"{self.path}: holds no message {number}")
