// Faults for whom or what was clicked, the faults that act, the log of commands, and the schedule as a file.

import { byId, make, options } from "page/dom.js";
import { runs } from "page/live_runs.js";

export function steer(store) {
  const parts = [targets(store), actions(store), acting(store), commands(store), runs(store)];
  byId("steer").append(make("div", { className: "scroll", tabIndex: 0 }, ...parts.map((part) => part.box)));
  store.subscribe(() => {
    if (store.tab === "steer") parts.forEach((part) => part.draw());
  });
}

// A part that is drawn anew only when what it shows has changed.
function part(box, told, draw) {
  let drawn = null;
  return {
    box,
    draw() {
      const key = told();
      if (key !== drawn) draw();
      drawn = key;
    },
  };
}

export function button(text, title, onclick, more = {}) {
  return make("button", { type: "button", textContent: text, title, "aria-label": title, onclick, ...more });
}

// ---- whom or what a fault is given to

// The target as a schedule writes it.
function scope({ link, agent, run }) {
  if (link) return { channel: link.names.join("<->") };
  return agent === null ? {} : { agent: run.names[agent] };
}

function targets(store) {
  const { run } = store;
  const who = make("select", {
    id: "target",
    title: "Whom faults are given to",
    "aria-label": "Whom faults are given to",
  });
  const peer = make("select", {
    id: "target-peer",
    title: "One of its links, or all",
    "aria-label": "One of its links, or all",
  });
  options(who, [["", "everybody"], ...run.names.map((name, k) => [k, name])], "");
  who.addEventListener("change", () => store.set({ agent: who.value === "" ? null : Number(who.value), link: null }));
  peer.addEventListener("change", () => {
    const agents = [Number(who.value), Number(peer.value)];
    const link = peer.value === "" ? null : { agents, names: agents.map((each) => run.names[each]) };
    store.set({ link, agent: agents[0] });
  });
  const chosen = () => (store.link ? store.link.agents[0] : store.agent);
  const box = make("div", { className: "filters" }, make("b", { textContent: "Faults for" }), who, peer);
  return part(
    box,
    () => `${chosen()} ${store.link?.names}`,
    () => {
      const whole = store.link?.names.some((name) => name.endsWith(".*"));
      const near = chosen() === null ? [] : neighbours(run, chosen());
      const pairs = [["", "all its links"], ...near.map((each) => [each, `link with ${run.names[each]}`])];
      if (whole) pairs.push(["whole", `all between ${store.link.names.join(" and ")}`]);
      who.value = chosen() ?? "";
      peer.hidden = near.length === 0;
      options(peer, pairs, whole ? "whole" : (store.link?.agents[1] ?? ""));
    },
  );
}

function neighbours({ columns: { sender, receiver } }, agent) {
  const found = new Set();
  sender.forEach((from, channel) => {
    if (from === agent) found.add(receiver[channel]);
    if (receiver[channel] === agent) found.add(from);
  });
  return [...found].sort((one, two) => one - two);
}

// ---- what is done to it

// Faults of a kind that act on the target already.
function present(store, kind) {
  const { agent, channel } = scope(store);
  return store.run.meta.active.filter((one) => one.kind === kind && one.agent === agent && one.channel === channel);
}

// Adds a fault in place of the one of its kind; without one only ends it.
function change(store, kind, table) {
  const ended = present(store, kind).map((one) => one.name);
  if (table || ended.length) {
    store.server.ask({ do: "fault", add: table ? [{ kind, ...table, ...scope(store) }] : [], end: ended });
  }
}

