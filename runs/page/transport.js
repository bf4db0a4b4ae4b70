// First, back, play, forward, last, speed, run until, the scrub bar with what happened when, and the keyboard.

import { AMBER, RED, byId, fresh, icon, make, options, theme } from "page/dom.js";
import { LOST } from "page/data.js";

const SPEEDS = [0.5, 1, 2, 5, 10, 30, 100];

const UNTIL = {
  end: ["to the end", () => false],
  loss: ["until a loss", (run, tick) => run.columns.count[(tick - run.first) * run.columns.count.width + LOST] > 0],
  small: ["until residual < 1e-3", (run, tick) => run.metric("primal_residual")[tick - run.first] < 1e-3],
  smaller: ["until residual < 1e-6", (run, tick) => run.metric("primal_residual")[tick - run.first] < 1e-6],
  speaks: ["until the chosen agent speaks", speaks],
};

function speaks(run, tick, store) {
  const [start, stop] = run.saidIn(tick, tick);
  for (let row = start; row < stop; row++) if (run.sender(row) === store.agent) return true;
  return false;
}

export function transport(store) {
  const { run } = store,
    box = byId("transport");
  const steps = {
    first: ["First tick (Home)", () => store.seek(run.first)],
    back: ["Back (left arrow)", () => step(store, -1)],
    play: ["Play or pause (space)", () => toggle(store)],
    forward: ["Forward (right arrow)", () => step(store, 1)],
    last: ["Last tick (End)", () => store.seek(run.last)],
  };
  const buttons = Object.entries(steps).map(([name, [title, act]]) =>
    make("button", { id: name, type: "button", title, "aria-label": title, onclick: act }, icon(name)),
  );
  const speed = make("select", {
    id: "speed",
    title: "Ticks a second",
    "aria-label": "Speed, ticks a second",
    onchange: () => store.set({ speed: Number(speed.value) }),
  });
  options(
    speed,
    SPEEDS.map((each) => [each, `${each} ticks/s`]),
    store.speed,
  );
  const until = make("select", { id: "until", title: "Where playing stops", "aria-label": "Play until" });
  options(
    until,
    Object.entries(UNTIL).map(([name, [text]]) => [name, text]),
    "end",
  );
  const density = make("canvas", { id: "density", "aria-hidden": "true" });
  const scrub = make("input", {
    id: "scrub",
    type: "range",
    min: run.first,
    max: run.last,
    step: 1,
    "aria-label": "Tick",
    oninput: () => store.set({ now: Number(scrub.value) + 0.5, playing: false }),
  });
  box.append(
    make("div", { className: "buttons" }, ...buttons),
    make("div", { className: "scrub" }, density, scrub),
    speed,
    until,
  );

  const playButton = byId("play");
  let drawn = "";
  store.subscribe(() => {
    scrub.value = store.tick;
    scrub.setAttribute("aria-valuetext", `tick ${store.tick}`);
    playButton.replaceChildren(icon(store.playing ? "pause" : "play"));
    const size = `${density.clientWidth} ${store.dark}`;
    if (size !== drawn) drawDensity(run, density);
    drawn = size;
  });
  document.addEventListener("keydown", (event) => keyboard(event, store));
  clock(store, () => UNTIL[until.value][1]);
}

function step(store, ticks) {
  store.set({ playing: false });
  store.seek(store.tick + ticks);
}

function toggle(store) {
  const atEnd = store.tick >= store.run.last;
  store.set({ playing: !store.playing, now: !store.playing && atEnd ? store.run.first : store.now });
  if (!store.playing) store.seek(store.tick);
}

function keyboard(event, store) {
  const { target } = event,
    { run } = store,
    far = event.shiftKey ? 10 : 1;
  if (event.ctrlKey || event.metaKey || event.altKey || target.matches("select, input, textarea, [role=tab]")) return;
  const acts = {
    " ": () => toggle(store),
    ArrowLeft: () => step(store, -far),
    ArrowRight: () => step(store, far),
    Home: () => store.seek(run.first),
    End: () => store.seek(run.last),
  };
  if (!acts[event.key] || (event.key === " " && target.matches("button"))) return;
  event.preventDefault();
  acts[event.key]();
}

// Advances while playing; stops in the middle of the tick at which the chosen condition holds.
function clock(store, condition) {
  let before = null;
  const beat = (time) => {
    if (store.playing && before !== null) advance(store, (time - before) / 1000, condition());
    before = store.playing ? time : null;
    if (store.playing) requestAnimationFrame(beat);
  };
  store.subscribe(() => {
    if (store.playing && before === null) requestAnimationFrame(beat);
  });
}

function advance(store, seconds, holds) {
  const { run } = store,
    wanted = Math.min(store.now + Math.min(seconds, 0.25) * store.speed, run.last + 0.5);
  for (let tick = store.tick + 1; tick <= Math.floor(wanted); tick++) {
    if (holds(run, tick, store)) return store.set({ now: tick + 0.5, playing: false });
  }
  store.set({ now: wanted, playing: wanted < run.last + 0.5 });
}

// How many messages were said and lost when; windows of faults above.
function drawDensity(run, canvas) {
  const { context, width, height } = fresh(canvas),
    colours = theme(),
    { count } = run.columns;
  const ticks = run.last - run.first + 1,
    bins = Math.max(Math.min(Math.floor(width / 2), ticks), 1);
  const said = new Float64Array(bins),
    lost = new Float64Array(bins);
  for (let k = 0; k < ticks; k++) {
    const bin = Math.floor((k * bins) / ticks);
    said[bin] = Math.max(said[bin], count[k * count.width]);
    lost[bin] = Math.max(lost[bin], count[k * count.width + LOST]);
  }
  const most = Math.max(...said, 1),
    wide = width / bins,
    top = 6;
  for (let bin = 0; bin < bins; bin++) {
    for (const [values, colour] of [
      [said, colours.line],
      [lost, RED],
    ]) {
      const tall = values[bin] ? Math.max((values[bin] / most) * (height - top), 1.5) : 0;
      context.fillStyle = colour;
      context.fillRect(bin * wide, height - tall, Math.max(wide - 0.5, 0.7), tall);
    }
  }
  context.fillStyle = AMBER;
  for (const fault of run.meta.faults) {
    const from = Math.max(fault.from - run.first, 0),
      to = Math.min((fault.to ?? Infinity) - run.first, ticks);
    if (to > from) context.fillRect((from / ticks) * width, 0, Math.max(((to - from) / ticks) * width, 2), 4);
  }
  context.fillStyle = colours.ink;
  for (const command of run.meta.commands) {
    context.fillRect(((command.tick - run.first) / ticks) * width - 1, 0, 2, 8);
  }
}
