"""Scenarios: TOML files with a validated schema, turned into a market, a protocol and faults."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w
from pydantic import BaseModel

from ...environment.faults import Fault
from ...protocols import Market, Protocol, protocol_types
from ..common.errors import ScenarioError
from ..common.plugins import find_type, own_file
from .balances import build_balances
from .build import build_market
from .fault_text import fault_tables, read_fault, read_fault_table
from .generators.microgrids import generators
from .known_types import TypeFinder
from .scenario_files import locate, scenario_names, with_base
from .schema import ScenarioSpec
from .settings.changes import Change
from .settings.settings import apply_setting, merge, parse_setting
from .size import Size, check_size, table_size
from .tables.columns import profiles_file
from .validation import refuse_flags, validated

if TYPE_CHECKING:
    from ..simulation.day import Clock
    from ..simulation.simulation import Simulation

__all__ = ["Scenario", "load_scenario", "scenario_names", "scenario_outline"]


@dataclass(frozen=True)
class Scenario:
    """Everything that a run is made of, but for the code.

    Attributes
    ----------
    name : a built-in name, or the stem of the user's file
    spec : the validated file, settings applied and defaults filled in
    folder : what relative paths in it start from
    changes : what settings changed, and what was dropped with a changed type
    size_limit : GB of memory that a run may take; None for what this machine has
    """

    name: str
    spec: ScenarioSpec
    folder: Path | None = None
    changes: tuple[Change, ...] = ()
    size_limit: float | None = None

    def size(self) -> Size:
        """Tell how large the market is, before it is built."""
        made = self.spec.generate
        if made is None:
            return table_size(self.spec)
        return generators()[made.generator].model_validate(made.model_extra).estimate()

    def market(self) -> Market:
        """Build all agents, at their addresses.

        Raises
        ------
        ScenarioError, AgentError, TopologyError
            A type is unknown, a fact is not allowed, the graph does not fit, or the memory of this machine is too small.
        """
        check_size(self.size(), self.name, self.size_limit)
        if self.spec.generate is not None:
            return generators()[self.spec.generate.generator].model_validate(self.spec.generate.model_extra).market()
        build = build_balances if self.spec.agent else build_market
        return build(self.spec, self.folder)

    def clock(self) -> Clock | None:
        """Return the periods that are negotiated one after the other; None where all are at once."""
        spec, clock = self.spec, self.spec.clock
        if clock is None:
            return None
        from ..simulation.day import Clock

        return Clock.regular(spec.periods, clock.start, clock.hours, clock.ticks_per_period)

    def protocol(self) -> Protocol:
        """Build the protocol that the scenario chooses, with its options."""
        return _protocol(self.spec.run.protocol, self.spec.protocol, self.folder)

    def faults(self) -> list[Fault]:
        """Build the faults of the scenario's schedule."""
        return [read_fault_table(table, f"fault[{k}]", self.folder) for k, table in enumerate(self.spec.fault)]

    def simulation(self, **options: Any) -> Simulation:
        """Build a simulation; `options` as for `Simulation`, by default with the scenario's seed."""
        from ..simulation.simulation import Simulation

        options.setdefault("seed", self.spec.run.seed)
        options.setdefault("clock", self.clock())
        return Simulation(self.market(), self.protocol(), self.faults(), **options)

    @property
    def document(self) -> dict[str, Any]:
        """The scenario as plain data: what a file would hold."""
        document = self.spec.model_dump(mode="json", exclude_none=True)
        return {key: value for key, value in document.items() if value or key not in ("balance", "agent", "trade")}

    def to_toml(self) -> str:
        """Return the scenario as the text of a file."""
        return tomli_w.dumps(self.document)

    @property
    def hash(self) -> str:
        """16 hexadecimal digits that change whenever anything in the scenario does, the text of own types included.

        Where the files of own types lie makes no difference.
        """
        document = _anywhere(self.document, self.folder)
        if self.spec.profiles is not None:
            file = profiles_file(self.spec.profiles, self.folder)
            document["profiles"] = hashlib.blake2b(file.read_bytes(), digest_size=8).hexdigest()
        return hashlib.blake2b(tomli_w.dumps(document).encode(), digest_size=8).hexdigest()


def _anywhere(node: Any, folder: Path | None) -> Any:
    """Return plain data in which a type in an own file goes by the file's name and content."""
    if isinstance(node, dict):
        return {_anywhere(key, folder): _anywhere(child, folder) for key, child in node.items()}
    if isinstance(node, list):
        return [_anywhere(child, folder) for child in node]
    found = own_file(node, folder) if isinstance(node, str) else None
    if found is None:
        return node
    path, name = found
    return f"{path.name}@{hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest()}:{name}"


