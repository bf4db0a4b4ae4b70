"""A record as tables for other programs: Arrow tables, and so Parquet files and pandas frames.

Units stand in the names of the columns (``x_kw``, ``price_usd_per_kwh``) and in the metadata of their fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ....environment import Fate
from ...common.errors import RunError
from ..files.folder import UNITS
from ..frames import Ended, Frame, Said
from ..recorded_ticks import RecordedTicks

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["answer_tables", "frame_of_all", "message_tables", "metrics_table", "price_tables"]

FLYING = "in_flight"
"""What the record says of a message on its way when it ends."""

Numbers = npt.NDArray[np.int64]


def frame_of_all(tables: Iterable[pa.Table]) -> pd.DataFrame:
    """Return tables of one schema as one pandas frame."""
    whole = pa.concat_tables(list(tables), promote_options="default").unify_dictionaries()
    found = whole.to_pandas()
    if "cause" in found:  # a whole number or nothing, which plain columns of numbers cannot say
        import pandas as pd

        found["cause"] = whole["cause"].to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    return found


def _field(name: str, kind: pa.DataType, unit: str = "1") -> pa.Field:
    return pa.field(name + UNITS.get(unit, ""), kind, metadata={"unit": unit})


def _words(codes: npt.NDArray[Any], words: list[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(words, type=pa.string()))


_WORD = pa.dictionary(pa.int32(), pa.string())


def metrics_table(record: RecordedTicks) -> Iterator[pa.Table]:
    """Yield tick and metrics."""
    rows = [(frame.tick, *frame.metrics.values()) for frame in record.states()]
    fields = [_field("tick", pa.int64())]
    for name, about in record.header["metrics"].items():
        unit = about.partition(",")[0]
        fields.append(_field(name, pa.float64() if unit in UNITS else pa.int64(), unit if unit in UNITS else "1"))
    columns = zip(*rows, strict=True) if rows else [()] * len(fields)
    arrays = [pa.array(column).cast(field.type) for column, field in zip(columns, fields, strict=True)]
    yield pa.table(arrays, schema=pa.schema(fields))


def price_tables(record: RecordedTicks) -> Iterator[pa.Table]:
    """Yield, tick by tick, the price of each balance; where there are copies, also that which each row's agent is asked."""
    balances, periods, row = record.shape.balances, record.shape.periods, record.world("row")
    copies = next((frame.row_price is not None for frame in record.states(0, 1)), False)
    place, agent = np.arange(balances), np.full(balances, -1)
    if copies:
        place, agent = np.concatenate([place, row["balance"]]), np.concatenate([agent, row["agent"]])
    period = np.tile(np.arange(periods, dtype=np.int32), len(place))
    who = np.repeat(agent, periods)
    schema = pa.schema(
        [
            _field("tick", pa.int64()),
            _field("balance", _WORD),
            _field("agent", _WORD),
            _field("period", pa.int32()),
            _field("price", pa.float64(), "$/kWh"),
        ]
    )
    where = _words(np.repeat(place, periods), record.header["balances"])
    names = pa.array(record.agents, type=pa.string())
    asked = pa.DictionaryArray.from_arrays(pa.array(who.astype(np.int32), mask=who < 0), names)
    for frame in record.states():
        price = frame.price.ravel()
        if frame.row_price is not None:
            price = np.concatenate([price, frame.row_price.ravel()])
        yield pa.table(
            [pa.array(np.full(len(price), frame.tick)), where, asked, pa.array(period), pa.array(price)], schema=schema
        )


