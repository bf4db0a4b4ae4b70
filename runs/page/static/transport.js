// First, back, play, forward, last, speed, run until, the scrub bar with what happened when, and the keyboard.

import { AMBER, RED, byId, fresh, icon, make, options, theme } from "page/dom.js";
import { LOST } from "page/data.js";

const UNTIL = {
  end: ["to the end", () => false],
  loss: ["until a loss", (run, tick) => run.columns.count[(tick - run.first) * run.columns.count.width + LOST] > 0],
  small: ["until residual < 1e-3", (run, tick) => run.metric("primal_residual")[tick - run.first] < 1e-3],
  smaller: ["until residual < 1e-6", (run, tick) => run.metric("primal_residual")[tick - run.first] < 1e-6],
  speaks: ["until the chosen agent speaks", speaks],
  tick: ["until tick …", (run, tick, store) => tick >= store.untilTick],
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
    first: ["First tick (Home)", () => store.seek(store.from)],
    back: ["Back (left arrow)", () => store.step(-1)],
    play: ["Play or pause (space)", () => store.toggle()],
    forward: ["Forward (right arrow)", () => store.step(1)],
    last: ["Last tick (End)", () => store.seek(store.to)],
  };
  const buttons = Object.entries(steps).map(([name, [title, act]]) =>
    make("button", { id: name, type: "button", title, "aria-label": title, onclick: act }, icon(name)),
  );
  const speed = make("select", {
    id: "speed",
    title: "Ticks a second",
    "aria-label": "Speed, ticks a second",
    onchange: () => store.set({ speed: Number(speed.value), until: chosen() }),
  });
  options(
    speed,
    store.speeds.map((each) => [each, each ? `${each} ticks/s` : "fastest"]),
    store.speed,
  );
  const until = make("select", {
    id: "until",
    title: "Where playing stops",
    "aria-label": "Play until",
    onchange: () => {
      goal.hidden = until.value !== "tick";
      store.set({ until: chosen() });
    },
  });
  const goal = make("input", {
    id: "until-tick",
    type: "number",
    min: 0,
    value: 100,
    hidden: true,
    title: "Tick at which playing stops",
    "aria-label": "Tick at which playing stops",
    onchange: () => store.set({ until: chosen() }),
  });
  const chosen = () => {
    store.untilTick = Number(goal.value);
    return until.value;
  };
  options(
    until,
    Object.entries(UNTIL).map(([name, [text]]) => [name, text]),
    "end",
  );
  const density = make("canvas", { id: "density", "aria-hidden": "true" });
  const scrub = make("input", {
    id: "scrub",
    type: "range",
    min: store.from,
    max: store.to,
    title: "Tick",
    step: 1,
    "aria-label": "Tick",
    oninput: () => store.jump(Number(scrub.value)),
  });
  box.append(
    make("div", { className: "buttons" }, ...buttons),
    make("div", { className: "scrub" }, density, scrub),
    speed,
    until,
    goal,
  );

  const playButton = byId("play");
  let drawn = "";
  store.subscribe(() => {
    scrub.max = store.to;
    scrub.value = store.tick;
    scrub.setAttribute("aria-valuetext", `tick ${store.tick}`);
    playButton.replaceChildren(icon(store.playing ? "pause" : "play"));
    const size = `${density.clientWidth} ${store.dark} ${run.overview.version} ${run.meta.commands.length}`;
    if (size !== drawn) drawDensity(store, density);
    drawn = size;
  });
  document.addEventListener("keydown", (event) => keyboard(event, store));
  clock(store, () => UNTIL[until.value][1]);
}

function keyboard(event, store) {
  const { target } = event,
    far = event.shiftKey ? 10 : 1;
  if (event.ctrlKey || event.metaKey || event.altKey || target.matches("select, input, textarea, [role=tab]")) return;
  const acts = {
    " ": () => store.toggle(),
    ArrowLeft: () => store.step(-far),
    ArrowRight: () => store.step(far),
    Home: () => store.seek(store.from),
    End: () => store.seek(store.to),
  };
  if (!acts[event.key] || (event.key === " " && target.matches("button"))) return;
  event.preventDefault();
  acts[event.key]();
}

// Advances while playing; stops in the middle of the tick at which the chosen condition holds.
function clock(store, condition) {
  let before = null;
  const beat = (time) => {
    if (store.playing && before !== null) store.advance((time - before) / 1000, condition());
    before = store.playing ? time : null;
    if (store.playing) requestAnimationFrame(beat);
  };
  store.subscribe(() => {
    if (store.playing && before === null) requestAnimationFrame(beat);
  });
}

// How many messages were said and lost when; windows of faults above.
function drawDensity({ run, from, to }, canvas) {
  const { context, width, height } = fresh(canvas),
    colours = theme(),
    overview = run.shown ?? run.overview;
  const ticks = to - from + 1,
    bins = Math.max(Math.min(Math.floor(width / 2), ticks), 1);
  const said = new Float64Array(bins),
    lost = new Float64Array(bins);
  const [sent, gone] = [overview.counts(0), overview.counts(LOST)];
  overview.ticks.forEach((tick, row) => {
    const bin = Math.floor(((tick - from) * bins) / ticks);
    said[bin] = Math.max(said[bin], sent[row]);
    lost[bin] = Math.max(lost[bin], gone[row]);
  });
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
    const begin = Math.max(fault.from - from, 0),
      end = Math.min((fault.to ?? Infinity) - from, ticks);
    if (end > begin) context.fillRect((begin / ticks) * width, 0, Math.max(((end - begin) / ticks) * width, 2), 4);
  }
  context.fillStyle = colours.ink;
  for (const command of run.meta.commands) {
    context.fillRect(((command.tick - from) / ticks) * width - 1, 0, 2, 8);
  }
}
