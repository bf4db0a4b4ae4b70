// One agent: what it knows of itself, what it has heard last, what is on its way to it, what it answered last.

import { byId, make, number, options } from "page/dom.js";
import { fateOf, says } from "page/log.js";
import { FLYING, ROLES } from "page/data.js";

const INBOX_SHOWN = 30;

export function inspector(store) {
  const { run } = store,
    body = make("div", { className: "scroll", tabIndex: 0 });
  const select = make("select", {
    id: "agent",
    "aria-label": "Agent to inspect",
    onchange: () => store.set({ agent: select.value === "" ? null : Number(select.value) }),
  });
  options(select, [["", "choose an agent"], ...run.names.map((name, k) => [k, name])], "");
  byId("inspector").append(make("div", { className: "filters" }, select), body);
  let drawn = "",
    chosen = null;
  store.subscribe(() => {
    if (chosen !== store.agent) select.value = store.agent ?? ""; // which takes long where there are many
    chosen = store.agent;
    const key = `${store.tick} ${store.agent} ${store.tab} ${run.version}`;
    if (store.tab !== "inspector" || key === drawn) return;
    drawn = key;
    body.replaceChildren(
      ...(store.agent === null
        ? [make("p", { className: "note", textContent: "Click an agent in the network, or choose one above." })]
        : sections(store)),
    );
  });
}

function sections(store) {
  const { run, agent, tick } = store,
    role = ROLES[run.columns.role[agent]];
  const population = run.columns.population[agent],
    type = population < 0 ? "VirtualAgent" : run.meta.populations[population];
  const state = run.state(agent, tick),
    down = state === "awake" ? "" : `, ${state}`;
  const heard = memory(run, agent, tick),
    coming = run
      .to(agent)
      .filter((row) => run.message.sent[row] <= tick && run.message.end[row] > tick && !run.failed(row));
  return [
    make(
      "p",
      {},
      make("b", { textContent: run.names[agent] }),
      ` ${type}, ${role} of microgrid ${run.meta.microgrids[run.columns.home[agent]]}${down}`,
    ),
    ...answer(run, agent, tick),
    ...table(
      "Last heard",
      ["kind", "from", "said in", "says"],
      heard.map((row) => [
        run.meta.kinds[run.message.kind[row]].name,
        run.names[run.sender(row)],
        `tick ${run.message.sent[row]}`,
        says(run, row),
      ]),
    ),
    ...table(
      "On its way here",
      ["kind", "from", "said in", "due", "says"],
      coming
        .slice(0, INBOX_SHOWN)
        .map((row) => [
          run.meta.kinds[run.message.kind[row]].name,
          run.names[run.sender(row)],
          `tick ${run.message.sent[row]}`,
          run.message.fate[row] === FLYING ? fateOf(run, row, tick) : `tick ${run.due(row)}`,
          says(run, row),
        ]),
    ),
    ...own(run, agent, tick),
  ];
}

function table(title, heads, rows) {
  const cell = (tag) => (text) => make(tag, { textContent: text, title: text });
  const body = rows.length
    ? rows.map((row) => make("tr", {}, ...row.map(cell("td"))))
    : [make("tr", {}, make("td", { colSpan: heads.length, textContent: "nothing" }))];
  return [
    make("h3", { textContent: title }),
    make("table", {}, make("thead", {}, make("tr", {}, ...heads.map(cell("th")))), make("tbody", {}, ...body)),
  ];
}

// The newest delivered message on each channel and of each kind: what a memory holds.
function memory(run, agent, tick) {
  const newest = new Map();
  for (const row of run.to(agent)) {
    if (run.message.sent[row] > tick) break;
    if (run.message.fate[row] !== 0 || run.message.end[row] > tick) continue;
    newest.set(`${run.message.kind[row]} ${run.message.channel[row]}`, row);
  }
  return [...newest.values()].sort((one, two) => run.message.kind[one] - run.message.kind[two] || one - two);
}

function answer(run, agent, tick) {
  if (run.columns.role[agent] === 0) {
    const k = tick - run.first,
      at = k * run.columns.round.width + agent;
    const told = [
      ["price", `${number(run.price(tick, agent))} $/kWh`],
      ["round", String(run.columns.round[at])],
      ["has stopped", run.columns.stopped[k * run.columns.stopped.width + agent] ? "yes" : "no"],
    ];
    return table("State", ["", ""], told);
  }
  return [];
}

// What nobody else may see: its last answer, and its facts.
function own(run, agent, tick) {
  if (run.columns.population[agent] < 0) return [];
  if (run.meta.no_facts)
    return [make("p", { className: "note", textContent: `private facts are not in this page: ${run.meta.no_facts}` })];
  const told = run.privateState(agent, tick);
  if (!told) return [make("p", { className: "note", textContent: "asking the agent …" })];
  const answers = (told.x ?? []).map((values, port) => [port === 0 ? "own bus" : `port ${port}`, list(values)]);
  return [
    ...(told.x ? table("Last answer, kW (import is positive)", ["row", "x"], answers) : []),
    ...table(
      `Private facts${told.when}`,
      ["fact", "value"],
      told.facts.map(([name, values]) => [name, list(values)]),
    ),
  ];
}

function list(values) {
  const all = Array.from(values, number);
  return all.length > 1 && all.every((each) => each === all[0]) ? `${all[0]} (each of ${all.length})` : all.join("  ");
}
