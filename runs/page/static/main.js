// Starts the page: reads the data that stand in it, then lets every view draw.

import { charts } from "page/charts.js";
import { unpack } from "page/data.js";
import { byId, icon, number } from "page/dom.js";
import { feeder } from "page/feeder.js";
import { inspector } from "page/inspector.js";
import { lesson } from "page/lesson.js";
import { log } from "page/log.js";
import { network } from "page/network.js";
import { overviewOf, wholeOf } from "page/overview.js";
import { sequence } from "page/sequence.js";
import { Store } from "page/store.js";
import { transport } from "page/transport.js";

export const TABS = ["log", "sequence", "inspector"];

export async function start() {
  try {
    const run = await unpack(byId("data").textContent);
    run.shown = overviewOf(run);
    run.overview = wholeOf(run) ?? run.shown;
    show(new Store(run), TABS);
  } catch (error) {
    problem(`This report cannot be shown: ${error.message}`);
    throw error;
  }
}

export function problem(text) {
  byId("problem").hidden = false;
  byId("problem").textContent = text;
}

// Lets every view draw what a store holds.
export function show(store, names, ...more) {
  header(store);
  tabs(store, names); // before the views: a canvas that is hidden has no size to draw in
  for (const view of [transport, feeder, network, charts, log, sequence, inspector, ...more]) view(store);
  addEventListener("resize", () => store.set({}));
  store.set({ tab: "log" });
  lesson(store);
  requestAnimationFrame(() => requestAnimationFrame(() => (document.body.dataset.ready = "yes")));
}

function header(store) {
  const { run } = store,
    { meta } = run;
  byId("title").textContent = meta.name;
  byId("facts").textContent = `${meta.protocol}, seed ${meta.seed}, ${run.names.length} agents${excerpt(run)}`;
  lightOrDark(store);
  store.subscribe(() => {
    byId("outcome").textContent = meta.result?.outcome ?? store.unfinished ?? "no result";
    const said = [meta.result?.reason, meta.result?.foresight].filter(Boolean).join(". Perfect foresight: ");
    byId("outcome").title = said || "the run has not ended, or its result.json is gone";
    byId("outcome").dataset.outcome = meta.result?.outcome ?? "";
    const { tick } = store,
      period = run.period(tick);
    const hour = period === null ? "" : `, period ${period + 1} of ${meta.periods_of_day} (${run.hour(period)})`;
    byId("clock").textContent = `tick ${tick} of ${store.to}, round ${number(run.round(tick))}${hour}`;
    byId("active").textContent = byId("active").title = run
      .activeFaults(tick)
      .map((fault) => fault.label)
      .join(" · ");
    byId("active").title = byId("active").textContent;
  });
}

// Which ticks are shown, where they are not all.
function excerpt({ first, last, meta }) {
  return first === 0 && last === meta.ticks - 1 ? "" : `, ticks ${first} to ${last} of ${meta.ticks}`;
}

function lightOrDark(store) {
  const root = document.documentElement,
    wanted = matchMedia("(prefers-color-scheme: dark)");
  const show = (dark) => {
    root.dataset.theme = dark ? "dark" : "light";
    store.set({ dark });
  };
  byId("theme").append(icon("theme"));
  byId("theme").setAttribute("aria-label", "Light or dark");
  byId("theme").addEventListener("click", () => show(!store.dark));
  wanted.addEventListener("change", () => show(wanted.matches));
  show(wanted.matches);
}

// Tabs as readers of screens know them: arrows move between them.
function tabs(store, names) {
  const buttons = names.map((name) => byId(`tab-${name}`));
  buttons.forEach((button, k) => {
    button.addEventListener("click", () => store.set({ tab: names[k] }));
    button.addEventListener("keydown", (event) => {
      const turn = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!turn) return;
      const next = (k + turn + names.length) % names.length;
      buttons[next].focus();
      store.set({ tab: names[next] });
    });
  });
  store.subscribe(() => {
    names.forEach((name, k) => {
      byId(name).hidden = store.tab !== name;
      buttons[k].setAttribute("aria-selected", String(store.tab === name));
      buttons[k].tabIndex = store.tab === name ? 0 : -1;
    });
  });
}
