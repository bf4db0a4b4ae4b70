// Lines over ticks: a cached picture of the lines, with a cursor on top; a click or the arrows of the scrub bar seek.

import { LINES, byId, fresh, make, number, theme } from "page/dom.js";

const MARGIN = { left: 52, right: 8, top: 6, bottom: 18 };
const DASHES = [[], [5, 3], [1.5, 2], [7, 2, 1.5, 2]];
const MANY = 8;

export function charts(store) {
  const { run } = store;
  const all = [priceChart(run), residualChart(run), costChart(run)].map((told) => new Chart(store, told));
  byId("charts").append(...all.map((chart) => chart.box));
  store.subscribe(() => all.forEach((chart) => chart.draw()));
}

function priceChart(run) {
  const ticks = run.last - run.first + 1;
  const each = run.meta.microgrids.map((name, hub) => ({
    name,
    values: Float64Array.from({ length: ticks }, (_, k) => run.price(run.first + k, hub)),
  }));
  return { title: "price, $/kWh", log: false, lines: each.length <= MANY ? each : outstanding(each) };
}

// Of many lines the lowest, the median and the highest at the end stand out.
function outstanding(lines) {
  const sorted = [...lines].sort((one, two) => one.values.at(-1) - two.values.at(-1));
  const chosen = [sorted.at(-1), sorted[sorted.length >> 1], sorted[0]];
  return [
    ...lines.filter((line) => !chosen.includes(line)).map((line) => ({ ...line, quiet: true })),
    ...chosen.map((line, k) => ({ ...line, name: `${["highest", "median", "lowest"][k]} ${line.name}` })),
  ];
}

function residualChart(run) {
  const told = [
    ["primal_residual", "primal, kW"],
    ["dual_residual", "dual, $/kWh"],
    ["price_disagreement", "copies, $/kWh"],
  ];
  return { title: "residuals", log: true, lines: told.map(([key, name]) => ({ name, values: run.metric(key) })) };
}

function costChart(run) {
  const cost = run.metric("cost"),
    best = run.meta.result?.optimum_cost;
  if (run.meta.clock || best === null || best === undefined) {
    return { title: "cost, $/h", log: false, lines: [{ name: "of what is proposed", values: cost }] };
  }
  return {
    title: "gap, $/h",
    log: true,
    lines: [{ name: "|cost − optimum|", values: cost.map((each) => Math.abs(each - best)) }],
  };
}

