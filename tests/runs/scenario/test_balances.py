"""Markets of agents and balances: pools, communities and trades, from files, tables and a graph."""

import re

import networkx as nx
import numpy as np
import pytest

from gridparley import Outcome, load_scenario, run_scenario
from gridparley.agents import AgentError, Trader
from gridparley.environment import Topology, TopologyError
from gridparley.environment.faults import Delay, Loss
from gridparley.protocols import ExchangeADMM, Market, Population
from gridparley.runs import ScenarioError, Simulation
from gridparley.runs.judge.metrics import Observer
from gridparley.runs.judge.reference import central_solve
from gridparley.runs.scenario.build import virtual_agents

FAULTS = ("loss=0.3", "delay=0..5")
SMALL = {"agents": 12, "trades": 30}
RUNS = [
    ("pool-14", {}, "exchange_admm", 60),
    ("pool-14", {}, "dual_decomposition", 60),
    ("communities", {}, "exchange_admm", 200),
    ("communities", {}, "dual_decomposition", 600),
    ("communities", {"pool.open": False}, "exchange_admm", 80),
    ("communities", {"pool.open": False}, "dual_decomposition", 700),
    ("peers-50", SMALL, "exchange_admm", 300),
    pytest.param("peers-50", {}, "exchange_admm", 300, marks=pytest.mark.slow),
    pytest.param("peers-50", SMALL, "dual_decomposition", 3000, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("name", "settings", "protocol", "rounds"), RUNS)
def test_it_converges_to_the_central_optimum_in_so_many_rounds(name, settings, protocol, rounds):
    result = run_scenario(load_scenario(name, settings, protocol=protocol), progress=False)
    assert result.outcome is Outcome.CONVERGED
    assert abs(result.gap) < 1e-6
    assert result.simulation.state.round.max() <= rounds


@pytest.mark.slow
@pytest.mark.parametrize(("name", "settings", "protocol"), [run[:3] for run in RUNS[:7]])
def test_faults_cost_ticks_and_leave_the_optimum_where_it_is(name, settings, protocol):
    results = [
        run_scenario(load_scenario(name, settings, protocol=protocol, faults=faults), progress=False)
        for faults in ((), FAULTS)
    ]
    assert [result.outcome for result in results] == [Outcome.CONVERGED] * 2
    assert abs(results[1].gap) < 1e-6
    assert results[1].simulation.tick > 3 * results[0].simulation.tick
    assert np.array_equal(results[0].simulation.state.price, results[1].simulation.state.price)


def test_a_pool_that_is_shut_leaves_pieces_which_end_by_themselves():
    topology = load_scenario("communities", {"pool.open": False}).market().topology
    assert len(set(topology.piece.tolist())) == 3
    assert "pool" not in topology.balances
    joined = load_scenario("communities").market().topology
    assert len(set(joined.piece.tolist())) == 1
    manager = joined.row_agent == joined.address("north.manager")
    assert [joined.balances[balance] for balance in joined.row_balance[manager]] == ["north", "pool"]


def test_an_agent_whose_home_is_shut_says_so():
    with pytest.raises(ScenarioError, match=r"north.manager: at = \['north', 'pool'\]: its home, north, is not open"):
        load_scenario("communities", {"north.open": False}).market()


def graph_market():
    """Two pools and a trade between them, written as a graph; agents with rows in one balance or two."""
    graph = nx.Graph()
    for name in ("west", "east"):
        graph.add_node(name, balance="pool")
    graph.add_edges_from([("plant", "west"), ("village", "west"), ("mill", "east"), ("wind", "east")])
    topology = Topology.from_bipartite(graph)
    names = ("plant", "village", "mill", "wind")
    society = Trader(
        names=names,
        cost_quadratic=[0.002, 0.005, 0.004, 0.001],
        cost_linear=[0.1, 0.4, 0.3, 0.02],
        low=[[0.0], [-60.0], [-40.0], [0.0]],
        high=[[80.0], [-10.0], [0.0], [30.0]],
    )
    address = np.array([topology.address(name) for name in names], dtype=np.int32)
    order = np.argsort(address)
    population = Population(society.take(order), address[order])
    return Market(topology, virtual_agents(topology, np.full((len(topology.balances), 1), 0.1)), (population,))


@pytest.mark.parametrize("faults", [(), (Loss(probability=0.3), Delay(ticks="0..5"))], ids=["sound", "lossy"])
def test_a_market_may_come_from_a_graph_in_python(faults):
    market = graph_market()
    simulation = Simulation(market, ExchangeADMM(), faults)
    while not simulation.state.stopped.all():
        simulation.step()
        assert simulation.tick < 3000
    best = central_solve(market)
    assert simulation.state.price == pytest.approx(best.price, abs=1e-6)
    assert Observer(market).cost(simulation.state.x) == pytest.approx(best.cost, rel=1e-6)


# ---- What can be written in a file. ----

POOL = """
[[balance]]
name = "pool"
[[agent]]
name = "plant"
at = "pool"
cost_quadratic = 0.01
cost_linear = 0.1
low = 0
high = 50
[[agent]]
name = "town"
at = "pool"
cost_quadratic = 0.02
cost_linear = 0.5
low = -30
high = 0
"""
PEER = 'type = "PeerTrader"\ncost_quadratic = 0.01\ncost_linear = 0.2\nlow = -9\nhigh = 9\n'
PEERS = "".join(f'[[agent]]\nname = "{name}"\n{PEER}' for name in "abc")


def load(tmp_path, text, settings=(), **tables):
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    for name, table in tables.items():
        (tmp_path / f"{name}.csv").write_text(table, encoding="utf-8")
    return load_scenario(path, settings)


def agent(market, name):
    address = market.topology.address(name)
    for population in market.populations:
        if address in population.address:
            return population.society[int(np.searchsorted(population.address, address))]
    raise AssertionError(name)


def test_what_show_prints_is_the_same_scenario(tmp_path):
    scenario = load(tmp_path, POOL, ["plant.high=40"])
    again = load(tmp_path, scenario.to_toml())
    assert again.document == scenario.document
    assert agent(again.market(), "plant").high == 40.0


def test_other_scenarios_say_nothing_of_balances():
    assert not {"balance", "agent", "trade"} & set(load_scenario("three-microgrids").document)


def test_facts_of_trades_are_one_number_or_one_for_each_end(tmp_path):
    trades = """
[[trade]]
between = ["a", "b"]
preference = [0.01, -0.02]
limit = 5
[[trade]]
between = ["c", "a"]
preference = [0.03, 0.04]
limit = inf
"""
    market = load(tmp_path, PEERS + trades, ["a-b.limit=4"]).market()
    assert market.topology.balances == ("a-b", "c-a")
    assert agent(market, "a").preference.ravel().tolist() == [0.01, 0.04]
    assert agent(market, "a").limit.ravel().tolist() == [4.0, np.inf]
    assert agent(market, "b").preference.ravel().tolist() == [-0.02]
    assert agent(market, "c").preference.ravel().tolist() == [0.03]


def test_agents_stand_in_a_table_and_tables_of_the_file_go_on_top(tmp_path):
    text = 'agents = "list.csv"\n[[balance]]\nname = "pool"\n[[agent]]\nname = "town"\nlow = -20.0\n'
    table = (
        "name,at,cost_quadratic [$/kW²h],cost_linear [ct/kWh],low [kW],high [MW]\nplant,pool,0.01,10,0,0.05\n"
        "town,pool,0.02,50,-30,0\n"
    )
    market = load(tmp_path, text, list=table).market()
    assert agent(market, "plant").high == 50.0
    assert agent(market, "town").cost_linear == 0.5
    assert agent(market, "town").low == -20.0


def test_trades_stand_in_squares_of_agents(tmp_path):
    squares = {
        "wish": "preference [$/kWh],a,b,c\na,,0.01,\nb,-0.02,,0.05\nc,,0.06,\n",
        "most": "limit [kW],a,b,c\na,,5,\nb,5,,\nc,,,\n",
    }
    text = 'trades = { preference = "wish.csv", limit = "most.csv" }\n' + PEERS
    market = load(tmp_path, text, **squares).market()
    assert market.topology.balances == ("a-b", "b-c")
    assert agent(market, "b").preference.ravel().tolist() == [-0.02, 0.05]
    assert agent(market, "b").limit.ravel().tolist() == [5.0, np.inf]


TRADE = '[[trade]]\nbetween = ["a", "b"]\n'
PLANT = '[[agent]]\nname = "more"\ncost_quadratic = 1\ncost_linear = 1\nlow = 0\nhigh = 1\nat = '


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (POOL + PLANT + '"pol"', "agent more: at: no balance is called 'pol'; did you mean 'pool'? There is pool"),
        (POOL + PLANT + '["pool", "pool"]', "agent more: at = ['pool', 'pool']: 'pool' stands there twice"),
        (POOL + PLANT + "[]", "agent more is in no open balance; wanted one in at, or a [[trade]]"),
        (POOL.replace('name = "pool"', 'name = "pool"\nopen = false', 1), "agent plant is in no open balance"),
        (POOL.replace("town", "plant"), "are called 'plant'; give each a name of its own"),
        (
            POOL.replace('name = "pool"', 'name = "pool"\nslack = "hydro"'),
            "balance pool: slack: no agent is called 'hydro'",
        ),
        (POOL.replace('name = "pool"', 'name = "pool"\nprice = true'), "true and false are no numbers"),
        (POOL.replace('name = "pool"', 'name = "pool"\nopen = 1'), "balance.0.open = 1"),
        (POOL + '[[tie_line]]\nbetween = ["A", "B"]', "[[tie_line]] tables stand beside [[microgrid]] tables"),
        (POOL + '[[microgrid]]\nname = "A"\noperator = {}', "here is [[microgrid]] and [[agent]]"),
        ('[[balance]]\nname = "pool"', "a scenario has either [[microgrid]] tables or a [generate] table"),
        (PEERS + TRADE + '[[trade]]\nbetween = ["c", "d"]', "trade between ['c', 'd']: no agent is called 'd'"),
        (PEERS + TRADE + "price = true", "true and false are no numbers"),
        (PEERS + TRADE + "limit = nan\n" + TRADE.replace('"a"', '"c"'), "limit = nan"),
        (PEERS + TRADE + TRADE, "are called 'a-b'"),
        (PEERS + TRADE.replace('"b"', '"a"'), "wanted two different agents"),
        (
            PEERS + TRADE + "limit = [1, 2, 3]\n" + TRADE.replace('"a"', '"c"'),
            "a-b: limit = [1, 2, 3]; wanted one number, or a",
        ),
        (PEERS + TRADE + "limits = 3\n" + TRADE.replace('"a"', '"c"'), "has 'limits', and PeerTrader no such fact"),
        ('agents = ["a"]\n' + POOL, "agents = ['a']; wanted the name of a CSV file"),
        ('trades = "a.csv"\n' + POOL, "trades = 'a.csv'; wanted CSV files by fact"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path, text, says):
    with pytest.raises((ScenarioError, AgentError, TopologyError), match=re.escape(says)):
        load(tmp_path, text).market()


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("name,at,high\nx,pool,3\n", "list.csv: column 'high' has no unit; wanted a fact and its unit: 'high [kW]'"),
        ("name,at,high [$/kWh]\nx,pool,3\n", "list.csv, line 2: high of x is in '$/kWh'; Trader wants kW, W or MW"),
        ("name,at,high [kW],high [W]\nx,pool,3,4\n", "list.csv: two columns are called 'high'"),
        ("name,at,name [kW]\nx,pool,3\n", "list.csv: two columns are called 'name'"),
        ("name,at,high [kW]\nx,pool,much\n", "list.csv, line 2: high [kW] = 'much' at x; wanted a finite number"),
        ("name,at\nx,pool\nx,pool\n", "list.csv, line 3: name = 'x' stands there twice"),
        ("agent,at\nx,pool\n", "list.csv: no column 'name'; there is agent, at"),
    ],
)
def test_what_is_wrong_in_a_table_of_agents_is_named_with_its_line(tmp_path, table, says):
    with pytest.raises(ScenarioError, match=re.escape(says)):
        load(tmp_path, 'agents = "list.csv"\n' + POOL, list=table)


