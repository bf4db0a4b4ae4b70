"""The schema of a scenario file. Facts of agents are checked by their types, everything else here."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationInfo, field_validator, model_validator

__all__ = [
    "AgentSpec",
    "BalanceSpec",
    "ClockSpec",
    "GenerateSpec",
    "MicrogridSpec",
    "ProsumerSpec",
    "ReportSpec",
    "RunSpec",
    "ScenarioSpec",
    "TieLineSpec",
    "TradeSpec",
]


class _Strict(BaseModel):
    # By default NaN and infinity are dumped as None: `pv = nan` would vanish on the way and the default take its place.
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, ser_json_inf_nan="constants")

    @field_validator("*", mode="before")
    @classmethod
    def _no_flags(cls, value: Any, info: ValidationInfo) -> Any:
        # Only `open` is a flag, and pydantic would take true for 1.
        if info.field_name != "open" and any(
            isinstance(one, bool) for one in (value if isinstance(value, list | tuple) else [value])
        ):
            raise ValueError("true and false are no numbers")
        return value


class RunSpec(_Strict):
    """[run]: which protocol, how long, from which seed."""

    protocol: str = "dual_decomposition"
    ticks: int = Field(default=10_000, ge=1, le=100_000_000, description="ticks after which a run ends in any case")
    seed: int = Field(default=0, ge=0, description="of every draw")


class ClockSpec(_Strict):
    """[clock]: periods are negotiated one after the other; without it all at once."""

    start: float = Field(default=0.0, ge=0, lt=48, description="h, when the first period begins")
    hours: float = Field(default=1.0, gt=0, le=24, description="length of a period")
    ticks_per_period: int = Field(default=5_000, ge=1, description="ticks after which a gate closes in any case")


class _Facts(BaseModel):
    """A type and its facts; which facts there are is the type's own business."""

    model_config = ConfigDict(extra="allow")

    @model_validator(mode="after")
    def _facts_only(self) -> Self:
        if taken := next((name for name in ("names", "periods", "ports") if name in self.facts), None):
            raise ValueError(f"{taken} = {self.facts[taken]!r} is no fact: the scenario itself tells {taken}")
        return self

    @property
    def facts(self) -> dict[str, Any]:
        """What the type is given."""
        return dict(self.model_extra or {})


class OperatorSpec(_Facts):
    """[microgrid.operator]."""

    type: str = "MicrogridOperator"


class ProsumerSpec(_Facts):
    """[[microgrid.prosumer]]: one prosumer, or `count` alike.

    A fact of several prosumers may be a list, one number each; a profile, one number a period, holds for all of them. Where
    there are as many periods as prosumers, ``[[...]]`` is one profile and ``[[a], [b], ...]`` one number each.
    """

    name: str = "load"
    type: str
    count: int = Field(default=1, ge=1, le=1_000_000, strict=True)


class MicrogridSpec(_Strict):
    """[[microgrid]]."""

    name: str
    price: float | list[float] = Field(default=1.0, description="first price, $/kWh")
    operator: OperatorSpec
    prosumer: list[ProsumerSpec] = Field(
        default_factory=list, description="none only where the operator has a load itself"
    )

    @field_validator("prosumer")
    @classmethod
    def _distinct(cls, prosumers: list[ProsumerSpec]) -> list[ProsumerSpec]:
        names = [p.name for p in prosumers]
        if twice := next((n for n in names if names.count(n) > 1 or n in ("operator", "virtual")), None):
            raise ValueError(f"prosumers called {names}: {twice!r} is taken; give each a name of its own")
        return prosumers


class TieLineSpec(_Strict):
    """[[tie_line]]: between two microgrids; numbers in a list are one for each end."""

    between: tuple[str, str]
    alpha: float | tuple[float, float] = Field(default=0.05, description="$/kW²h at each end, > 0")
    limit: float | Literal["pv", "own_pv"] = Field(
        default="pv",
        description="kW each way; pv: no microgrid exports more over it than its own PV, which both ends know; "
        "own_pv: the same, which each end knows of itself alone",
    )
    transfer_cost: float = Field(default=0.0, ge=0, description="$/kWh that the exporter pays")
    transfer_price: float | list[float] = Field(default=0.0, description="first price of an import, $/kWh")

    @field_validator("limit")
    @classmethod
    def _positive(cls, limit: float | str) -> float | str:
        if not isinstance(limit, str) and limit < 0:
            raise ValueError(f"{limit} kW is negative")
        return limit


