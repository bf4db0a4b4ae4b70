// The run and its branches, and what differs between the run that was looked at before and this one.

import { make, number, options } from "page/dom.js";
import { button } from "page/live_steer.js";

const PRICES_MAX = 6;

export function runs(store) {
  const branch = button("branch", "", () => store.server.ask({ do: "branch", tick: store.tick }), { id: "branch" });
  const chosen = make("select", {
    id: "shown-run",
    title: "Which run is looked at",
    "aria-label": "Which run is looked at",
    onchange: () => store.server.ask({ do: "show", run: Number(chosen.value) }),
  });
  const body = make("tbody"),
    differs = make("p", { className: "note", id: "differs" });
  const heads = ["", "before", "this run"].map((text) => make("th", { textContent: text }));
  const table = make("table", { id: "compare" }, make("thead", {}, make("tr", {}, ...heads)), body);
  const shown = make("div", { hidden: true }, make("h3", { textContent: "How the two runs differ" }), differs, table);
  const box = make(
    "div",
    {},
    make("h3", { textContent: "Branches" }),
    make("div", { className: "filters" }, branch, chosen),
    shown,
  );
  let drawn = "";
  return {
    box,
    draw() {
      const { run, tick } = store,
        { baseline, overview, meta } = run;
      branch.textContent = `branch from tick ${tick}`;
      branch.title = `Go on otherwise from after tick ${tick}; later commands are not repeated`;
      branch.setAttribute("aria-label", branch.title);
      branch.disabled = store.running;
      if (chosen.options.length !== meta.runs) {
        options(
          chosen,
          Array.from({ length: meta.runs }, (_, k) => [k, k ? `branch ${k}` : "first run"]),
          meta.run,
        );
      }
      chosen.value = meta.run;
      chosen.hidden = meta.runs < 2;
      shown.hidden = !baseline;
      const key = `${tick} ${overview.version} ${meta.run}`;
      if (!baseline || key === drawn) return;
      drawn = key;
      const first = firstDifference(baseline, overview);
      differs.textContent = first === null ? "no difference so far" : `they differ from tick ${first} on`;
      body.replaceChildren(
        ...rows(baseline, overview, tick).map((cells) =>
          make("tr", {}, ...cells.map((text) => make("td", { textContent: text }))),
        ),
      );
    },
  };
}

const METRICS = [
  ["primal residual, kW", "primal_residual"],
  ["dual residual, $/kWh", "dual_residual"],
  ["cost, $/h", "cost"],
  ["round", "round"],
  ["messages sent", "sent"],
  ["messages lost", "lost"],
];

// What was the case in a tick, or last where a run does not reach to it.
function rows(before, now, tick) {
  const at = [before.row(tick), now.row(tick)];
  const ends = [before, now].map((each, k) => `tick ${each.ticks[at[k]]}`);
  const metrics = METRICS.map(([text, name]) => [
    text,
    ...[before, now].map((each, k) => number(each.metric(name)[at[k]])),
  ]);
  const [old, fresh] = [before.prices(), now.prices()];
  const prices = old
    .slice(0, PRICES_MAX)
    .map(({ name, values }, k) => [`price ${name}, $/kWh`, number(values[at[0]]), number(fresh[k].values[at[1]])]);
  return [["in", ...ends], ...metrics, ...prices];
}

function firstDifference(before, now) {
  const names = METRICS.map(([, name]) => name),
    [one, two] = [before, now].map((each) => names.map((name) => each.metric(name)));
  const row = before.ticks.findIndex(
    (tick, k) => tick !== now.ticks[k] || one.some((values, i) => !Object.is(values[k], two[i][k])),
  );
  return row < 0 || row >= now.ticks.length ? null : before.ticks[row];
}