@pytest.mark.parametrize(
    ("square", "says"),
    [
        ("limit [kW],a,b\na,,5\nb,,\n", "square.csv, line 2: limit of a with b; wanted a number for the other end too"),
        ("limit [kW],a,b\na,,5\na,,6\nb,5,\n", "square.csv, line 3: a has a second row; wanted one each"),
        ("limit [kW],a,b\na,3,5\nb,5,\n", "square.csv, line 2: limit of a with a; wanted an empty cell"),
        ("limit [kW],a,d\na,,5\nd,5,\n", "square.csv: no agent is called 'd'; there is a, b, c"),
        (
            "preference [$/kWh],a,b\na,,5\nb,5,\n",
            "square.csv: 'preference [$/kWh]' stands in its corner; wanted 'limit'",
        ),
    ],
)
def test_what_is_wrong_in_a_square_of_trades_is_named_with_its_line(tmp_path, square, says):
    with pytest.raises(ScenarioError, match=re.escape(says)):
        load(tmp_path, 'trades = { limit = "square.csv" }\n' + PEERS, square=square)


def test_agents_at_a_pool_may_have_several_periods(tmp_path):
    text = POOL.replace("high = 50", "high = [50, 5]").replace("low = -30", "low = [-30, -10]")
    head = "periods = 2\n[run]\nprotocol = 'exchange_admm'\n"
    for clock in ("", "[clock]\nhours = 0.5\n"):
        result = run_scenario(load(tmp_path, head + clock + text), progress=False)
        assert result.outcome is Outcome.CONVERGED
        agents = result.agents()
        assert agents["period"].tolist() == [0, 1, 0, 1]
        assert agents.groupby("period")["power_kw"].sum().abs().max() < 1e-6
        assert agents["power_kw"].tolist()[1] == pytest.approx(-5.0)


