// The feeder of a network operator as a single-line drawing: voltages and lines at what everybody proposes in a tick.

import { AMBER, RED, byId, fresh, make, number, shade, theme } from "page/dom.js";
import { arrow } from "page/shapes.js";

const NEAR = 0.95; // of its limit, from where on a line is drawn as nearly full
// A breach smaller than what the pointer reads is none: what is negotiated meets its limits only in the end.
const TRUST = { pu: 5e-5, part: 1e-3, kw: 1e-3 };
const NAMED_MAX = 16; // prosumers beyond which the pointer names them

const pu = (voltage, digits) => (Number.isNaN(voltage) ? "–" : voltage.toFixed(digits));

// A switch beside the messages, where a run has a feeder.
export function feeder(store) {
  if (!store.run.meta.feeder) return;
  const view = new Feeder(store),
    choices = ["messages", "feeder"].map((name) =>
      make("button", { id: `view-${name}`, type: "button", textContent: name, onclick: () => store.set({ view: name }) }),
    );
  byId("network").append(make("div", { id: "views", role: "group", "aria-label": "What is drawn" }, ...choices));
  store.view = "messages";
  store.subscribe(() => {
    const drawn = store.view === "feeder";
    choices.forEach((choice) => choice.setAttribute("aria-pressed", String(choice.id === `view-${store.view}`)));
    byId("base").parentElement.hidden = byId("key").hidden = drawn;
    byId("feeder").hidden = byId("feeder-key").hidden = !drawn;
    if (drawn) view.draw();
  });
}

class Feeder {
  constructor(store) {
    this.store = store;
    this.told = store.run.meta.feeder;
    this.canvas = make("canvas", { id: "feeder-canvas", role: "img" });
    byId("network").prepend(make("div", { id: "feeder", className: "stack", hidden: true }, this.canvas));
    byId("network").append(make("div", { id: "feeder-key", className: "key", hidden: true }));
    this.canvas.addEventListener("pointermove", (event) => this.tip(event));
    this.canvas.addEventListener("pointerleave", () => (byId("tip").hidden = true));
    this.canvas.addEventListener("click", (event) => this.click(event));
    this.legend();
  }

  // A column's numbers in the tick that is looked at.
  at(name) {
    const { run, tick } = this.store,
      column = run.columns[`feeder.${name}`],
      width = { voltage: this.told.buses.length, kw: this.told.lines.length }[name] ?? this.told.bus.length;
    return column.subarray((tick - run.first) * width, (tick - run.first + 1) * width);
  }

  over(line, kw) {
    const limit = this.told.limit_kw[line];
    return limit !== null && Math.abs(kw) > limit * (1 + TRUST.part);
  }

  outside(bus, voltage) {
    const { v_min: low, v_max: high } = this.told;
    return bus > 0 && (voltage < low - TRUST.pu || voltage > high + TRUST.pu);
  }

  draw() {
    const { context, width, height } = fresh(this.canvas),
      colours = theme();
    this.fit(width, height);
    const [voltage, kw, p] = ["voltage", "kw", "p"].map((name) => this.at(name));
    const limits = this.told.limit_kw.filter((limit) => limit !== null);
    const most = Math.max(...limits, ...(limits.length ? [] : [...kw].map(Math.abs)), 1e-9);
    kw.forEach((power, line) => this.drawLine(context, line, power, most, colours));
    p.forEach((_, port) => this.drawStem(context, port, colours));
    p.forEach((power, port) => this.drawPort(context, port, power, colours));
    voltage.forEach((each, bus) => this.drawBus(context, bus, each, colours));
    const bad = [...voltage].filter((each, bus) => this.outside(bus, each)).length,
      full = [...kw].filter((power, line) => this.over(line, power)).length;
    const silent = [...p].some(Number.isNaN) ? "not everybody has proposed yet" : "";
    const none = silent || (Number.isNaN(voltage[0]) ? "no power flow exists at what is proposed" : "");
    const said = none || `${bad} of ${voltage.length} buses and ${full} of ${kw.length} lines are beyond their limits`;
    this.canvas.setAttribute("aria-label", `Feeder ${this.told.name}: ${said}`);
    byId("feeder-said").textContent = said;
  }

