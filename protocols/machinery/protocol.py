"""Protocol: the kinds of messages, the roles, and the options that all protocols share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from ...environment import Field as Part
from ...environment import Kind
from ...environment.channels import Link
from .keeper import Keeper
from .market import Market
from .quiet import Quiet
from .responder import Responder
from .role import Role

__all__ = ["Protocol", "protocol_types"]

_TYPES: dict[str, type[Protocol]] = {}


class Protocol(BaseModel):
    """Keepers ask, members answer; a subclass says what is in an ask and how its keeper moves prices.

    Attributes
    ----------
    name : what a scenario calls it
    keeper : the keeper role, whose `update` is the protocol; a property, since options may choose it
    ask : what an ask carries beside its round: field and unit, one number a period (`rho`: one number)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: ClassVar[str] = ""
    ask: ClassVar[dict[str, str]] = {"price": "$/kWh"}

    patience: int = Field(default=2, ge=2, description="ticks of silence after which a role repeats its last message")
    on_silence: Literal["ask_again", "newest"] = Field(
        default="ask_again", description="ask again until a round is complete, or act on the newest heard"
    )
    eps_abs: float = Field(default=1e-8, ge=0, description="kW and $/kWh below which a keeper is quiet")
    eps_rel: float = Field(default=1e-8, ge=0, description="the same relative to power or price")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Make the protocol known under its name."""
        super().__init_subclass__(**kwargs)
        if cls.__dict__.get("name"):  # its own: a subclass of a known protocol must not take its place
            _TYPES[cls.name] = cls

    @property
    def keeper(self) -> type[Keeper]:
        """The virtual agents' role."""
        raise NotImplementedError

    def optimised(self, market: Market) -> Market | None:
        """Return the market whose optimum this protocol ends at, by default the one it runs on; None where it is no optimum."""
        return market

    def counts(self, market: Market) -> npt.NDArray[np.float64]:
        """(L, 2): how much the price of each tie-line counts at either end; by default what it is."""
        return np.ones((len(market.topology.lines), 2))

    def kinds(self, periods: int) -> dict[str, Kind]:
        """Return the message kinds, by name."""
        ask = tuple(Part(name, 1 if name == "rho" else periods, unit) for name, unit in self.ask.items())
        answer = (Part("x", periods, "kW"), Part("round", 1, "1"))
        kinds = (
            Kind("price", (Link.DOWN,), (*ask, Part("round", 1, "1"))),
            Kind("bid", (Link.UP,), answer),
            Kind("transfer_price", (Link.LINE_DOWN,), (*ask, Part("round", 1, "1"))),
            Kind("transfer", (Link.LINE_UP, Link.PEER), answer),
            Kind("recall", (Link.DOWN, Link.LINE_DOWN), (Part("round", 1, "1"),)),
            Kind("recollection", (Link.UP, Link.LINE_UP), (*ask, Part("asked", 1, "1"), *answer)),
            Kind("quiet", (Link.PEER,), tuple(Part(name, 1, "1") for name in Quiet.FIELDS)),
        )
        return {kind.name: kind for kind in kinds}

    def roles(self, market: Market, *, one_by_one: bool = False) -> list[Role]:
        """Return the roles of a market: one a population, or, to the same effect, one an agent.

        Raises
        ------
        ProtocolError
            The market lacks what the protocol needs.
        """
        kinds = self.kinds(market.periods)
        hubs = np.arange(market.topology.hubs)
        roles: list[Role] = [self.keeper(self, market, kinds, part) for part in _split(hubs, one_by_one)]
        for number, population in enumerate(market.members):
            parts = _split(np.arange(len(population.address)), one_by_one)
            roles += [Responder(self, market, kinds, number, part) for part in parts]
        return roles


def _split(which: np.ndarray[Any, Any], one_by_one: bool) -> Sequence[np.ndarray[Any, Any]]:
    return np.split(which, len(which)) if one_by_one else [which]


def protocol_types() -> dict[str, type[Protocol]]:
    """Return every protocol that is known, by name."""
    return dict(sorted(_TYPES.items()))