def test_microgrids_written_as_agents_and_balances_are_the_same_market(tmp_path):
    pv, loads = {"A": 0.5, "B": 1.0, "C": 1.0}, {"A": (10.0, 100.0), "B": (1.0, 0.5), "C": (1.0, 0.5)}
    lines = ["[run]\nprotocol = 'dual_decomposition'"]
    for name, (beta, cap) in loads.items():
        lines.append(
            f"[[balance]]\nname = '{name}'\nkind = 'bus'\nprice = 1.0\nslack = '{name}.operator'\n"
            f"[[agent]]\nname = '{name}.operator'\ntype = 'MicrogridOperator'\nat = '{name}'\n"
            f"cost_quadratic = {10.0 if name == 'A' else 1.0}\ncost_linear = 1.0\npower_max = 40.0\npv = {pv[name]}\n"
            f"[[agent]]\nname = '{name}.load'\ntype = 'SquareRootLoad'\nat = '{name}'\nbeta = {beta}\ncap = {cap}"
        )
    for one, other in ("AB", "AC", "BC"):
        lines.append(
            f"[[trade]]\nbetween = ['{one}.operator', '{other}.operator']\nname = '{one}-{other}'\nkind = 'tie_line'\n"
            f"alpha = 0.05\nexport_max = [{pv[one]}, {pv[other]}]\nimport_max = [{pv[other]}, {pv[one]}]"
        )
    ours = run_scenario(load(tmp_path, "\n".join(lines)), progress=False)
    known = run_scenario(load_scenario("three-microgrids"), progress=False)
    assert ours.simulation.market.topology.balances == known.simulation.market.topology.balances
    assert np.array_equal(ours.simulation.state.price, known.simulation.state.price)
    assert ours.total_cost == known.total_cost


def test_facts_of_agents_may_be_columns_of_profiles(tmp_path):
    day = "start,sun [kW]\n2023-06-21T06:00+02:00,7\n2023-06-21T07:00+02:00,9\n"
    text = 'periods = 2\nprofiles = "day.csv"\n' + POOL.replace("high = 50", 'high = "sun"')
    assert agent(load(tmp_path, text, day=day).market(), "plant").high.tolist() == [[7.0, 9.0]]
    with pytest.raises(ScenarioError, match="plant: high = 'moon'; wanted numbers, or a column"):
        load(tmp_path, text.replace('"sun"', '"moon"')).market()
