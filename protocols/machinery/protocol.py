"""Protocol: the kinds of messages, the roles, and the one method that moves prices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...environment import Field as Part
from ...environment import Kind
from ...environment.topology.channels import Link
from ..errors import ProtocolError
from .coordination.balances import Balances
from .coordination.coordinator import Coordinator
from .coordination.termination import Termination
from .market import Market
from .options import TRUE_MAX, Options
from .participant import Participant
from .role import Role

__all__ = ["Protocol", "protocol_types"]

_TYPES: dict[str, type[Protocol]] = {}
_TAKEN = frozenset((*dir(Balances), *Balances.__annotations__))


class Protocol(Options):
    """Coordinators ask, participants answer; a subclass says how prices move.

    A subclass sets `name`, its options as pydantic fields, what is in an ask (`asks`), what it keeps beside the price
    (`columns`), and writes `update`. Roles of its own come with `roles`.

    Examples
    --------
    >>> class Ascent(Protocol):
    ...     step_size: float = 0.1
    ...
    ...     def update(self, balances):
    ...         balances.price += self.step_size * balances.imbalance
    >>> Ascent().kinds(2, ("price",), ("bid",))["ask"].width
    3
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Make the protocol known under its name.

        Raises
        ------
        ProtocolError
            A column is called like something that `Balances` has, or a field is asked that is no column.
        """
        super().__init_subclass__(**kwargs)
        if taken := [name for name in cls.columns if name == "price" or name in _TAKEN]:
            raise ProtocolError(f"{cls.__name__}: columns = {taken[0]!r}: balances have something else of this name")
        if unknown := [name for name in cls.asks if name not in ("price", *cls.columns)]:
            raise ProtocolError(
                f"{cls.__name__}: asks = {unknown[0]!r}, which is no column; there is {', '.join(('price', *cls.columns))}"
            )
        if cls.__dict__.get("name"):  # its own: a subclass of a known protocol must not take its place
            _TYPES[cls.name] = cls

    @property
    def coordinator(self) -> type[Coordinator]:
        """The virtual agents' role."""
        return Coordinator

    def update(self, balances: Balances) -> None:
        """Move the prices of some balances, whose round is complete, buses, tie-lines and all others alike."""
        raise ProtocolError(f"{type(self).__name__} does not say how prices move; wanted an update(balances)")

    def optimised(self, market: Market) -> Market | None:
        """Return the market whose optimum this protocol ends at, by default the one it runs on; None where it is no optimum."""
        return market

    def wired(self, market: Market) -> Market:
        """Return the market with the channels that this protocol speaks on: by default those it has."""
        return market

    def kinds(self, periods: int, asks: Sequence[str] = (), answers: Sequence[str] = ()) -> dict[str, Kind]:
        """Return the message kinds, by name.

        Parameters
        ----------
        periods
        asks, answers : what people call an ask and an answer about each of the topology's kinds of balances
        """
        ask = tuple(Part(n, 1 if n == "rho" else periods, unit, *self.allowed(n)) for n, unit in self.asks.items())
        number, known = Part("round", 1, "1", low=0, whole=True), Part("round", 1, "1", low=-1, whole=True)
        answer = (Part("x", periods, "kW", -TRUE_MAX["kW"], TRUE_MAX["kW"]), known)  # -1: there is no answer yet
        kinds = (
            Kind("ask", (Link.DOWN,), (*ask, number), tuple(asks)),
            Kind("answer", (Link.UP,), answer, tuple(answers)),
            Kind("recall", (Link.DOWN,), (number,)),
            Kind("recollection", (Link.UP,), (*ask, Part("asked", 1, "1", low=-1, whole=True), *answer)),
            Kind("termination", (Link.PEER,), Termination.FIELDS),
        )
        return {kind.name: kind for kind in kinds}

    def kinds_of(self, market: Market) -> dict[str, Kind]:
        """Return the message kinds in a market."""
        kinds = market.topology.kinds
        return self.kinds(market.periods, [kind.ask for kind in kinds], [kind.answer for kind in kinds])

    def roles(self, market: Market, *, one_by_one: bool = False) -> list[Role]:
        """Return the roles of a market: one a population, or, to the same effect, one an agent.

        Raises
        ------
        ProtocolError
            The market lacks what the protocol needs.
        """
        kinds = self.kinds_of(market)
        coordinators = np.arange(len(market.topology.coordinators))
        roles: list[Role] = [
            self.coordinator(self, self.update, market, kinds, part) for part in _split(coordinators, one_by_one)
        ]
        for number, population in enumerate(market.populations):
            parts = _split(np.arange(len(population.address)), one_by_one)
            roles += [Participant(self, market, kinds, number, part) for part in parts]
        return roles


def _split(which: np.ndarray[Any, Any], one_by_one: bool) -> Sequence[np.ndarray[Any, Any]]:
    return np.split(which, len(which)) if one_by_one else [which]


def protocol_types() -> dict[str, type[Protocol]]:
    """Return every protocol that is known, by name."""
    return dict(sorted(_TYPES.items()))
