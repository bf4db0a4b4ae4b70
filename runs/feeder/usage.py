"""Who pays whom on a network: usage charges of trades, their budget, and how far everybody is from his best answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...agents import AgentError, MiddleOperator, NetworkOperator
from ...agents.network.signals import Signals
from ...protocols import Market, MarketState, Protocol
from ..judge.equilibrium import natural_residual, posed_market
from .state import network_of

__all__ = ["SELLER_SHARE", "usage_report", "usage_text"]

Floats = npt.NDArray[np.float64]

SELLER_SHARE = 0.5
"""Share of a usage charge that the seller pays: it moves the price in the contract, and no quantity."""
_PARTS = ("energy", "loss", "congestion", "voltage")
_TRADED = 1e-6
"""kW below which nothing is traded."""


def usage_report(market: Market, protocol: Protocol, state: MarketState, x: Sequence[Floats]) -> dict[str, Any]:
    """Return what trades on a network pay for its use, and what is left at everybody's best answer; {} without a network.

    The network usage charge of a trade is NUC = (DLMP_buyer - DLMP_seller) e, in its parts. The buyer pays the price in the
    contract and 1 - share of it, the seller receives that price less the rest, so what lies between is the charge. With what
    is sold or bought at the tariffs, s - m, which pays (energy - DLMP)(s - m), charges add up to what the network is worth:

        sum NUC + sum (energy - DLMP)(s - m) = sum (price of losses LF + G^T mu) p = losses' part + mu h

    Source: note 003, as we reconstruct it. For markets of one period.

    Parameters
    ----------
    x : by population, (rows, 1) kW, balanced

    Returns
    -------
    residual_kw : of the natural map, see `natural_residual`; by prosumer: dlmp and its parts, $/kWh; trades: seller, buyer,
    kw, $/kWh of the contract, $/h of charge and its parts; budget: $/h of charges, of exchanges with the supplier, their
    sum, and the same from losses and from limits
    """
    place = network_of(market)
    if place is None or market.periods != 1 or not all(np.isfinite(rows).all() for rows in x):
        return {}
    tangent = posed_market(market, list(x))
    residual = natural_residual(tangent, protocol, state, list(x))
    operator: Any = tangent.members[place].society
    assert isinstance(operator, NetworkOperator)
    population = market.populations[place]
    topology, hub = market.topology, int(market.topology.home[population.address[0]])
    line, end = market.port_ends(population)
    price = state.transfer_price.mean(axis=1)[:, 0]
    p = x[place][1:, 0]
    try:
        signals = operator.signals(*_question(price[line], x[place]))
    except AgentError:
        return {}
    peer = topology.lines[line, 1 - end]
    dlmp = {part: np.zeros(topology.hubs) for part in (*_PARTS, "dlmp")}
    for part, column in dlmp.items():
        column[peer] = getattr(signals, part)[:, 0]
    # Prosumers behind an operator in the middle have the prices of its connection.
    middle = [p for p in market.populations if isinstance(p.society, MiddleOperator)]
    places = topology.home[np.concatenate([p.address for p in middle])] if middle else np.empty(0, dtype=np.int64)
    behind = np.isin(topology.lines[:, 0], places)
    for column in dlmp.values():
        column[topology.lines[behind, 1]] = column[topology.lines[behind, 0]]
    trades = np.flatnonzero((topology.lines != hub).all(axis=1) & ~behind)
    sold = _sold(market, x)
    return {
        "residual_kw": max(float(np.abs(rows).max(initial=0.0)) for rows in residual),
        "trades": [
            _trade(topology.microgrids, topology.lines[k], sold[k], price[k], dlmp)
            for k in trades
            if abs(sold[k]) > _TRADED
        ],
        "budget": _budget(operator, signals, p, peer, trades, topology.lines, sold, dlmp),
    }


def _question(price: Floats, x: Floats) -> tuple[Floats, Floats, Floats]:
    """Ask for what is answered: the prices as they stand, and a firm pull to x."""
    firm = max(1e-9, 1e-2 * float(np.abs(price).max(initial=0.0)))
    return np.concatenate([[0.0], price])[:, None], x, np.full((len(x), 1), firm)


def _sold(market: Market, x: Sequence[Floats]) -> Floats:
    """(L,) kW: what goes over each line from its first to its second end, the mean of what both ends say."""
    flow = np.zeros((len(market.topology.lines), 2))
    for population, rows in zip(market.populations, x, strict=True):
        if len(population.society.port_rows):
            line, end = market.port_ends(population)
            flow[line, end] = rows[population.society.port_rows, 0]
    return np.asarray((flow[:, 1] - flow[:, 0]) / 2.0)


def _trade(
    names: Sequence[str], ends: npt.NDArray[np.integer], sold: float, price: float, dlmp: dict[str, Floats]
) -> dict[str, Any]:
    seller, buyer = (ends if sold > 0.0 else ends[::-1]).tolist()
    kw = abs(float(sold))
    charge = {part: float(column[buyer] - column[seller]) * kw for part, column in dlmp.items()}
    contract = float(price + dlmp["dlmp"][seller]) + SELLER_SHARE * charge["dlmp"] / kw
    return {
        "seller": names[seller],
        "buyer": names[buyer],
        "kw": kw,
        "contract_price": contract,
        "charge": charge["dlmp"],
        "seller_receives": contract * kw - SELLER_SHARE * charge["dlmp"],
        "buyer_pays": contract * kw + (1.0 - SELLER_SHARE) * charge["dlmp"],
        **{part: charge[part] for part in _PARTS[1:]},
    }


def _multipliers(signals: Signals) -> Floats:
    """(2 (lines + buses),) $/kWh and $/h per pu²: of lines forwards and backwards, of lowest and highest voltages."""
    line, voltage = signals.line_price[:, 0], signals.voltage_price[:, 0]
    return np.maximum(np.concatenate([line, -line, -voltage, voltage]), 0.0)


def _budget(
    operator: NetworkOperator,
    signals: Signals,
    p: Floats,
    peer: npt.NDArray[np.integer],
    trades: npt.NDArray[np.integer],
    lines: npt.NDArray[np.integer],
    sold: Floats,
    dlmp: dict[str, Floats],
) -> dict[str, float]:
    """Return both sides of the budget, $/h: what is charged, and what losses and limits are worth."""
    network = operator.networks[0]
    injected, traded = np.zeros(len(dlmp["dlmp"])), np.zeros(len(dlmp["dlmp"]))
    injected[peer] = p
    np.add.at(traded, lines[trades, 0], sold[trades])
    np.add.at(traded, lines[trades, 1], -sold[trades])
    use = dlmp["energy"] - dlmp["dlmp"]
    charges = float(((dlmp["dlmp"][lines[trades, 1]] - dlmp["dlmp"][lines[trades, 0]]) * sold[trades]).sum())
    exchanges = float((use * (injected - traded)).sum())
    envelope = network.tangent(p)
    lost = 0.0 if envelope is None else (network.wholesale + network.loss_price) * float(envelope.loss_factor @ p)
    limits = 0.0 if envelope is None else float(_multipliers(signals)[envelope.which] @ envelope.room)
    return {
        "charges": charges,
        "exchanges": exchanges,
        "collected": charges + exchanges,
        "losses": lost,
        "limits": limits,
    }


def usage_text(usage: Mapping[str, Any]) -> str:
    """Return the report in a sentence."""
    budget = {name: f"{round(value, 4) + 0.0:.4f}" for name, value in usage["budget"].items()}
    return (
        f"{len(usage['trades'])} trades, which pay {budget['charges']} $/h for its use, and exchanges with the supplier "
        f"{budget['exchanges']}: {budget['losses']} for losses, {budget['limits']} for limits; best answers are "
        f"{usage['residual_kw']:.1e} kW away"
    )