class Chart {
  constructor(store, told) {
    Object.assign(this, told, { store, run: store.run, key: "" });
    this.canvas = make("canvas", { role: "img", "aria-label": told.title });
    this.picture = document.createElement("canvas");
    const shown = told.lines.filter((line) => !line.quiet);
    shown.forEach((line, k) =>
      Object.assign(line, { colour: LINES[k % LINES.length], dash: told.lines.length > MANY ? [] : DASHES[k % 4] }),
    );
    this.legend = make("span", { className: "legend" }, ...shown.map((line) => sample(line)));
    this.box = make(
      "figure",
      { className: "chart" },
      make("figcaption", {}, make("b", { textContent: told.title }), this.legend),
      this.canvas,
    );
    const seek = (event) => {
      if (event.buttons & 1) store.seek(this.tickAt(event.offsetX));
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      store.set({ playing: false });
      seek(event);
    });
    this.canvas.addEventListener("pointermove", seek);
    this.range = extent(told);
  }

  tickAt(x) {
    const wide = this.canvas.clientWidth - MARGIN.left - MARGIN.right;
    return this.run.first + ((x - MARGIN.left) / wide) * Math.max(this.run.last - this.run.first, 1);
  }

  x(tick, width) {
    return (
      MARGIN.left +
      ((tick - this.run.first) / Math.max(this.run.last - this.run.first, 1)) * (width - MARGIN.left - MARGIN.right)
    );
  }

  y(value, height) {
    const { low, high } = this.range,
      v = this.log ? Math.log10(Math.max(value, 10 ** low)) : value;
    return MARGIN.top + (1 - (v - low) / (high - low)) * (height - MARGIN.top - MARGIN.bottom);
  }

  draw() {
    const { store, canvas } = this,
      key = `${canvas.clientWidth} ${canvas.clientHeight} ${store.dark}`;
    if (key !== this.key) this.paint();
    this.key = key;
    const { context, width, height } = fresh(canvas);
    if (!width) return;
    context.drawImage(this.picture, 0, 0, width, height);
    const x = this.x(store.tick, width);
    context.fillStyle = theme().ink;
    context.fillRect(x - 0.75, MARGIN.top, 1.5, height - MARGIN.top - MARGIN.bottom);
    for (const { told, values } of this.lines)
      if (told) told.textContent = ` ${number(values[store.tick - this.run.first])}`;
  }

  paint() {
    this.picture.width = this.canvas.clientWidth * (window.devicePixelRatio || 1);
    this.picture.height = this.canvas.clientHeight * (window.devicePixelRatio || 1);
    const context = this.picture.getContext("2d"),
      colours = theme();
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    context.scale(window.devicePixelRatio || 1, window.devicePixelRatio || 1);
    this.paintFaults(context, width, height);
    this.paintAxes(context, width, height, colours);
    context.beginPath();
    context.rect(
      MARGIN.left,
      MARGIN.top - 1,
      width - MARGIN.left - MARGIN.right + 1,
      height - MARGIN.top - MARGIN.bottom + 2,
    );
    context.clip();
    for (const line of this.lines) this.paintLine(context, line, width, height, colours);
  }

  paintFaults(context, width, height) {
    context.fillStyle = "#E69F0022";
    for (const fault of this.run.meta.faults) {
      const from = Math.max(fault.from, this.run.first),
        to = Math.min(fault.to ?? Infinity, this.run.last);
      if (to > from)
        context.fillRect(
          this.x(from, width),
          MARGIN.top,
          this.x(to, width) - this.x(from, width),
          height - MARGIN.top - MARGIN.bottom,
        );
    }
  }

  paintAxes(context, width, height, colours) {
    context.font = "11px system-ui, sans-serif";
    context.fillStyle = colours.soft;
    context.strokeStyle = colours.line;
    context.lineWidth = 0.6;
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const value of marks(this.range, this.log, (height - MARGIN.top - MARGIN.bottom) / 26)) {
      const y = this.y(value, height);
      context.beginPath();
      context.moveTo(MARGIN.left, y);
      context.lineTo(width - MARGIN.right, y);
      context.stroke();
      context.fillText(this.log ? `1e${Math.round(Math.log10(value))}` : number(value), MARGIN.left - 5, y);
    }
    context.textAlign = "center";
    context.textBaseline = "bottom";
    for (const tick of marks(
      { low: this.run.first, high: Math.max(this.run.last, this.run.first + 1) },
      false,
      width / 90,
    )) {
      context.fillText(String(Math.round(tick)), this.x(tick, width), height);
    }
  }

  paintLine(context, line, width, height, colours) {
    context.strokeStyle = line.quiet ? colours.line : line.colour === "ink" ? colours.ink : line.colour;
    context.lineWidth = line.quiet ? 0.8 : 1.6;
    context.setLineDash(line.dash ?? []);
    context.beginPath();
    let pen = false;
    line.values.forEach((value, k) => {
      const there = Number.isFinite(value);
      if (there) context[pen ? "lineTo" : "moveTo"](this.x(this.run.first + k, width), this.y(value, height));
      pen = there;
    });
    context.stroke();
    context.setLineDash([]);
  }
}

function sample(line) {
  const colour = line.colour === "ink" ? "currentColor" : line.colour,
    style = line.dash.length ? "dashed" : "solid";
  const mark = make("i", {});
  mark.style.borderTop = `2px ${style} ${colour}`;
  line.told = make("b", { className: "value" });
  return make("span", {}, mark, line.name, line.told);
}

// Lowest and highest, on a log axis as powers of ten; zeros lie on the floor.
function extent({ lines, log }) {
  let low = Infinity,
    high = -Infinity;
  for (const { values } of lines) {
    for (const value of values) {
      if (!Number.isFinite(value) || (log && value <= 0)) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  if (!Number.isFinite(low)) return { low: log ? -1 : 0, high: 1 };
  if (log) {
    [low, high] = [Math.max(Math.floor(Math.log10(low)), -16), Math.ceil(Math.log10(high))];
    return { low: Math.min(low, high - 1), high };
  }
  [low, high] = withoutPeaks(lines, low, high);
  const room = (high - low || Math.abs(high) || 1) * 0.05;
  return { low: low - room, high: high + room };
}

// A few peaks, such as a price that a new period starts with, would flatten everything else: the axis leaves them out.
function withoutPeaks(lines, low, high) {
  const sorted = lines
    .flatMap(({ values }) => Array.from(values).filter(Number.isFinite))
    .sort((one, two) => one - two);
  const at = (part) => sorted[Math.round(part * (sorted.length - 1))],
    [down, up] = [at(0.01), at(0.99)];
  return high - low > 6 * (up - down) && up > down ? [down, up] : [low, high];
}

function marks({ low, high }, log, most) {
  const found = [];
  if (log) {
    const stride = Math.max(Math.ceil((high - low) / most), 1);
    for (let power = Math.ceil(low / stride) * stride; power <= high; power += stride) found.push(10 ** power);
    return found;
  }
  const rough = (high - low) / Math.max(most, 1),
    size = 10 ** Math.floor(Math.log10(rough));
  const stride = size * ([1, 2, 5, 10].find((each) => each * size >= rough) ?? 10);
  for (let k = Math.ceil(low / stride); k * stride <= high; k++) found.push(Number((k * stride).toPrecision(12)));
  return found;
}
