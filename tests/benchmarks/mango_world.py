"""The households' and keepers' part of the same negotiation in the simulation world of mango-agents.

Every message takes a second, one tick is a step of a second. Operators and tie-lines are left out, which are one or two
in a hundred messages, and so are faults: the world has no re-asking of its own.
"""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
from mango import Agent
from mango.simulation import communication, world

from gridparley.protocols import Market

from .parts import House


class MangoHouse(Agent):
    """A household: it answers a price with its import."""

    def __init__(self, part: House) -> None:
        super().__init__()
        self.part, self.keeper = part, None

    def handle_message(self, content: Any, meta: dict[str, Any]) -> None:
        """Answer."""
        number, price = content
        self.schedule_instant_message((number, self.part.solve(price)), self.keeper.addr)


class MangoKeeper(Agent):
    """A virtual agent: it asks, waits for all answers, moves its price and asks again."""

    def __init__(self, price: Any, step_size: float) -> None:
        super().__init__()
        self.price, self.step_size, self.number = price, step_size, 0
        self.houses: list[MangoHouse] = []
        self.heard: dict[str, Any] = {}

    def on_ready(self) -> None:
        """Ask for the first time."""
        self.ask()

    def ask(self) -> None:
        """Send the price to every household."""
        for house in self.houses:
            self.schedule_instant_message((self.number, self.price), house.addr)

    def handle_message(self, content: Any, meta: dict[str, Any]) -> None:
        """Count an answer."""
        number, x = content
        if number == self.number:
            self.heard[meta["sender_id"]] = x
        if len(self.heard) == len(self.houses):
            self.price = self.price + self.step_size * sum(self.heard.values())
            self.heard = {}
            self.number += 1
            self.ask()


class MangoModel:
    """A world of households and keepers, stepped from outside asyncio."""

    def __init__(self, market: Market, step_size: float) -> None:
        self.loop = asyncio.new_event_loop()
        self.loop.run_until_complete(self._open(market, step_size))

    async def _open(self, market: Market, step_size: float) -> None:
        fixed = communication.SimpleCommunicationSimulation(default_delay_s=1.0)
        self.world = world.create_world(communication_sim=fixed, record_messages=False)
        _, houses = market.populations
        price = 0.2 if market.periods == 1 else np.full(market.periods, 0.2)
        keepers = [self.world.register(MangoKeeper(price, step_size)) for _ in market.topology.coordinators]
        for k, home in enumerate(market.topology.home[houses.address].tolist()):
            house = self.world.register(MangoHouse(House(houses.society, k)))
            house.keeper = keepers[home]
            keepers[home].houses.append(house)
        await self.world.__aenter__()

    @property
    def sent(self) -> int:
        """Messages delivered so far: without faults, as many as were sent a tick before."""
        return self.world.messages_delivered_count

    def step(self) -> None:
        """Do one tick."""
        self.loop.run_until_complete(self.world.step(1.0))
