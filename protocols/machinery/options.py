"""Options: the options of every protocol, and what a protocol declares about itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from .market import Market

__all__ = ["TRUE_MAX", "Column", "Options"]

TRUE_MAX = {"kW": 1e9, "$/kWh": 1e12, "$/kW²h": 1e9}
"""By unit, beyond which a number that is heard cannot be true: a terawatt, the price at which a run has diverged, and a
penalty at which a watt counts as much as that."""


@dataclass(frozen=True)
class Column:
    """A column that a protocol keeps beside the price.

    One that is asked comes back after a lost memory from what the rows recall; any other starts again.

    Attributes
    ----------
    by : one entry a balance, or one a row
    first : what stands there in the beginning: a number, or the name of the protocol's option that tells
    width : ``"periods"`` numbers, or 1
    per_period : whether it starts again when a period opens
    low, high : where it is asked, what it can truly be; an ask that says anything else is refused by who hears it
    """

    by: Literal["balance", "row"]
    first: float | str = 0.0
    width: Literal["periods", 1] = "periods"
    per_period: bool = False
    low: float = -np.inf
    high: float = np.inf


class Options(BaseModel):
    """What roles need to know of a protocol.

    Attributes
    ----------
    name : what a scenario calls it
    asks : what an ask carries beside its round: field and unit, one number a period (`rho`: one number)
    columns : what it keeps beside the price, by name; those in `asks` are asked
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: ClassVar[str] = ""
    asks: ClassVar[Mapping[str, str]] = {"price": "$/kWh"}
    columns: ClassVar[Mapping[str, Column]] = {}

    patience: int = Field(default=2, ge=2, description="ticks of silence after which a role repeats its last message")
    on_silence: Literal["ask_again", "newest"] = Field(
        default="ask_again", description="ask again until a round is complete, or act on the newest heard"
    )
    eps_abs: float = Field(default=1e-8, ge=0, description="kW and $/kWh below which a coordinator is settled")
    eps_rel: float = Field(default=1e-8, ge=0, description="the same relative to power or price")

    def allowed(self, name: str) -> tuple[float, float]:
        """Return least and most of a field that is asked, weights included; a penalty is never negative."""
        column, most = self.columns.get(name, Column("balance")), TRUE_MAX.get(self.asks[name], 1e15)
        return max(column.low, 0.0 if name == "rho" else -most), min(column.high, most)

    def weights(self, market: Market) -> Mapping[str, npt.NDArray[np.float64]]:
        """Return, by asked field, (R, 1), by what it is multiplied when each row is asked; a field left out by 1."""
        return {}
