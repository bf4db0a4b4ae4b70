// Who said what to whom, tick by tick: Lamport's diagram, time downwards, in step with the network.

import { AMBER, RED, byId, fresh, make, theme } from "page/dom.js";
import { LOST, STALE } from "page/data.js";
import { arrow, cross } from "page/shapes.js";

const LANES_MAX = 16;
const TICKS = 9;
const HEAD = 96,
  LEFT = 44,
  RIGHT = 24;

export function sequence(store) {
  const panel = byId("sequence"),
    canvas = make("canvas", { role: "img", "aria-label": "Messages between agents, tick by tick" });
  const note = make("p", { className: "note" });
  panel.append(canvas, note);
  canvas.addEventListener("click", (event) => {
    const agent = lanes(store)[Math.round((event.offsetX - LEFT) / step(canvas, store) - 0.5)];
    if (agent !== undefined) store.set({ agent });
  });
  store.subscribe(() => {
    if (store.tab === "sequence") draw(store, canvas, note);
  });
}

function step(canvas, store) {
  return (canvas.clientWidth - LEFT - RIGHT) / Math.max(lanes(store).length, 1);
}

// Whose lanes: of all agents if they fit; else the chosen one and whom it talks to; else virtual agents and operators, or if
// these are too many the first virtual agent and whom it talks to.
function lanes({ run, agent, microgrid }) {
  const all = [...run.names.keys()],
    key = `${agent} ${microgrid}`;
  if (lanes.key === key && lanes.run === run) return lanes.found;
  let found = all;
  if (all.length > LANES_MAX) {
    const leading = all.filter((each) => run.columns.role[each] < 2);
    const chosen = agent ?? microgrid ?? (leading.length > LANES_MAX ? 0 : null),
      { sender, receiver } = run.columns;
    if (chosen === null) found = leading;
    else {
      const near = new Set([chosen]);
      sender.forEach((from, channel) => from === chosen && near.add(receiver[channel]));
      found = [...near].slice(0, LANES_MAX).sort((one, two) => one - two);
    }
  }
  Object.assign(lanes, { key, run, found: found.slice(0, LANES_MAX) });
  return lanes.found;
}

function draw(store, canvas, note) {
  const { context, width, height } = fresh(canvas),
    { run, now } = store,
    colours = theme(),
    shown = lanes(store);
  const wide = step(canvas, store),
    lane = new Map(shown.map((agent, k) => [agent, LEFT + (k + 0.5) * wide]));
  const from = Math.max(Math.min(now - TICKS * 0.7, run.last + 1 - TICKS), run.first),
    tall = (height - HEAD - 10) / TICKS;
  const y = (tick) => HEAD + (tick - from) * tall;
  note.textContent =
    shown.length < run.names.length
      ? `${shown.length} of ${run.names.length} agents: choose one to see whom it talks to`
      : "";
  drawLanes(context, store, lane, colours, height);
  context.save();
  context.beginPath();
  context.rect(0, HEAD - 7, width, height - HEAD + 7);
  context.clip();
  drawTicks(context, run, from, y, width, colours);
  const [start, stop] = run.saidIn(Math.floor(from) - run.longest, Math.floor(now));
  for (let row = start; row < stop; row++) drawMessage(context, store, row, lane, y, colours);
  context.fillStyle = colours.ink;
  context.fillRect(LEFT - 6, y(now) - 0.75, width, 1.5);
  context.restore();
}

function drawLanes(context, { run, agent }, lane, colours, height) {
  context.font = "11px system-ui, sans-serif";
  context.textAlign = "left";
  context.textBaseline = "middle";
  for (const [each, x] of lane) {
    context.strokeStyle = colours.line;
    context.lineWidth = each === agent ? 3 : 1;
    context.beginPath();
    context.moveTo(x, HEAD);
    context.lineTo(x, height);
    context.stroke();
    context.save();
    context.translate(x, HEAD - 8);
    context.rotate(-Math.PI / 3);
    context.fillStyle = each === agent ? RED : colours.ink;
    context.fillText(
      run.names[each],
      0,
      0,
    );
    context.restore();
  }
}

function drawTicks(context, run, from, y, width, colours) {
  context.textAlign = "right";
  for (let tick = Math.ceil(from); tick <= Math.min(from + TICKS, run.last + 1); tick++) {
    context.strokeStyle = colours.line;
    context.lineWidth = 0.5;
    context.beginPath();
    context.moveTo(LEFT - 6, y(tick));
    context.lineTo(width, y(tick));
    context.stroke();
    context.fillStyle = colours.soft;
    context.fillText(String(tick), LEFT - 10, y(tick));
  }
}

function drawMessage(context, { run, now, chain }, row, lane, y, colours) {
  const x = lane.get(run.sender(row)),
    u = lane.get(run.receiver(row));
  if (x === undefined || u === undefined) return;
  const sent = run.message.sent[row],
    due = run.due(row),
    gone = run.failedBy(row, Math.floor(now));
  const part = Math.min((now - sent) / (due - sent), gone ? (run.message.fate[row] === LOST ? 0.5 : 0.9) : 1);
  const [tipX, tipY] = [x + (u - x) * part, y(sent) + (y(due) - y(sent)) * part];
  const colour = gone ? RED : run.late(row) ? AMBER : colours.message;
  context.strokeStyle = context.fillStyle = colour;
  context.lineWidth = chain.includes(row) ? 3.5 : 1.3;
  context.setLineDash(run.message.fate[row] === STALE || run.message.copy[row] ? [3, 3] : []);
  arrow(context, x, y(sent), tipX, tipY, part >= 1 ? 6 : 0);
  context.setLineDash([]);
  if (gone) cross(context, tipX, tipY, 4, RED, 2);
}