function actions(store) {
  const loss = make("input", {
    id: "loss",
    type: "number",
    min: 0,
    max: 1,
    step: 0.05,
    value: 0.3,
    title: "Probability of a loss",
    "aria-label": "Probability of a loss",
  });
  const delay = make("input", {
    id: "delay",
    value: "0..5",
    size: 5,
    title: "Extra ticks: a number, or a range such as 0..5",
    "aria-label": "Delay in ticks",
  });
  const memory = make("select", {
    id: "memory",
    title: "What an agent knows after its restart",
    "aria-label": "Memory after a restart",
  });
  options(
    memory,
    [
      ["kept", "memory kept"],
      ["lost", "memory lost"],
    ],
    "kept",
  );
  const all = {
    cut: button("cut", "Cut: nothing passes any more", () => change(store, "partition", {}), { id: "cut" }),
    heal: button("heal", "Heal what was cut", () => change(store, "partition"), { id: "heal" }),
    crash: button("crash", "Crash: neither hears nor speaks", () => change(store, "crash", { memory: memory.value }), {
      id: "crash",
    }),
    restart: button("restart", "Restart what has crashed", () => change(store, "crash"), { id: "restart" }),
    lose: button(
      "lose",
      "Lose messages with this probability",
      () => change(store, "loss", { probability: Number(loss.value) }),
      { id: "set-loss" },
    ),
    keep: button("none", "Lose no more", () => change(store, "loss"), { id: "end-loss" }),
    late: button("delay", "Delay messages by so many ticks", () => change(store, "delay", { ticks: delay.value }), {
      id: "set-delay",
    }),
    prompt: button("none", "Delay no more", () => change(store, "delay"), { id: "end-delay" }),
  };
  const hint = make("p", { id: "hint", className: "note" });
  const row = (...children) => make("div", { className: "filters" }, ...children);
  const box = make(
    "div",
    { className: "actions" },
    row(all.cut, all.heal),
    row(all.lose, loss, all.keep),
    row(all.late, delay, "ticks", all.prompt),
    row(all.crash, memory, all.restart),
    hint,
  );
  const told = () =>
    [store.mode, store.link?.names, store.agent, store.run.meta.active.map((one) => one.name)].join("|");
  return part(box, told, () => {
    const live = store.mode === "live",
      { agent, channel } = scope(store);
    all.cut.disabled = !live || !(agent || channel) || present(store, "partition").length > 0;
    all.crash.disabled = !live || !agent || present(store, "crash").length > 0;
    all.lose.disabled = all.late.disabled = !live;
    for (const [name, kind] of [
      ["heal", "partition"],
      ["restart", "crash"],
      ["keep", "loss"],
      ["prompt", "delay"],
    ]) {
      all[name].disabled = !live || !present(store, kind).length;
    }
    hint.textContent = live
      ? "Click a link or an agent in the network, or choose above. Faults hold from the next tick on."
      : "What is shown has happened: branch from here to go on otherwise.";
  });
}

// ---- what acts now, and what was commanded

function acting(store) {
  const list = make("ul", { id: "acting" });
  const box = make("div", {}, make("h3", { textContent: "Acting in the next tick" }), list);
  const told = () => `${store.mode} ${store.run.meta.active.map((one) => one.name).join("|")}`;
  return part(box, told, () => {
    const { active } = store.run.meta;
    const stop = (one) => store.server.ask({ do: "fault", end: [one.name] });
    list.replaceChildren(
      ...active.map((one) =>
        make(
          "li",
          {},
          button("end", `End ${one.name}`, () => stop(one), { disabled: store.mode !== "live" }),
          ` ${one.label}`,
        ),
      ),
      ...(active.length ? [] : [make("li", { className: "note", textContent: "nothing" })]),
    );
  });
}

function commands(store) {
  const list = make("ol", { id: "commands" });
  const save = button(
    "save schedule",
    "Save all faults as a file that gridparley run --faults takes",
    () => download(store),
    { id: "save" },
  );
  const box = make("div", {}, make("h3", {}, "Commands ", save), list);
  const told = () => store.run.meta.commands.map((one) => `${one.tick} ${one.text}`).join("|");
  return part(box, told, () => {
    const found = store.run.meta.commands;
    list.replaceChildren(
      ...found.map(({ tick, text }) =>
        make(
          "li",
          {},
          button(`tick ${tick}`, `Go to tick ${tick}`, () => store.seek(tick)),
          ` ${text}`,
        ),
      ),
      ...(found.length ? [] : [make("li", { className: "note", textContent: "none yet" })]),
    );
  });
}

async function download(store) {
  const { schedule, name } = await store.server.ask({ do: "schedule" });
  const href = URL.createObjectURL(new Blob([schedule], { type: "application/toml" }));
  make("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 1000);
}