class BalanceSpec(_Strict):
    """[[balance]]: where any number of agents meet, such as a pool or a community; agents say themselves that they are at it."""

    name: str
    kind: str = Field(default="pool", description="bus, pool, community, ...")
    price: float | list[float] = Field(default=0.0, description="first price, $/kWh")
    slack: str | None = Field(
        default=None,
        description="agent that takes what is left over when a point is dispatched; without one all share it",
    )
    open: StrictBool = Field(default=True, description="false leaves it out, with all rows in it")


class AgentSpec(_Strict, _Facts):
    """[[agent]]: an agent at a balance, or one that only trades.

    A fact of its ports is one number for all of them, or a list in the order of its balances, home left out; what a trade
    says goes before it.
    """

    name: str
    type: str | None = Field(default=None, description="by default Trader, or PeerTrader where it only trades")
    at: str | list[str] = Field(
        default_factory=list, description="balances, its home first; none where it only trades", validate_default=True
    )

    @field_validator("at")
    @classmethod
    def _several(cls, at: str | list[str]) -> list[str]:
        return [at] if isinstance(at, str) else at


class TradeSpec(_Strict, _Facts):
    """[[trade]]: a balance of two agents; any further field is a fact of its two ports, a pair is one number for each end."""

    between: tuple[str, str]
    name: str | None = Field(default=None, description="by default both ends")
    kind: str = "trade"
    price: float | list[float] = Field(default=0.0, description="first price, $/kWh")
    open: StrictBool = Field(default=True, description="false leaves it out")

    @property
    def label(self) -> str:
        """What it is called."""
        return self.name or "-".join(self.between)


class GenerateSpec(BaseModel):
    """[generate]: a scenario made by a generator; which parameters there are is the generator's business."""

    model_config = ConfigDict(extra="allow")

    generator: str


class ReportSpec(_Strict):
    """[report]: how results are printed, and what they are compared with."""

    transfer_price_sign: Literal[1, -1] = Field(default=1, description="-1 prints mu in the sign of note 000")
    printed: dict[str, float | dict[str, float]] = Field(
        default_factory=dict, description="figures printed by the source, by our names"
    )
    source: str = ""


class ScenarioSpec(_Strict):
    """A whole scenario file."""

    title: str = ""
    description: str = ""
    base: str | None = None
    periods: int = Field(default=1, ge=1, le=100_000)
    profiles: str | None = Field(
        default=None, description="CSV file of profiles, whose columns facts name: pv = { column = 'pv_A' }"
    )
    clock: ClockSpec | None = None
    run: RunSpec = Field(default_factory=RunSpec)
    protocol: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="options of each protocol, by its name"
    )
    microgrid: list[MicrogridSpec] = Field(default_factory=list)
    tie_line: list[TieLineSpec] = Field(default_factory=list)
    balance: list[BalanceSpec] = Field(default_factory=list)
    agent: list[AgentSpec] = Field(default_factory=list)
    trade: list[TradeSpec] = Field(default_factory=list)
    generate: GenerateSpec | None = None
    fault: list[dict[str, Any]] = Field(default_factory=list)
    report: ReportSpec = Field(default_factory=ReportSpec)

    @model_validator(mode="after")
    def _one_source(self) -> ScenarioSpec:
        told = {"[[microgrid]]": self.microgrid, "[[agent]]": self.agent, "[generate]": self.generate}
        given = [name for name, tables in told.items() if tables]
        if len(given) != 1:
            raise ValueError(
                "a scenario has either [[microgrid]] tables or a [generate] table, one of the two; or [[agent]] tables instead"
                + (f"; here is {' and '.join(given)}" if given else "")
            )
        of = {"tie_line": "[[microgrid]]", "balance": "[[agent]]", "trade": "[[agent]]"}
        if stray := next((name for name, beside in of.items() if getattr(self, name) and beside != given[0]), None):
            raise ValueError(f"[[{stray}]] tables stand beside {of[stray]} tables, and here is {given[0]}")
        return self
