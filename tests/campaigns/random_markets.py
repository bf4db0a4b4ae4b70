"""Random markets of built-in types under random protocols: none of them may be found wrong.

`python -m tests.campaigns.random_markets 1000` draws so many and prints what they ended as; a market whose agents the probe
accuses is printed with its settings, and makes the command fail. A second number is the first seed.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import dataclass

import numpy as np

from gridparley import load_scenario, run_scenario

BY_KIND = {
    "microgrids": ("dual_decomposition", "exchange_admm", "atc", "incentive"),
    "three-microgrids": ("dual_decomposition", "exchange_admm", "atc", "incentive"),
    "pool-14": ("exchange_admm", "incentive", "dual_decomposition"),
    "communities": ("exchange_admm", "atc", "incentive"),
    "peers-50": ("exchange_admm", "atc"),
    "feeder-toy": ("dlmp_admm", "atc"),
    "feeder-33": ("dlmp_admm", "atc"),
    "prosumer-day": ("exchange_admm", "incentive"),
}
ORDER = tuple(BY_KIND)


@dataclass(frozen=True)
class Drawn:
    """A random market: scenario and settings, as on the command line."""

    scenario: str
    settings: tuple[str, ...]


def draw(seed: int) -> Drawn:
    """Draw a market."""
    rng = np.random.default_rng([77, seed])
    name = ORDER[seed % len(ORDER)]
    settings = [f"run.protocol={rng.choice(BY_KIND[name])}", *_settings(name, rng)]
    return Drawn(name, tuple(settings))


def _settings(name: str, rng: np.random.Generator) -> list[str]:
    seed = f"generate.seed={rng.integers(2**31)}"
    if name == "microgrids":
        shape = rng.choice(["ring", "tree", "small_world", "grid"])
        low = int(rng.integers(1, 5))
        periods = f"periods={rng.integers(1, 4)}"
        lines = f"lines={rng.choice(['ordinary', 'copperplate'])}"
        return [
            "run.ticks=3000",
            f"microgrids={rng.integers(4, 12)}",
            f"topology={shape}",
            f"prosumers={low}..{low + 6}",
            periods,
            lines,
            seed,
        ]
    if name == "three-microgrids":
        numbers = {"pv": rng.uniform(0.1, 3.0), "alpha": rng.uniform(0.03, 0.3), "A.load.beta": rng.uniform(2, 20)}
        return [*(f"{key}={value:.6g}" for key, value in numbers.items()), f"limit={rng.uniform(1, 5):.6g}"]
    if name == "pool-14":
        keys = ("wind.high", "gas-1.cost_linear", "village.cost_linear", "hydro.cost_quadratic")
        values = (rng.uniform(20, 200), rng.uniform(0.05, 0.3), rng.uniform(0.2, 0.6), rng.uniform(5e-4, 5e-3))
        return [f"{key}={value:.6g}" for key, value in zip(keys, values, strict=True)]
    if name == "communities":
        return [f"fee={rng.uniform(0, 0.05):.6g}", f"limit={rng.uniform(1, 40):.6g}"]
    if name == "peers-50":
        agents = int(rng.integers(4, 16))
        trades = int(rng.integers(agents, agents * (agents - 1) // 2 + 1))
        return [f"agents={agents}", f"trades={trades}", seed, f"preference={rng.uniform(0, 0.05):.6g}"]
    if name.startswith("feeder"):
        rule = rng.choice(["variational", "rosen", "network_weighted"])
        losses = rng.choice(["none", "lindistflow", "exact"])
        more = [f"prosumers={rng.integers(4, 20)}", seed] if name == "feeder-33" else []
        return [f"protocol.dlmp_admm.rule={rule}", f"losses={losses}", f"retail={rng.uniform(0.2, 0.4):.6g}", *more]
    return [f"run.ticks={rng.integers(300, 600)}", f"kappa={rng.uniform(0.1, 0.5):.6g}"]


def run(drawn: Drawn) -> tuple[str, str]:
    """Run a market; return its outcome and what the probe says."""
    result = run_scenario(load_scenario(drawn.scenario, drawn.settings), reference=False, progress=False)
    ends = getattr(result, "ends", ())
    probes = [end.certificate.probe.words for end in ends] or [result.certificate.probe.words]
    outcomes = [str(end.verdict.outcome) for end in ends[:-1]] or [str(result.outcome)]
    worst = next((outcome for outcome in outcomes if outcome != "CONVERGED"), "CONVERGED")
    return worst, next((words for words in probes if words), "")


def main(count: int, first: int = 0) -> int:
    """Run so many markets and print what they ended as."""
    ends: Counter[tuple[str, str]] = Counter()
    accused = 0
    begin = time.perf_counter()
    for seed in range(first, first + count):
        drawn = draw(seed)
        outcome, words = run(drawn)
        ends[drawn.scenario, outcome] += 1
        if words or outcome == "AGREED":
            accused += 1
            print("ACCUSED", seed, drawn.scenario, *drawn.settings, words, flush=True)
        elif outcome != "CONVERGED":
            print(outcome, seed, drawn.scenario, *drawn.settings, flush=True)
    for (name, outcome), number in sorted(ends.items()):
        print(f"{name:18}{outcome:12}{number:6}")
    print(f"{count} markets in {time.perf_counter() - begin:.0f} s, {accused} accused")
    return 1 if accused else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
