"""Reading a record: tick by tick, and as pandas frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .recorded_ticks import RecordedTicks

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Record"]


class Record(RecordedTicks):
    """The record of a run: see `RecordedTicks`; and as pandas frames, for which pandas is loaded when they are asked for."""

    def metrics(self) -> pd.DataFrame:
        """Return what the observer saw, a row a tick."""
        from .tables.record_tables import frame_of_all, metrics_table

        return frame_of_all(metrics_table(self))

    def prices(self) -> pd.DataFrame:
        """Return the price of each balance, a row a tick, balance and period; of copies one row each, with their agent."""
        from .tables.record_tables import frame_of_all, price_tables

        return frame_of_all(price_tables(self))

    def answers(self) -> pd.DataFrame:
        """Return what the agents propose, a row a tick, agent, port and period.

        Raises
        ------
        RunError
            It is not in the record because there is too much of it.
        """
        from .tables.record_tables import answer_tables, frame_of_all

        return frame_of_all(answer_tables(self))

    def messages(self, first: int = 0, last: int | None = None) -> pd.DataFrame:
        """Return every message said in some ticks, first <= tick < last, and what became of it, a row each."""
        from .tables.record_tables import frame_of_all, message_tables

        return frame_of_all(message_tables(self, first, self.ticks if last is None else last))
