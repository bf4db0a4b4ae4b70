// Lines over ticks: a cached picture of the lines, with a cursor on top; a click or the arrows of the scrub bar seek.

import { AMBER, LINES, byId, fresh, make, number, theme } from "page/dom.js";

const MARGIN = { left: 52, right: 8, top: 6, bottom: 18 };
const DASHES = [[], [5, 3], [1.5, 2], [7, 2, 1.5, 2]];
const MANY = 8;

export function charts(store) {
  const all = [prices, residuals, costs].map((tell) => new Chart(store, tell));
  byId("charts").append(...all.map((chart) => chart.box));
  store.subscribe(() => all.forEach((chart) => chart.draw()));
}

// Each tells what to draw of an overview: title, log axis or not, and lines.
function prices(overview) {
  return { title: "price, $/kWh", log: false, lines: overview.prices() };
}

function residuals(overview) {
  const told = [
    ["primal_residual", "primal, kW"],
    ["dual_residual", "dual, $/kWh"],
    ["price_disagreement", "copies, $/kWh"],
  ];
  return { title: "residuals", log: true, lines: told.map(([key, name]) => ({ name, values: overview.metric(key) })) };
}

function costs(overview, { clock, result }) {
  const cost = overview.metric("cost"),
    best = result?.optimum_cost;
  if (clock || best === null || best === undefined) {
    return { title: "cost, $/h", log: false, lines: [{ name: "of what is proposed", values: cost }] };
  }
  const values = cost.map((each) => Math.abs(each - best));
  return { title: "gap, $/h", log: true, lines: [{ name: "|cost − optimum|", values }] };
}

class Chart {
  constructor(store, tell) {
    Object.assign(this, { store, run: store.run, tell, key: "", names: "" });
    this.canvas = make("canvas", { role: "img" });
    this.picture = document.createElement("canvas");
    this.heading = make("b");
    this.legend = make("span", { className: "legend" });
    this.box = make("figure", { className: "chart" }, make("figcaption", {}, this.heading, this.legend), this.canvas);
    const seek = (event) => {
      if (event.buttons & 1) store.jump(this.tickAt(event.offsetX));
    };
    this.canvas.addEventListener("pointerdown", seek);
    this.canvas.addEventListener("pointermove", seek);
  }

  // What there is to draw now, and before the branch where there was one.
  read() {
    const { overview, baseline, meta } = this.run;
    Object.assign(this, this.tell(overview, meta), { ticks: overview.ticks, old: null });
    if (baseline)
      this.old = {
        lines: this.tell(baseline, { ...meta, result: this.log ? meta.result : null }).lines,
        ticks: baseline.ticks,
      };
    this.from = Math.min(this.store.from, this.ticks[0] ?? Infinity);
    this.to = Math.max(this.store.to, this.ticks.at(-1) ?? 0, baseline ? (baseline.ticks.at(-1) ?? 0) : 0, this.from + 1);
    this.range = extent(this);
    const shown = this.lines.filter((line) => !line.faint);
    shown.forEach((line, k) =>
      Object.assign(line, { colour: LINES[k % LINES.length], dash: this.lines.length > MANY ? [] : DASHES[k % 4] }),
    );
    const names = [this.title, baseline ? 1 : 0, ...shown.map((line) => line.name)].join();
    if (names !== this.names) {
      this.heading.textContent = this.title;
      this.canvas.setAttribute("aria-label", this.title);
      const thin = make("span", { className: "thin", textContent: "thin: before" });
      this.legend.replaceChildren(...shown.map(sample), ...(baseline ? [thin] : []));
      this.names = names;
    }
    this.values = [...this.legend.querySelectorAll(".value")];
  }

  tickAt(x) {
    return (
      this.from + ((x - MARGIN.left) / (this.canvas.clientWidth - MARGIN.left - MARGIN.right)) * (this.to - this.from)
    );
  }

  x(tick, width) {
    return MARGIN.left + ((tick - this.from) / (this.to - this.from)) * (width - MARGIN.left - MARGIN.right);
  }

  y(value, height) {
    const { low, high } = this.range,
      v = this.log ? Math.log10(Math.max(value, 10 ** low)) : value;
    return MARGIN.top + (1 - (v - low) / (high - low)) * (height - MARGIN.top - MARGIN.bottom);
  }

