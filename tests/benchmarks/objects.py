"""The same negotiation with one object per agent: a plain Mesa model with list inboxes.

A round: every keeper sends its price to each member, and each line's price to both its operators; a household answers,
an operator answers once it has all its prices; a keeper with all answers moves its prices and asks again. With faults,
each message is lost, copied and delayed by one draw each, and a keeper that waits asks again those who are silent. It
leaves out the stopping rule's messages between neighbours, metrics and books.
"""

from __future__ import annotations

import random
from collections import defaultdict
from typing import Any

import mesa
import numpy as np

from gridparley.protocols import Market

from .parts import House, Operator


class HouseAgent(mesa.Agent):
    """A household."""

    def __init__(self, model: ObjectModel, part: House) -> None:
        super().__init__(model)
        self.part, self.inbox, self.answered, self.x = part, [], -1, None
        self.keeper: Any = None

    def step(self) -> None:
        """Answer the newest price."""
        for _, _, number, price in self.inbox:
            if number > self.answered:
                self.answered, self.x = number, self.part.solve(price)
            if number == self.answered:
                self.model.send((self, self.keeper, number, self.x))
        self.inbox.clear()


class OperatorAgent(mesa.Agent):
    """An operator with one price to wait for at its bus and one for each line."""

    def __init__(self, model: ObjectModel, part: Operator, ports: int) -> None:
        super().__init__(model)
        self.part, self.inbox, self.answered = part, [], -1
        self.askers: list[Any] = [None] * (ports + 1)
        self.price: list[Any] = [None] * (ports + 1)
        self.number = [-1] * (ports + 1)
        self.x: list[Any] = []

    def step(self) -> None:
        """Answer when all prices of a round are there."""
        again = []
        for _, _, number, (port, price) in self.inbox:
            if number > self.number[port]:
                self.number[port], self.price[port] = number, price
            elif number == self.answered:
                again.append(port)
        self.inbox.clear()
        number = self.number[0]
        if number > self.answered and all(other == number for other in self.number):
            self.answered, self.x = number, self.part.solve(self.price)
            again = list(range(len(self.x)))
        for port in again:
            keeper, slot = self.askers[port]
            self.model.send((self, keeper, self.answered, (slot, self.x[port])))


class KeeperAgent(mesa.Agent):
    """A virtual agent: the price of its bus and of the lines of which it has end 0."""

    def __init__(self, model: ObjectModel, price: Any) -> None:
        super().__init__(model)
        self.inbox, self.price, self.number, self.asked = [], price, 0, -1
        self.houses: list[HouseAgent] = []
        self.operator: Any = None
        self.lines: list[Any] = []  # [price, ((operator, port), (operator, port))]
        self.heard: dict[Any, Any] = {}

    def step(self) -> None:
        """Count answers; with all of them, move the prices and ask; after two more ticks of silence ask again."""
        for sender, _, number, x in self.inbox:
            if number == self.number:
                if type(x) is tuple:
                    self.heard[x[0]] = x[1]
                else:
                    self.heard[sender] = x
        self.inbox.clear()
        done = len(self.heard) == len(self.houses) + 1 + 2 * len(self.lines)
        if done:
            step, heard = self.model.step_size, self.heard
            for k, line in enumerate(self.lines):
                line[0] = line[0] + step * (heard.pop((k, 0)) + heard.pop((k, 1)))
            self.price = self.price + step * sum(heard.values())
            self.heard = {}
            self.number += 1
        if done or self.asked < 0 or self.model.tick >= self.asked + 2:
            self.ask()

    def ask(self) -> None:
        """Send prices to those who are silent."""
        send, number, price, heard = self.model.send, self.number, self.price, self.heard
        for house in self.houses:
            if house not in heard:
                send((self, house, number, price))
        if "own" not in heard:
            send((self, self.operator, number, (0, price)))
        for k, (price, ends) in enumerate(self.lines):
            for end, (operator, port) in enumerate(ends):
                if (k, end) not in heard:
                    send((self, operator, number, (port, price)))
        self.asked = self.model.tick


class ObjectModel(mesa.Model):
    """One Mesa agent per agent, messages as tuples."""

    def __init__(self, market: Market, step_size: float, *, faults: bool) -> None:
        super().__init__(rng=0)
        self.step_size, self.faults, self.tick, self.sent = step_size, faults, 0, 0
        self.calendar: dict[int, list[Any]] = defaultdict(list)
        self.chance = random.Random(0).random
        build(self, market)

    def send(self, message: Any) -> None:
        """Put a message into the calendar."""
        self.sent += 1
        if not self.faults:
            self.calendar[self.tick + 1].append(message)
            return
        for _ in range(2 if self.chance() < 0.1 else 1):
            if self.chance() >= 0.1:
                self.calendar[self.tick + 1 + int(self.chance() * 4)].append(message)

    def step(self) -> None:
        """Do one tick."""
        for message in self.calendar.pop(self.tick, ()):
            message[1].inbox.append(message)
        for agent in self.everybody:
            agent.step()
        self.tick += 1


def build(model: ObjectModel, market: Market) -> None:
    """Make the agents and tell them whom they talk to."""
    operators, houses = market.populations
    topology = market.topology
    price = (lambda: 0.2) if market.periods == 1 else (lambda: np.full(market.periods, 0.2))
    free = (lambda: 0.0) if market.periods == 1 else (lambda: np.zeros(market.periods))
    keepers = [KeeperAgent(model, price()) for _ in topology.coordinators]
    society = operators.society
    terminals = [OperatorAgent(model, Operator(society, k), int(society.port_count[k])) for k in range(len(society))]
    for keeper, operator in zip(keepers, terminals, strict=True):
        keeper.operator, operator.askers[0] = operator, (keeper, "own")
    ends: dict[int, Any] = defaultdict(list)
    of_operators = market.rows[0].row
    agent = topology.row_agent[of_operators] - operators.address[0]
    for which, place, balance in zip(
        agent.tolist(),
        topology.row_place[of_operators].tolist(),
        topology.row_balance[of_operators].tolist(),
        strict=True,
    ):
        ends[balance].append((terminals[which], place))
    for line in topology.joins.tolist():
        keeper = keepers[topology.coordinator[line]]
        slot = len(keeper.lines)
        keeper.lines.append([free(), ends[line]])
        for which, (operator, place) in enumerate(ends[line]):
            operator.askers[place] = (keeper, (slot, which))
    homes = []
    for k, home in enumerate(topology.home[houses.address].tolist()):
        house = HouseAgent(model, House(houses.society, k))
        house.keeper = keepers[home]
        keepers[home].houses.append(house)
        homes.append(house)
    model.everybody = [*keepers, *terminals, *homes]