  // Columns are lines from the source, lanes are branches; prosumers hang below their bus, a little to its right.
  fit(width, height) {
    const { places } = this.told,
      columns = Math.max(...places.map(([column]) => column), 1);
    const lanes = places.map(([, lane]) => lane),
      low = Math.min(...lanes),
      high = Math.max(...lanes, low + 1);
    const below = this.told.bus.filter((bus) => lanes[bus] === high),
      stack = Math.max(...below.map((bus) => below.filter((each) => each === bus).length), 0);
    const room = { left: 34, right: 44, top: 62, bottom: 98 + 15 * stack };
    const wide = Math.min((width - room.left - room.right) / columns, 190),
      tall = Math.min((height - room.top - room.bottom) / (high - low), 170);
    const left = (width - wide * columns + room.left - room.right) / 2,
      top = (height - tall * (high - low) + room.top - room.bottom) / 2;
    this.buses = places.map(([column, lane]) => [left + column * wide, top + (lane - low) * tall]);
    Object.assign(this, { wide, tall, size: Math.min(Math.max(0.17 * Math.min(wide, tall), 4), 9) });
    const hung = new Map(),
      across = Math.min(0.42 * wide, 26);
    this.drop = Math.min(0.3 * tall, 34);
    this.ports = this.told.bus.map((bus) => {
      const k = hung.get(bus) ?? 0,
        [x, y] = this.buses[bus];
      hung.set(bus, k + 1);
      return [x + across, y + this.drop + k * (2 * this.size + 1)];
    });
  }

  // From the bar of the bus that feeds it, first across the lanes, then along its own.
  way(line) {
    const [x, y] = this.buses[this.told.parent[line]],
      [u, v] = this.buses[line + 1];
    return [
      [x, y],
      [x, v],
      [u, v],
    ];
  }

  drawLine(context, line, power, most, colours) {
    const limit = this.told.limit_kw[line],
      load = Math.abs(power) / (limit ?? most),
      way = this.way(line);
    const over = this.over(line, power);
    context.strokeStyle = over ? RED : limit !== null && load >= NEAR ? AMBER : colours.soft;
    context.lineWidth = 1 + 5 * Math.min(load || 0, 1);
    context.setLineDash(over ? [7, 3] : []);
    context.beginPath();
    way.forEach(([x, y], k) => context[k ? "lineTo" : "moveTo"](x, y));
    context.stroke();
    context.setLineDash([]);
    if (this.wide < 34 || !(Math.abs(power) > TRUST.kw)) return;
    // Which way the power goes.
    const [, [x, y], [u]] = way,
      turn = power > 0 ? 1 : -1,
      middle = (x + u) / 2;
    context.fillStyle = context.strokeStyle;
    arrow(context, middle - 4 * turn, y, middle + 9 * turn, y, 8 + 1.5 * context.lineWidth);
  }

  drawStem(context, port, colours) {
    const [x, y] = this.ports[port],
      [u, v] = this.buses[this.told.bus[port]];
    context.strokeStyle = colours.line;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(u, v);
    context.lineTo(x, v + this.drop);
    context.lineTo(x, y);
    context.stroke();
  }

  drawPort(context, port, power, colours) {
    const [x, y] = this.ports[port],
      chosen = this.store.agent === this.told.agent[port],
      size = 0.8 * this.size;
    context.beginPath();
    context.arc(x, y, size, 0, 2 * Math.PI);
    context.fillStyle = power > TRUST.kw ? colours.message : colours.paper;
    context.fill();
    context.strokeStyle = chosen ? RED : Math.abs(power) > TRUST.kw ? colours.message : colours.soft;
    context.lineWidth = chosen ? 3 : 1.5;
    context.stroke();
    if (this.told.bus.length > NAMED_MAX) return;
    context.font = "11px system-ui, sans-serif";
    context.textAlign = "left";
    context.textBaseline = "middle";
    context.fillStyle = colours.ink;
    context.fillText(`${this.name(port)} ${number(Math.round(10 * power) / 10)} kW`, x + size + 5, y);
  }

  drawBus(context, bus, voltage, colours) {
    const { v_min: low, v_max: high } = this.told,
      [x, y] = this.buses[bus],
      bad = this.outside(bus, voltage),
      tall = 1.7 * this.size,
      wide = bus ? 0.55 * this.size : 0.8 * this.size;
    context.fillStyle = Number.isNaN(voltage) ? colours.paper : shade((voltage - low) / (high - low));
    context.fillRect(x - wide, y - tall, 2 * wide, 2 * tall);
    context.strokeStyle = bad ? RED : colours.ink;
    context.lineWidth = bad ? 3 : 1;
    context.strokeRect(x - wide, y - tall, 2 * wide, 2 * tall);
    context.font = `${bad ? "600 " : ""}11px system-ui, sans-serif`;
    context.textAlign = "center";
    context.textBaseline = "bottom";
    context.fillStyle = bad ? RED : colours.ink;
    const text = this.wide >= 60 ? `${this.told.buses[bus]}: ${pu(voltage, 3)}` : this.told.buses[bus];
    // A branch may turn off upwards, behind the name.
    [context.strokeStyle, context.lineWidth] = [colours.paper, 3];
    context.strokeText(text, x, y - tall - 3);
    context.fillText(text, x, y - tall - 3);
  }

