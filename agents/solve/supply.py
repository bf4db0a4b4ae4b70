"""What an operator can supply: sources, each a supply curve, and how they share what is wanted at least cost."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..bounds import within
from .water_fill import LogOffer, amount, water_fill

__all__ = ["Dispatch", "Storage", "Supply"]

Floats = npt.NDArray[np.float64]
Offers = tuple[Floats, Floats, Floats, Floats]
"""Price, curvature, low and high of offers that fall in the marginal value, (m, k) each: see `water_fill.offers`."""


@dataclass(frozen=True)
class Dispatch:
    """What each source supplies, (m,) kW: generator or grid, PV, and storage (discharge above zero, charge below)."""

    generation: Floats
    pv: Floats
    storage: Floats


@dataclass(frozen=True)
class Storage:
    """Storage of note 001 in one period: C(B) = k S (exp(B / S) - 1) for B <= 0, q B^2 + k B for B > 0, B being discharge.

    Convex and smooth with C'(0) = k. With sign = -1 the cost is C(-B), which is what the signs of the note say literally.

    Attributes
    ----------
    k : (m,) $/kWh, > 0
    scale : S, (m,) kW, > 0
    q : (m,) $/kW²h, > 0
    charge_max, discharge_max : (m,) kW, >= 0
    sign : 1 or -1
    """

    k: Floats
    scale: Floats
    q: Floats
    charge_max: Floats
    discharge_max: Floats
    sign: float = 1.0

    @property
    def dear_max(self) -> Floats:
        """(m,) kW: how far it goes where the cost grows quadratically."""
        return self.discharge_max if self.sign > 0 else self.charge_max

    @property
    def cheap_max(self) -> Floats:
        """(m,) kW: how far it goes where it is paid for, less and less."""
        return self.charge_max if self.sign > 0 else self.discharge_max

    def power(self, value: Floats) -> Floats:
        """Return B, (m,) kW, at which C'(B) is the marginal value of supply."""
        worth = self.sign * value
        with np.errstate(over="ignore", divide="ignore"):
            dear = (worth - self.k) / (2.0 * self.q)
            cheap = self.scale * np.log(np.maximum(worth, 0.0) / self.k)
        return self.sign * np.clip(np.where(worth > self.k, dear, cheap), -self.cheap_max, self.dear_max)

    def cost(self, power: Floats) -> Floats:
        """Return C in $/h of B, (m,) kW."""
        b = self.sign * power
        cheap = self.scale * np.expm1(np.minimum(b, 0.0) / self.scale)
        dear = np.maximum(b, 0.0)
        return self.k * (cheap + dear) + self.q * dear * dear

    def slope(self, value: Floats) -> Floats:
        """Return dB / dvalue, (m,) kW per $/kWh, 0 at either limit."""
        worth = self.sign * value
        free = np.abs(self.power(value))
        dear = (worth > self.k) & (free < self.dear_max)
        cheap = (worth > 0.0) & (worth <= self.k) & (free < self.cheap_max)
        return np.where(dear, 0.5 / self.q, np.where(cheap, self.scale / np.where(cheap, worth, 1.0), 0.0))

    def offers(self) -> tuple[Offers, LogOffer]:
        """Return -B as a linear offer, (m, 1) columns, and a logarithmic one."""
        zero = np.zeros_like(self.k)
        limits = (-self.dear_max, zero) if self.sign > 0 else (zero, self.dear_max)
        linear = _one(self.sign * self.k, 2.0 * self.q, *limits)
        return linear, LogOffer(self.k, self.scale, self.cheap_max, self.sign)


@dataclass(frozen=True)
class Supply:
    """Generator or grid with cost a G^2 + b G, PV at no cost, and storage if there is one.

    Attributes
    ----------
    quadratic, linear, power_max : a, b and the most G, (m,) $/kW²h, $/kWh, kW
    pv : (m,) kW
    curtailed : whether PV may be left unused where it is worth nothing
    storage
    """

    quadratic: Floats
    linear: Floats
    power_max: Floats
    pv: Floats
    curtailed: bool = False
    storage: Storage | None = None

    def at(self, value: Floats, wanted: Floats) -> Dispatch:
        """Return what is supplied at a marginal value, (m,) $/kWh; at exactly zero as much free PV as is wanted in all."""
        generation = np.clip((value - self.linear) / (2.0 * self.quadratic), 0.0, self.power_max)
        stored = np.zeros_like(generation) if self.storage is None else self.storage.power(value)
        if not self.curtailed:
            return Dispatch(generation, self.pv, stored)
        free = np.clip(wanted - generation - stored, 0.0, self.pv)
        return Dispatch(generation, np.where(value > 0.0, self.pv, np.where(value < 0.0, 0.0, free)), stored)

    def value(self, taken: Offers) -> Floats:
        """Return the marginal value, (m,) $/kWh, at which offers that take power, (m, k) each, take all that is supplied."""
        zero = np.zeros_like(self.linear)
        together = _beside(_one(self.linear, 2.0 * self.quadratic, -self.power_max, zero), taken)
        log = None
        if self.storage is not None:
            linear, log = self.storage.offers()
            together = _beside(together, linear)
        if not self.curtailed:
            return water_fill(*together, self.pv, log)
        # Free power is a step at zero: below it none is used, above it all.
        here = amount(*together, zero, log)
        value = water_fill(*together, np.clip(here, 0.0, self.pv), log)
        return np.where(here <= 0.0, np.minimum(value, 0.0), np.where(here >= self.pv, np.maximum(value, 0.0), 0.0))

    def share(self, total: Floats) -> Dispatch:
        """Return how the sources share a total, (m,) kW, at least cost; a rounding error of it goes to the generator."""
        zero = np.zeros_like(total)
        if self.storage is None and not self.curtailed:
            return Dispatch(total - self.pv, self.pv, zero)
        value = self.value(_one(zero, np.ones_like(total), total, total))
        found = self.at(value, total)
        return replace(found, generation=total - found.pv - found.storage)

    def cost(self, found: Dispatch) -> Floats:
        """Return what a dispatch costs, (m,) $/h; +inf where the generator would have to leave its limits."""
        value = self.quadratic * found.generation * found.generation + self.linear * found.generation
        if self.storage is not None:
            value = value + self.storage.cost(found.storage)
        return within(found.generation, 0.0, self.power_max, value)

    def slope(self, value: Floats) -> Floats:
        """Return how the supply grows with the marginal value, (m,) kW per $/kWh; 0 where it does not, or jumps."""
        wanted = (value - self.linear) / (2.0 * self.quadratic)
        slope = np.where((wanted > 0.0) & (wanted < self.power_max), 0.5 / self.quadratic, 0.0)
        return slope if self.storage is None else slope + self.storage.slope(value)


def _one(price: Floats, curvature: Floats, low: Floats, high: Floats) -> Offers:
    """One offer a row."""
    return price[:, None], curvature[:, None], low[:, None], high[:, None]


def _beside(one: Offers, two: Offers) -> Offers:
    price, curvature, low, high = (np.concatenate(pair, axis=1) for pair in zip(one, two, strict=True))
    return price, curvature, low, high
