"""Payments on a network: usage charges of trades, their budget, and how far each agent is from its best answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...agents import AgentError, NetworkOperator
from ...agents.network.signals import Signals
from ...agents.solve.fixed_order import times
from ...protocols import Market, MarketState, Protocol
from ..judge.equilibrium import natural_residual, tangent_market
from .ports import NetworkPorts, network_ports

__all__ = ["SELLER_SHARE", "usage_report", "usage_text"]

Floats = npt.NDArray[np.float64]

SELLER_SHARE = 0.5
"""Share of a usage charge that the seller pays: it moves the price in the contract, and no quantity."""
_PARTS = ("energy", "loss", "congestion", "voltage")
_TRADED = 1e-6
"""kW below which nothing is traded."""


def usage_report(market: Market, protocol: Protocol, state: MarketState, x: Sequence[Floats]) -> dict[str, Any]:
    """Return what trades on a network pay for its use, and how far best answers are away; {} without a network.

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
    ports = network_ports(market)
    if ports is None or market.periods != 1 or not all(np.isfinite(rows).all() for rows in x):
        return {}
    tangent = tangent_market(market, list(x))
    residual = natural_residual(tangent, protocol, state, list(x))
    operator: Any = tangent.populations[ports.population].society
    price, fed = state.price[:, 0], x[ports.population]
    try:
        signals = operator.signals(*_question(price[ports.balance], fed))
    except AgentError:
        return {}
    dlmp, trades = _prices(ports, signals), _trades(ports)
    ends, sold = market.topology.ends, _sold(market, x)
    return {
        "residual_kw": max(float(np.abs(rows).max(initial=0.0)) for rows in residual),
        "trades": [
            _trade(market.topology.homes, ends[k], sold[k], price[k], dlmp) for k in trades if abs(sold[k]) > _TRADED
        ],
        "budget": _budget(operator, signals, fed[1:, 0], ports.home, ends[trades], sold[trades], dlmp),
    }


def _behind(ports: NetworkPorts) -> npt.NDArray[np.integer]:
    """Return the connections that others than the network operator give, such as an operator in the middle."""
    topology = ports.market.topology
    connections = [k for k in topology.joins if topology.kinds[topology.kind[k]].name == "connection"]
    return np.setdiff1d(connections, ports.balance).astype(np.int64)


def _trades(ports: NetworkPorts) -> npt.NDArray[np.integer]:
    """Return the balances in which two agents trade on the network: all that joins two and connects neither to it."""
    return np.setdiff1d(ports.market.topology.joins, [*ports.balance, *_behind(ports)]).astype(np.int64)


def _prices(ports: NetworkPorts, signals: Signals) -> dict[str, Floats]:
    """Return, by home, the price of its connection and its parts, (homes,) $/kWh; 0 where there is no connection."""
    topology = ports.market.topology
    dlmp = {part: np.zeros(len(topology.homes)) for part in (*_PARTS, "dlmp")}
    # Prosumers behind an operator in the middle have the prices of its connection.
    ends = topology.ends[_behind(ports)]
    first = np.isin(ends[:, 0], ports.home)
    near, far = np.where(first, ends[:, 0], ends[:, 1]), np.where(first, ends[:, 1], ends[:, 0])
    for part, column in dlmp.items():
        column[ports.home] = getattr(signals, part)[:, 0]
        column[far] = column[near]
    return dlmp


def _question(price: Floats, x: Floats) -> tuple[Floats, Floats, Floats]:
    """Ask for what is answered: the prices as they stand, and a firm pull to x."""
    firm = max(1e-9, 1e-2 * float(np.abs(price).max(initial=0.0)))
    return np.concatenate([[0.0], price])[:, None], x, np.full((len(x), 1), firm)


def _sold(market: Market, x: Sequence[Floats]) -> Floats:
    """(B,) kW: what goes over each balance from its first to its second end, the mean of what both ends say."""
    topology, rows = market.topology, market.of_rows(list(x))[:, 0]
    sold = np.zeros(len(topology.balances))
    np.add.at(sold, topology.row_balance, np.where(topology.row_end == 0, -rows, rows) / 2.0)
    return sold


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
    home: npt.NDArray[np.integer],
    ends: npt.NDArray[np.integer],
    sold: Floats,
    dlmp: dict[str, Floats],
) -> dict[str, float]:
    """Return both sides of the budget, $/h: what is charged, and what losses and limits are worth.

    Parameters
    ----------
    p, home : (ports,) kW that each port feeds in, and from which home
    ends, sold : (trades, 2) the homes at both ends of each trade, and (trades,) kW from the first to the second
    """
    network = operator.networks[0]
    injected, traded = np.zeros(len(dlmp["dlmp"])), np.zeros(len(dlmp["dlmp"]))
    injected[home] = p
    np.add.at(traded, ends[:, 0], sold)
    np.add.at(traded, ends[:, 1], -sold)
    use = dlmp["energy"] - dlmp["dlmp"]
    charges = float(((dlmp["dlmp"][ends[:, 1]] - dlmp["dlmp"][ends[:, 0]]) * sold).sum())
    exchanges = float((use * (injected - traded)).sum())
    envelope = network.tangent(p)
    lost = 0.0 if envelope is None else (network.wholesale + network.loss_price) * float(times(envelope.loss_factor, p))
    limits = 0.0 if envelope is None else float(times(_multipliers(signals)[envelope.which], envelope.room))
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
