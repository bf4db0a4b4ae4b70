// Starts the live page: opens the socket, offers the scenarios where there is none yet, then lets every view draw.

import { byId, make } from "page/dom.js";
import { Link } from "page/live_link.js";
import { LiveRun } from "page/live_run.js";
import { LiveStore } from "page/live_store.js";
import { steer } from "page/live_steer.js";
import { problem, show, TABS } from "page/main.js";

let store = null;

export function start() {
  byId("facts").textContent = "opening …";
  const link = new Link({
    frame,
    told,
    closed: () => problem("The server has gone: what is shown here stays, and nothing new comes."),
  });

  function frame(block) {
    const { what } = block.meta;
    if (!store) begin(link, block);
    else if (what === "open") store.opened(block);
    else if (what === "window") store.came(block);
    else store.took(block);
    // Drawn before the next one comes.
    if (what === "ticks") requestAnimationFrame(() => requestAnimationFrame(() => link.send({ do: "seen" })));
  }

  function told(message) {
    if (message.catalogue) offer(link, message.catalogue);
    else if (message.fatal) problem(message.fatal);
    else if (message.again !== undefined) notice(`doing tick ${message.again} again`, false);
    else if (message.error) notice(message.error, true);
  }
}

function begin(link, block) {
  byId("chooser")?.remove();
  const run = new LiveRun(
    block,
    (command) => link.ask(command),
    () => store.set({}),
  );
  store = new LiveStore(run, link);
  addEverything();
  document.title = `${run.meta.name} · GridParley`;
  show(store, [...TABS, "steer"], badge, steer);
}

// What a report does not have: a badge, a bar, a place for notices, and one more tab.
function addEverything() {
  byId("outcome").before(make("span", { id: "mode", className: "badge" }));
  byId("clock").before(
    make("progress", {
      id: "progress",
      max: 1,
      hidden: true,
      title: "Ticks done, of those that the run may take",
      "aria-label": "Progress",
    }),
  );
  document
    .querySelector("[role=tablist]")
    .append(
      make("button", { role: "tab", id: "tab-steer", "aria-controls": "steer", type: "button", textContent: "Steer" }),
    );
  document
    .querySelector("aside")
    .append(make("div", { role: "tabpanel", id: "steer", "aria-labelledby": "tab-steer" }));
  byId("tab-log").title = "What was said, and why";
  byId("tab-sequence").title = "Who said what to whom, tick by tick";
  byId("tab-inspector").title = "What one agent knows";
  byId("tab-steer").title = "Faults, branches, and the log of commands";
  byId("network").append(make("p", { id: "notice", role: "status", hidden: true }));
}

const TOLD = {
  live: "live: the newest tick; faults that are given now hold from the next one on",
  past: "past: what is shown has happened already; a branch from here goes on otherwise",
  replay: "replay: this run has ended; a branch from one of its ticks goes on",
};

function badge(store) {
  let before = "";
  store.subscribe(() => {
    const { mode, run } = store,
      box = byId("mode");
    box.textContent = mode;
    box.dataset.mode = mode;
    box.title = TOLD[mode];
    const bar = byId("progress");
    bar.hidden = !store.running || store.speed !== 0;
    bar.value = run.meta.ticks / run.meta.ticks_max;
    const why = store.running ? "" : (run.meta.why ?? "");
    if (why && why !== before) notice(`stopped: ${why}`, false);
    before = why;
  });
}

let fading = 0;

function notice(text, wrong) {
  const box = byId("notice") ?? byId("problem");
  box.textContent = text;
  box.hidden = false;
  box.dataset.wrong = wrong ? "yes" : "";
  clearTimeout(fading);
  fading = setTimeout(() => (box.hidden = true), wrong ? 8000 : 3000);
}

function offer(link, scenarios) {
  byId("facts").textContent = "";
  const seed = make("input", {
    id: "seed",
    type: "number",
    min: 0,
    value: 0,
    title: "Seed of every draw",
    "aria-label": "Seed of every draw",
  });
  const open = (scenario) => {
    box.remove();
    byId("facts").textContent = `opening ${scenario} …`;
    return link.ask({ do: "open", scenario, seed: Number(seed.value) });
  };
  const rows = scenarios.map(([name, title]) =>
    make(
      "li",
      {},
      make(
        "button",
        { type: "button", title: `Run ${name}`, onclick: () => open(name) },
        make("b", { textContent: name }),
        ` ${title}`,
      ),
    ),
  );
  const box = make(
    "section",
    { id: "chooser", "aria-label": "Scenarios" },
    make("h2", { textContent: "What shall be negotiated?" }),
    make("ul", {}, ...rows),
    make("label", {}, "seed ", seed),
  );
  document.body.append(box);
  box.querySelector("button").focus();
  document.body.dataset.ready = "choose";
}