  draw() {
    const { store, canvas, run } = this,
      { overview, baseline, meta } = run;
    const key = [
      canvas.clientWidth,
      canvas.clientHeight,
      store.dark,
      overview.version,
      baseline?.version,
      meta.result !== null,
      meta.commands.length,
    ].join(" ");
    if (key !== this.key && canvas.clientWidth) {
      this.read();
      this.paint();
      this.key = key;
    }
    const { context, width, height } = fresh(canvas);
    if (!width) return;
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0); // pixel by pixel: a picture that is fitted in is blurred
    context.drawImage(this.picture, 0, 0);
    context.restore();
    const x = this.x(store.tick, width),
      row = overview.row(store.tick);
    context.fillStyle = theme().ink;
    context.fillRect(x - 0.75, MARGIN.top, 1.5, height - MARGIN.top - MARGIN.bottom);
    const shown = this.lines.filter((line) => !line.faint);
    this.values.forEach((told, k) => (told.textContent = ` ${number(shown[k].values[row])}`));
  }

  paint() {
    this.picture.width = Math.round(this.canvas.clientWidth * (window.devicePixelRatio || 1));
    this.picture.height = Math.round(this.canvas.clientHeight * (window.devicePixelRatio || 1));
    const context = this.picture.getContext("2d"),
      colours = theme();
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    context.scale(window.devicePixelRatio || 1, window.devicePixelRatio || 1);
    this.paintExcerpt(context, width, height, colours);
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
    this.old?.lines.forEach((line, k) => {
      if (!line.faint)
        this.paintLine(
          context,
          { ...line, colour: this.lines[k]?.colour, thin: true },
          this.old.ticks,
          width,
          height,
          colours,
        );
    });
    for (const line of this.lines) this.paintLine(context, line, this.ticks, width, height, colours);
  }

  // What the page does not hold lies in the shade.
  paintExcerpt(context, width, height, colours) {
    const { from, to } = this.store;
    context.fillStyle = colours.shade;
    for (const [first, last] of [
      [this.from, from],
      [to, this.ticks.at(-1) ?? to],
    ]) {
      const wide = this.x(last, width) - this.x(first, width);
      if (wide > 0) context.fillRect(this.x(first, width), MARGIN.top, wide, height - MARGIN.top - MARGIN.bottom);
    }
  }

  paintFaults(context, width, height) {
    context.fillStyle = `${AMBER}22`;
    // One path, so that many faults at once are no darker than one.
    context.beginPath();
    for (const fault of this.run.meta.faults) {
      const from = Math.max(fault.from, this.from),
        to = Math.min(fault.to ?? Infinity, this.to),
        wide = this.x(to, width) - this.x(from, width);
      if (to > from) context.rect(this.x(from, width), MARGIN.top, wide, height - MARGIN.top - MARGIN.bottom);
    }
    context.fill();
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
    for (const tick of marks({ low: this.from, high: this.to }, false, width / 90)) {
      context.fillText(String(Math.round(tick)), this.x(tick, width), height);
    }
  }

  paintLine(context, line, ticks, width, height, colours) {
    context.strokeStyle = line.faint ? colours.line : colours[line.colour];
    context.lineWidth = line.faint || line.thin ? 0.8 : 1.6;
    context.setLineDash(line.dash ?? []);
    context.beginPath();
    let pen = false;
    line.values.forEach((value, k) => {
      const there = Number.isFinite(value);
      if (there) context[pen ? "lineTo" : "moveTo"](this.x(ticks[k], width), this.y(value, height));
      pen = there;
    });
    context.stroke();
    context.setLineDash([]);
  }
}

function sample(line) {
  const style = line.dash.length ? "dashed" : "solid",
    mark = make("i", {});
  mark.style.borderTop = `2px ${style} var(--${line.colour})`;
  return make("span", {}, mark, line.name, make("b", { className: "value" }));
}

// Lowest and highest, on a log axis as powers of ten; zeros lie on the floor.
function extent({ lines, log, old }) {
  lines = [...lines, ...(old?.lines ?? [])];
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
