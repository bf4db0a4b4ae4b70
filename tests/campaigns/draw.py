"""A run drawn from a number: scenario, settings, protocol, faults with their windows, and seed."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

import numpy as np

from gridparley import load_scenario
from gridparley.environment import Topology
from gridparley.protocols import protocol_types

__all__ = ["Case", "draw"]


@dataclass(frozen=True)
class Case:
    """One run, as its command line has it."""

    number: int
    scenario: str
    protocol: str
    settings: tuple[str, ...]
    faults: tuple[str, ...]
    ticks: int
    seed: int

    @property
    def command(self) -> str:
        """Return the command that does this run again."""
        words = ["gridparley", "run", self.scenario, "--protocol", self.protocol]
        words += [word for setting in self.settings for word in ("--set", setting)]
        words += [word for fault in self.faults for word in ("--fault", fault)]
        return shlex.join([*words, "--ticks", str(self.ticks), "--seed", str(self.seed)])


_SCENARIOS = {  # share of the runs, and ticks
    "three-microgrids": (22, 1_500),
    "microgrids": (24, 800),
    "pool-14": (10, 1_000),
    "communities": (10, 1_000),
    "peers-50": (4, 400),
    "dispatch-day": (9, 600),
    "feeder-toy": (12, 1_000),
    "feeder-33": (3, 400),
    "feeder-69": (1, 300),
    "prosumer-day": (4, 2_600),
    "prosumer-day-15min": (1, 400),
}
_SETTINGS: dict[str, tuple[tuple[str, ...], ...]] = {  # from each row one or none
    "three-microgrids": (
        ("A.operator.pv=0.7", "A.operator.pv=3", "B.operator.pv=0", "C.operator.pv=2.5"),
        ("A-B.limit=0.2", "A-B.limit=0"),
    ),
    "microgrids": (
        ("microgrids=2", "microgrids=3", "microgrids=5", "microgrids=8", "microgrids=12"),
        ("prosumers=1..3", "prosumers=2..6", "prosumers=5..12"),
        ("topology=ring", "topology=tree", "topology=grid", "topology=random_regular"),
        ("lines=copperplate",),
        ("periods=2", "periods=4"),
        ("generate.seed=1", "generate.seed=2", "generate.seed=3"),
    ),
    "communities": (("pool.open=false",),),
    "dispatch-day": (
        ("microgrids=2", "microgrids=5"),
        ("main_grid=none", "main_grid=buy_sell", "main_grid=shared_limit"),
        ("transfer_max=0.1",),
    ),
    "feeder-toy": (
        ("losses=lindistflow", "losses=exact"),
        ("pricing=wholesale",),
        ("v_min=0.99", "v_min=0.97", "line_factor=1"),
    ),
    "feeder-33": (("losses=lindistflow",), ("prosumers=10", "prosumers=20"), ("pricing=wholesale",)),
}
_ALWAYS = {"microgrids": ("microgrids=4", "prosumers=2..6")}
_PROTOCOL_SETTINGS = ("on_silence=newest", "patience=12", "eps_abs=1e-6")


def draw(number: int, seed: int = 0) -> Case:
    """Return run `number` of a campaign: the same on every machine, whatever else is drawn."""
    rng = np.random.default_rng([seed, number])
    names, shares = list(_SCENARIOS), np.array([share for share, _ in _SCENARIOS.values()], dtype=float)
    scenario = names[rng.choice(len(names), p=shares / shares.sum())]
    protocol = str(rng.choice(list(protocol_types())))
    settings = list(_ALWAYS.get(scenario, ()))
    settings += [str(rng.choice(row)) for row in _SETTINGS.get(scenario, ()) if rng.random() < 0.4]
    if rng.random() < 0.15:
        settings.append(str(rng.choice(_PROTOCOL_SETTINGS)))
    if protocol == "dual_decomposition" and rng.random() < 0.2:
        settings.append("two_ledgers=true")
    settings = list({setting.split("=")[0]: setting for setting in settings}.values())
    topology = load_scenario(scenario, settings, protocol=protocol).market().topology
    count = int(rng.choice([0, 1, 2, 3], p=[0.15, 0.4, 0.3, 0.15]))
    kinds = rng.choice(list(_FAULTS), size=count, replace=False).tolist()
    faults = tuple(_FAULTS[kind](rng, topology) + _window(rng) for kind in kinds)
    return Case(
        number, scenario, protocol, tuple(settings), faults, _SCENARIOS[scenario][1], int(rng.integers(0, 10_000))
    )


def _window(rng: np.random.Generator) -> str:
    """When a fault acts: always, from some tick on, or for a while, after which the run may recover."""
    start = int(rng.integers(0, 120))
    sort = rng.random()
    if sort < 0.35:
        return ""
    return f",from={start}" if sort < 0.45 else f",from={start},to={start + int(rng.integers(1, 250))}"


def _some(rng: np.random.Generator) -> str:
    return f"{rng.choice([0.01, 0.05, 0.1, 0.2, 0.3, 0.5]):g}"


def _agent(rng: np.random.Generator, topology: Topology) -> str:
    return topology.name(int(rng.integers(topology.size)))


def _groups(rng: np.random.Generator, topology: Topology) -> str:
    homes = list(topology.homes)
    if len(homes) == 1:
        names = [topology.name(k) for k in range(topology.size)]
        return f"{names[0]}/{'|'.join(names[1:])}"
    cut = int(rng.integers(1, len(homes)))
    one, other = ("|".join(f"{home}.*" for home in part) for part in (homes[:cut], homes[cut:]))
    return f"{one}/{other}"


_FAULTS = {
    "loss": lambda rng, _: f"loss={_some(rng)}",
    "delay": lambda rng, _: f"delay={rng.choice(['1', '3', '0..2', '0..5', '2..9'])}",
    "jitter": lambda rng, _: f"delay,mean={rng.choice([0.5, 2.0])}",
    "duplicate": lambda rng, _: f"duplicate={_some(rng)},copies={rng.integers(1, 4)}",
    "reorder": lambda rng, _: f"reorder={_some(rng)},window={rng.integers(1, 6)}",
    "burst_loss": lambda rng, _: f"burst_loss={_some(rng)},recover=0.4",
    "rate_limit": lambda rng, _: f"rate_limit={rng.choice([0.4, 0.8, 1.5])}",
    "partition": lambda rng, topology: f"partition={_groups(rng, topology)}",
    "crash": lambda rng, topology: f"crash={_agent(rng, topology)},memory={rng.choice(['kept', 'lost'])}",
    "slow": lambda rng, topology: f"slow={_agent(rng, topology)},every={rng.integers(2, 6)}",
    "corrupt": lambda rng, _: f"corrupt={_some(rng)},mode={rng.choice(['scale', 'sign', 'nan', 'replay'])}",
}