def answer_tables(record: RecordedTicks, frames: Iterable[Frame] | None = None) -> Iterator[pa.Table]:
    """Yield, tick by tick, every agent's last answer: port -1 is the agent's own bus, 0, 1, ... are its ports.

    Raises
    ------
    RunError
        It is not in the record because there is too much of it, and `frames` does not bring it.
    """
    periods, address, port = record.shape.periods, [], []
    for k in range(len(record.shape.rows)):
        world = record.world(f"population.{k}")
        count = np.diff(world["row_start"])
        address.append(np.repeat(world["address"], count * periods))
        within = np.arange(world["row_start"][-1]) - np.repeat(world["row_start"][:-1], count)
        port.append(np.repeat(within - 1, periods))
    who, which = _words(np.concatenate(address), record.agents), pa.array(np.concatenate(port).astype(np.int32))
    period = pa.array(np.tile(np.arange(periods, dtype=np.int32), len(who) // periods))
    schema = pa.schema(
        [
            _field("tick", pa.int64()),
            _field("agent", _WORD),
            _field("port", pa.int32()),
            _field("period", pa.int32()),
            _field("x", pa.float64(), "kW"),
        ]
    )
    for frame in record.states() if frames is None else frames:
        if frame.x is None:
            raise RunError(
                f"{record.path}: holds no answers of so large a market; gridparley export does the run again"
            )
        x = np.concatenate([rows.ravel() for rows in frame.x])
        yield pa.table([pa.array(np.full(len(x), frame.tick)), who, which, period, pa.array(x)], schema=schema)


def message_tables(record: RecordedTicks, first: int, last: int) -> Iterator[pa.Table]:
    """Yield every message, and every copy of one, that was said in first <= tick < last, as it meets its fate.

    `ended` is the tick in which that was; of those still on their way, the tick in which they would be due.
    """
    tables = _MessageTables(record)
    flying: dict[tuple[str, int], tuple[Numbers, npt.NDArray[np.uint64], Numbers]] = {}
    yield tables.schema.empty_table()
    for tick in range(first, record.ticks):
        frame = record.frame(tick)
        for ended in frame.ended:
            if first <= ended.sent < last:
                yield tables.table(record.said(ended.kind, ended.sent), ended, np.full(len(ended), tick))
        if tick < last:
            flying |= {(kind, tick): (way.number, way.copy, way.due) for kind, way in frame.way.items()}
        flying = {key: left for key, way in flying.items() if len((left := _due_after(way, tick))[0])}
        if tick >= last and not flying:
            return
    for (kind, sent), (number, copy, due) in flying.items():
        said = record.said(kind, sent)
        left = Ended(kind, sent, Fate.SENT, "", number, copy, record.said)
        yield tables.table(said, left, due, FLYING)


def _due_after(way: Any, tick: int) -> Any:
    later = way[2] > tick
    return way if later.all() else tuple(column[later] for column in way)


class _MessageTables:
    """Turns messages of one kind, tick and fate into a table."""

    def __init__(self, record: RecordedTicks) -> None:
        self._agents = pa.array(record.agents, type=pa.string())
        self._channels, self._record = record.channels, record
        self._labels = [label for label, _ in record.header["labels"]]
        self._parts: dict[str, list[str]] = {}
        payload: dict[str, pa.Field] = {}
        for kind in record.header["kinds"]:
            names = []
            for name, width, unit in kind["fields"]:
                for k in range(width):
                    field = _field(
                        f"{name}.{k}" if record.shape.periods > 1 and width > 1 else name, pa.float64(), unit
                    )
                    payload[field.name] = field
                    names.append(field.name)
            self._parts[kind["name"]] = names
        fields = [pa.field("id", pa.int64()), pa.field("kind", pa.string())]
        fields += [pa.field(name, pa.dictionary(pa.int32(), pa.string())) for name in ("sender", "receiver")]
        fields += [_field("sent", pa.int64()), _field("ended", pa.int64())]
        fields += [pa.field("fate", pa.string()), pa.field("reason", pa.string())]
        fields += [pa.field("copy", pa.bool_()), pa.field("cause", pa.int64())]
        self.schema = pa.schema([*fields, *payload.values()])
        self._payload = list(payload)

    def table(self, said: Said, ended: Ended, when: Numbers, fate: str | None = None) -> pa.Table:
        n, place = len(ended), ended.number - said.number[0]
        cause = said.cause[place]
        values = said.payload[place if said.row is None else said.row[place]]
        sender, receiver = (
            pa.DictionaryArray.from_arrays(pa.array(self._channels[end][said.channel[place]]), self._agents)
            for end in ("sender", "receiver")
        )
        columns: dict[str, Any] = {
            "id": ended.number,
            "kind": _words(self._record.label_of(said.kind, said.channel[place]), self._labels).cast(pa.string()),
            "sender": sender,
            "receiver": receiver,
            "sent": np.full(n, said.tick),
            "ended": when,
            "fate": pa.repeat(pa.scalar(fate or str(ended.fate)), n),
            "reason": pa.repeat(pa.scalar(ended.reason), n),
            "copy": ended.copy != 0,
            "cause": pa.array(cause, mask=cause < 0),
        }
        mine = self._parts[said.kind]
        for name in self._payload:
            columns[name] = pa.array(values[:, mine.index(name)]) if name in mine else pa.nulls(n, pa.float64())
        return pa.table([columns[field.name] for field in self.schema], schema=self.schema)
