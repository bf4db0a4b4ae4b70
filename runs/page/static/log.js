// Messages up to now, newest first, by agent, kind and fate; and why one was said.

import { byId, make, number, options } from "page/dom.js";
import { FATES, FLYING } from "page/data.js";

const SHOWN = 80;

const WANTED = {
  any: ["any fate", () => true],
  lost: ["lost or stopped", (run, row) => run.failed(row)],
  late: ["late", (run, row) => run.late(row) && !run.failed(row)],
  delivered: ["delivered", (run, row) => run.message.fate[row] === 0],
  stale: ["stale", (run, row) => run.message.fate[row] === 3],
  refused: ["refused", (run, row) => run.message.fate[row] === 4],
  copy: ["copies", (run, row) => run.message.copy[row] === 1],
};

export function log(store) {
  const { run } = store,
    panel = byId("log"),
    redraw = () => store.set({});
  const select = (id, name, pairs) => {
    const element = make("select", { id, "aria-label": name, onchange: redraw });
    options(element, pairs, pairs[0][0]);
    return element;
  };
  const agent = select("log-agent", "Agent", [["", "any agent"], ...run.names.map((name, k) => [k, name])]);
  const kind = select("log-kind", "Kind", [["", "any kind"], ...run.meta.kinds.map(({ name }, k) => [k, name])]);
  const fate = select(
    "log-fate",
    "Fate",
    Object.entries(WANTED).map(([name, [text]]) => [name, text]),
  );
  const when = select("log-when", "When", [
    ["past", "up to now"],
    ["now", "said now"],
  ]);
  const body = make("tbody"),
    why = make("div", { id: "why", hidden: true }),
    count = make("p", { className: "note" });
  const heads = ["sent", "kind", "from", "to", "says", "fate", "cause"].map((text) =>
    make("th", { textContent: text }),
  );
  const table = make("table", { id: "messages" }, make("thead", {}, make("tr", {}, ...heads)), body);
  panel.append(
    make("div", { className: "filters" }, agent, kind, fate, when),
    why,
    make("div", { className: "scroll", tabIndex: 0 }, table),
    count,
  );

  let drawn = "";
  store.subscribe(() => {
    showWhy(store, why);
    const key = [
      store.tick,
      agent.value,
      kind.value,
      fate.value,
      when.value,
      store.tab,
      store.chain[0],
      run.version,
    ].join(" ");
    if (store.tab !== "log" || key === drawn) return;
    drawn = key;
    const wanted = { agent: agent.value, kind: kind.value, test: WANTED[fate.value][1], now: when.value === "now" };
    const rows = newest(run, store.tick, wanted);
    body.replaceChildren(...rows.map((row) => line(store, row)));
    count.textContent = rows.length === SHOWN ? `the newest ${SHOWN}` : `${rows.length} message${rows.length === 1 ? "" : "s"}`;
  });
}

function newest(run, tick, { agent, kind, test, now }) {
  const [start, stop] = run.saidIn(now ? tick : run.first, tick),
    found = [];
  for (let row = stop - 1; row >= start && found.length < SHOWN; row--) {
    const fits =
      (agent === "" || run.sender(row) === Number(agent) || run.receiver(row) === Number(agent)) &&
      (kind === "" || run.message.kind[row] === Number(kind));
    if (fits && test(run, row)) found.push(row);
  }
  return found;
}

// What became of a message, as far as it has gone by now.
export function fateOf(run, row, tick) {
  const { fate, reason, end, sent, copy } = run.message,
    over = end[row] <= tick && fate[row] !== FLYING;
  const words = over ? FATES[fate[row]] : FATES[FLYING],
    late = over && !run.failed(row) ? end[row] - sent[row] - 1 : 0;
  const told = [
    copy[row] ? "copy" : "",
    words,
    late > 0 ? `${late} late` : "",
    over ? run.meta.reasons[reason[row]] : "",
  ];
  return told.filter(Boolean).join(", ");
}

export function says(run, row) {
  return run
    .payload(row)
    .map(([name, , values]) => `${name} ${spoken(values, name, run)}`)
    .join(", ");
}

function spoken(values, name, run) {
  if (name === "round" && run.meta.clock) return String(values[0] % run.meta.rounds_max);
  return values.length > 3 ? `${number(values[0])} … ${number(values.at(-1))}` : Array.from(values, number).join(" ");
}

function line(store, row) {
  const { run } = store,
    { kind, cause, sent } = run.message,
    known = cause[row] >= 0 && run.rowOf(cause[row]) >= 0;
  const button = make("button", {
    type: "button",
    className: "why",
    textContent: "why?",
    "aria-label": `Why was message ${run.message.number[row]} said?`,
    onclick: () => store.set({ chain: run.chain(row) }),
  });
  const cells = [
    sent[row],
    run.meta.kinds[kind[row]].name,
    run.names[run.sender(row)],
    run.names[run.receiver(row)],
    says(run, row),
    fateOf(run, row, store.tick),
  ];
  const style = run.failedBy(row, store.tick) ? "lost" : run.late(row) ? "late" : "";
  return make(
    "tr",
    { className: style },
    ...cells.map((text) => make("td", { textContent: text, title: text })),
    make("td", {}, known ? button : "–"),
  );
}

// The chain of causes: each line led to the one above it.
function showWhy(store, box) {
  const { run, chain } = store,
    key = chain.join(" ");
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  box.hidden = chain.length === 0;
  if (box.hidden) return;
  const steps = chain.map((row, k) => {
    const { sent, kind, cause } = run.message;
    const text = `${k ? "because " : ""}${run.names[run.sender(row)]} → ${run.names[run.receiver(row)]}: ${run.meta.kinds[kind[row]].name} (${says(run, row)})`;
    const end =
      k === chain.length - 1 && cause[row] < 0
        ? make("em", { textContent: " a first call, or repeated because of silence" })
        : "";
    const jump = make("button", {
      type: "button",
      textContent: `tick ${sent[row]}`,
      onclick: () => store.seek(sent[row]),
    });
    return make("li", {}, jump, " ", text, end);
  });
  const close = make("button", { type: "button", textContent: "close", onclick: () => store.set({ chain: [] }) });
  box.replaceChildren(make("b", { textContent: `why: ${chain.length} messages ` }), close, make("ol", {}, ...steps));
}