def load_scenario(
    name: str | Path,
    settings: Iterable[str] | Mapping[str, Any] = (),
    *,
    protocol: str | None = None,
    faults: Sequence[str | Mapping[str, Any]] = (),
    size_limit: float | None = None,
) -> Scenario:
    """Read a scenario.

    Parameters
    ----------
    name : a built-in scenario or the path of a TOML file
    settings : ``"K=V"`` texts, or a mapping; each changes every field whose path ends in K
    protocol : instead of the scenario's own
    faults : added to the scenario's own, as ``"loss=0.3,from=20"`` or as tables; with the `name` of one of these in its place
    size_limit : GB of memory that a run may take; by default what this machine has

    Raises
    ------
    ScenarioError
        The scenario, a field, the protocol or a fault is unknown or not allowed.

    Examples
    --------
    >>> load_scenario("three-microgrids", ["alpha=2"]).spec.tie_line[0].alpha
    2.0
    """
    for option, given, example in (("settings", settings, "alpha=2"), ("faults", faults, "loss=0.3")):
        if isinstance(given, str) or (option == "faults" and isinstance(given, Mapping)):
            raise ScenarioError(f"{option} = {given!r}; wanted a list, as in {option}=[{example!r}]")
    path, folder = locate(str(name))
    changes: list[Change] = []
    raw = with_base(path, folder, changes)
    title = path.name.removesuffix(".toml")
    if protocol is not None:
        raw = merge(raw, {"run": {"protocol": protocol}})
    if faults:
        tables = [read_fault(f) if isinstance(f, str) else _fault_table(f) for f in faults]
        raw["fault"] = [*_not_replaced(raw.get("fault", []), tables, title, folder), *tables]
    document = _expanded(_validated(raw, title), folder)
    changes += _apply(document, settings, folder)
    chosen = document["run"]["protocol"]
    options = raw.get("protocol", {}).get(chosen, {}) if isinstance(chosen, str) else {}
    given = {*options, *(one.name for one in changes if one.field == f"protocol.{chosen}.{one.name}")}
    document = _expanded(_validated(document, title), folder)
    # What nobody chose follows the generator's advice, which depends on the parameters as they are now.
    document["protocol"][chosen] |= {k: v for k, v in _advice(document, chosen).items() if k not in given}
    spec = _validated(_expanded(_validated(document, title), folder), title)
    scenario = Scenario(title, spec, folder, tuple(changes), size_limit)
    scenario.faults()
    return scenario


def _apply(document: dict[str, Any], settings: Iterable[str] | Mapping[str, Any], folder: Path | None) -> list[Change]:
    """Change a scenario as settings say, types before the facts that they have, and return what was changed."""
    pairs = list(settings.items()) if isinstance(settings, Mapping) else [parse_setting(text) for text in settings]
    pairs.sort(key=lambda pair: str(pair[0]).rpartition(".")[2] != "type")
    types = TypeFinder(folder)
    return [change for key, value in pairs for change in apply_setting(document, key, value, types)]


def _fault_table(fault: Any) -> dict[str, Any]:
    if not isinstance(fault, Mapping):
        raise ScenarioError(f"faults: {fault!r}; wanted texts, as in 'loss=0.3', or tables")
    return dict(fault)


def scenario_outline(name: str | Path) -> ScenarioSpec:
    """Return what a scenario's file says, without the defaults of what it names, and without reading its profiles.

    Raises
    ------
    ScenarioError
        There is no such scenario, or a field is unknown or not allowed.
    """
    path, folder = locate(str(name))
    return _validated(with_base(path, folder, []), path.name.removesuffix(".toml"))


def _not_replaced(own: Any, given: Sequence[Mapping[str, Any]], title: str, folder: Path | None) -> list[Any]:
    """Return the scenario's own faults but for those whose name a given one says: a whole schedule can be given."""
    tables = fault_tables(own, f"scenario {title}: ")
    names = {table["name"] for table in given if isinstance(table.get("name"), str)}
    if not names:
        return tables
    return [table for k, table in enumerate(tables) if read_fault_table(table, f"fault[{k}]", folder).name not in names]


def _validated(raw: dict[str, Any], title: str) -> ScenarioSpec:
    return validated(ScenarioSpec, raw, f"scenario {title}")


def _expanded(spec: ScenarioSpec, folder: Path | None) -> dict[str, Any]:
    """Return the scenario as plain data with the defaults of the chosen protocol and generator filled in."""
    document = spec.model_dump(mode="json", exclude_none=True)
    for name in spec.protocol:
        used = _protocol(name, spec.protocol, folder, where="protocol")  # a misspelt table would set nothing
        if name != spec.run.protocol and type(used) is type(_protocol(spec.run.protocol, {}, folder)):
            raise ScenarioError(
                f"protocol = {name!r}: its options stand under the name in run.protocol, {spec.run.protocol!r}"
            )
    chosen = spec.run.protocol
    document["protocol"][chosen] = _protocol(chosen, spec.protocol, folder).model_dump(mode="json")
    if spec.generate is not None:
        document["generate"] = _generator(spec.generate.generator, spec.generate.model_extra or {}, folder)
    return document


def _protocol(
    name: str, options: Mapping[str, dict[str, Any]], folder: Path | None, where: str = "run.protocol"
) -> Protocol:
    found = find_type(name, protocol_types(), Protocol, where=where, folder=folder)
    refuse_flags(options.get(name, {}), found, f"protocol.{name}")
    return validated(found, options.get(name, {}), f"protocol.{name}")


def _advice(document: Mapping[str, Any], protocol: str) -> dict[str, Any]:
    """Options at which a protocol converges on a generated market, as far as its generator knows."""
    made = document.get("generate")
    if made is None:
        return {}
    parameters = {key: value for key, value in made.items() if key != "generator"}
    return generators()[made["generator"]].model_validate(parameters).advice().get(protocol, {})


def _generator(name: str, parameters: Mapping[str, Any], folder: Path | None) -> dict[str, Any]:
    known: dict[str, type[BaseModel]] = dict(generators())
    if name not in known:
        raise ScenarioError(f"generate.generator = {name!r}: unknown. Known: {', '.join(known)}")
    refuse_flags(parameters, known[name], "generate")
    made = validated(known[name], parameters, "generate", {"folder": folder})
    return {"generator": name, **made.model_dump(mode="json")}