  name(port) {
    const { meta, columns } = this.store.run;
    return meta.microgrids[columns.home[this.told.agent[port]]];
  }

  // What lies below the pointer: {port}, {bus}, {line} or nothing.
  near({ offsetX: x, offsetY: y }) {
    const within = (points, far) => points?.findIndex(([u, v]) => Math.hypot(u - x, v - y) < far) ?? -1;
    const port = within(this.ports, Math.max(this.size, 6));
    if (port >= 0) return { port };
    const bus = within(this.buses, Math.max(1.8 * this.size, 8));
    if (bus >= 0) return { bus };
    const on = ([u, v], [s, t]) =>
      x > Math.min(u, s) - 5 && x < Math.max(u, s) + 5 && y > Math.min(v, t) - 5 && y < Math.max(v, t) + 5;
    const line = this.told.lines.findIndex((_, each) => this.way(each).some((end, k, way) => k && on(way[k - 1], end)));
    return line < 0 ? null : { line };
  }

  says({ port, bus, line }) {
    const { told } = this;
    if (line !== undefined) {
      const [kw, limit] = [this.at("kw")[line], told.limit_kw[line]];
      const part = limit === null ? "no limit" : `${number((100 * Math.abs(kw)) / limit)} % of ${number(limit)} kW`;
      return [`line ${told.lines[line]}: ${number(kw)} kW, ${part}`];
    }
    const here = port === undefined ? [...told.bus.keys()].filter((each) => told.bus[each] === bus) : [port];
    const head = port === undefined ? [`bus ${told.buses[bus]}: ${pu(this.at("voltage")[bus], 4)} pu`] : [];
    const p = this.at("p");
    return [
      ...head,
      ...here.map((each) => {
        if (Number.isNaN(p[each])) return `${this.name(each)} has proposed nothing yet`;
        const does = p[each] >= 0 ? "feeds in" : "takes";
        const price = `DLMP ${number(this.at("price")[each])} $/kWh`;
        return `${this.name(each)} ${does} ${number(Math.abs(p[each]))} kW, ${price}`;
      }),
    ];
  }

  tip(event) {
    const found = this.near(event),
      tip = byId("tip");
    tip.hidden = !found;
    this.canvas.style.cursor = found?.port === undefined ? "default" : "pointer";
    if (!found) return;
    tip.textContent = this.says(found).join("\n");
    const room = this.canvas.clientWidth - tip.offsetWidth - 4;
    tip.style.left = `${Math.max(Math.min(event.offsetX + 14, room), 4)}px`;
    tip.style.top = `${event.offsetY + 14}px`;
  }

  click(event) {
    const found = this.near(event);
    if (found?.port === undefined) return this.store.set({ agent: null, link: null, chain: [] });
    const tab = this.store.tab === "steer" ? "steer" : "inspector";
    return this.store.set({ agent: this.told.agent[found.port], link: null, tab });
  }

  legend() {
    const { v_min: low, v_max: high } = this.told,
      stops = [0, 0.2, 0.4, 0.6, 0.8, 1].map(shade).join(",");
    const icon = (body) => `<svg viewBox="0 0 16 16" aria-hidden="true">${body}</svg>`;
    const stroke = (colour, more = "") => icon(`<path d="M0 8h16" stroke="${colour}" stroke-width="4" ${more}/>`);
    byId("feeder-key").innerHTML = [
      `<b id="feeder-said"></b>`,
      `<span>bus: ${low}<i class="bar" style="background:linear-gradient(90deg,${stops})"></i>${high} pu</span>`,
      `<span>${icon(`<rect x="5" y="2" width="6" height="12" fill="none" stroke="${RED}" stroke-width="3"/>`)}outside</span>`,
      `<span>${stroke("currentColor")}line, the wider the fuller</span>`,
      `<span>${stroke(AMBER)}from ${100 * NEAR} % of its limit</span>`,
      `<span>${stroke(RED, 'stroke-dasharray="5 2"')}above it</span>`,
      `<span>${icon('<circle cx="8" cy="8" r="5" class="message"/>')}feeds in</span>`,
      `<span>${icon('<circle cx="8" cy="8" r="5" class="hollow"/>')}takes</span>`,
    ].join("");
  }
}
