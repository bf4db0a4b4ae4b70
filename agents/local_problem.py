"""The local problem of an agent: what every type answers, and what else a type may offer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from .period import Period
from .rows import RowLayout

__all__ = ["LocalProblem", "OptionalMethod"]

Floats = npt.NDArray[np.float64]
OptionalMethod = Literal["slope", "reference", "day_reference", "scaled", "linearised"]
"""Methods that a type may do without: see `LocalProblem.offers`."""


class LocalProblem(RowLayout):
    """What is asked of the agents of one type, in flat rows: see `RowLayout`.

    Every type that takes part in a market writes `respond` and `cost`; all other methods are optional. `offers` tells whether
    a type has those without which a question stays open: `slope`, `reference`, `day_reference`, `scaled`, `linearised`.
    """

    @classmethod
    def offers(cls, method: OptionalMethod) -> bool:
        """Tell whether a type has an optional method of its own.

        >>> from gridparley.agents import LogLoad, VirtualAgent
        >>> LogLoad.offers("reference"), VirtualAgent.offers("reference")
        (True, False)
        """
        found = getattr(cls, method)
        return callable(found) and found is not getattr(LocalProblem, method)

    def respond(self, price: Floats, target: Floats, rho: Floats) -> Floats:
        """Answer the one question: argmin_x cost(x) + sum price x + sum rho/2 |x - target|^2.

        Parameters
        ----------
        price : (rows, periods) $/kWh
        target : (rows, periods) kW
        rho : (rows, 1) $/kW²h, 0 for the plain best response (ties go to the least |x|)

        Returns
        -------
        (rows, periods) kW, x > 0 is import
        """
        raise NotImplementedError(f"{type(self).__name__} does not say how it responds")

    def cost(self, x: Floats) -> Floats:
        """Return the cost in $/h of each agent and period, (n, periods); +inf outside its limits. x : (rows, periods) kW."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it costs")

    def slope(self, price: Floats) -> Floats:
        """Return -dx/dprice, (rows, periods) kW per $/kWh, of each row for its own price at rho = 0; optional.

        Parameters
        ----------
        price : (rows, periods) $/kWh
        """
        raise NotImplementedError(f"{type(self).__name__} has no slope(price)")

    def reference(self, cp: Any, x: Any) -> tuple[Any, list[Any]]:
        """Return the cost and the constraints of the agents together, as a part of a central solve; optional.

        Without it a run shows its certificate and no central reference.

        Parameters
        ----------
        cp : the module cvxpy
        x : CVXPY variable, (rows, periods) kW

        Returns
        -------
        a convex expression in $/h, summed over agents and periods, and a list of convex constraints
        """
        raise NotImplementedError(f"{type(self).__name__} has no reference(cp, x)")

    def day_reference(self, cp: Any, x: Any, periods: Sequence[Period]) -> tuple[Any, list[Any]]:
        """Return cost and constraints of a whole day, as a part of a central solve that knows all its periods; optional.

        For types that keep something from a period to the next, which here is a variable: the rest is `reference`'s. The
        agents are as the day begins. Only costs that are truly met count, so `outlook` is left out and the change of
        `stock_value` takes its place.

        Parameters
        ----------
        cp : the module cvxpy
        x : CVXPY variable, (rows, periods) kW
        periods : of the day, all of one length

        Returns
        -------
        a convex expression in $/h, summed over agents and periods, and a list of convex constraints
        """
        raise NotImplementedError(f"{type(self).__name__} has no day_reference(cp, x, periods)")

    def outlook(self, x: Floats) -> Floats:
        """Return the part of `cost` that only estimates what comes later, (n, periods) $/h; by default none.

        A storage that looks at one period at a time must take a stored kWh to be worth something. Over a whole day that
        is neither paid nor earned: what counts then is what is left at its end, `stock_value`.
        """
        return np.zeros((len(self), x.shape[1]))

    def stock_value(self) -> Floats:
        """Return what the agents keep for later is worth to them, (n, 1) $, up to a constant; by default nothing."""
        return np.zeros((len(self), 1))

    def scaled(self, weight: Floats) -> Self:
        """Return the same agents with `weight`, (n, 1), times their costs; optional, for markets that weight them."""
        raise NotImplementedError(f"{type(self).__name__} has no scaled(weight)")

    def linearised(self, x: Floats) -> Self:
        """Return the same agents with a convex problem that touches theirs at x; optional, for types that are not convex.

        Parameters
        ----------
        x : (rows, periods) kW

        Raises
        ------
        AgentError
            At x there is no such problem.
        """
        raise NotImplementedError(f"{type(self).__name__} has no linearised(x)")

    @property
    def convex(self) -> bool:
        """Whether all agents' problems are convex; where they are not, answers may be no minima, and prove nothing."""
        return True

    def unregularised(self) -> Self:
        """Return the same agents without the terms that only regularise the market; by default themselves."""
        return self

    def sources(self, x: Floats) -> dict[str, Floats]:
        """Return what operators supply, and from what, where x, (rows, periods) kW, is exchanged: for tables and figures.

        Returns
        -------
        (n, periods) by name: "generation" and "net_export", over the ports, in kW; beside them any of "demand", "pv",
        "storage" (discharge) and "main_grid" in kW, "soc" in 1, "energy" in kWh and "tariff" in $/kWh. By default all that
        is supplied is generation, since only the type itself knows what of it is PV.
        """
        supply = self.supplied(x)
        return {"generation": supply, "pv": np.zeros_like(supply), "net_export": self.exported(x)}
