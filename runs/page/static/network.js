// The network: edges and nodes on one canvas, messages on another above it, a click to look closer.

import { AMBER, RED, byId, fresh, number, options, shade, theme } from "page/dom.js";
import { LOST, STALE, ROLES } from "page/data.js";
import { fit, scene, WHOLE_MAX } from "page/places.js";
import { bars, cross, shape } from "page/shapes.js";

const around = ([x, y], wide, tall = wide) => [x - wide, x + wide, y - tall, y + tall];
const meet = (one, two) => one[0] < two[1] && two[0] < one[1] && one[2] < two[3] && two[2] < one[3];

// Of a virtual agent, an operator, a prosumer, beside one another.
const SIZES = [1.25, 1, 0.85];

export function network(store) {
  const view = new Network(store);
  store.subscribe(() => view.draw());
}

class Network {
  constructor(store) {
    Object.assign(this, { store, run: store.run, base: byId("base"), top: byId("top"), key: "", microgrid: undefined });
    this.top.addEventListener("click", (event) => this.click(this.near(event), event));
    this.top.addEventListener("pointermove", (event) => this.tip(this.near(event), event));
    this.top.addEventListener("pointerleave", () => (byId("tip").hidden = true));
    if (this.run.names.length > WHOLE_MAX) this.opener();
  }

  // The colours reach from nearly the lowest to nearly the highest price there was.
  priceRange() {
    const lines = this.run.overview.prices(),
      prices = [];
    const stride = Math.ceil((lines[0].values.length * lines.length) / 4000);
    for (const { values } of lines) for (let row = 0; row < values.length; row += stride) prices.push(values[row]);
    prices.sort((one, two) => one - two);
    const at = (part) => prices[Math.floor(part * (prices.length - 1))];
    return [at(0.05), at(0.95)];
  }

  opener() {
    const select = byId("open");
    byId("opener").hidden = false;
    options(select, [["", "all"], ...this.run.meta.microgrids.map((name, k) => [k, name])], "");
    select.addEventListener("change", () => this.store.set({ microgrid: select.value === "" ? null : Number(select.value) }));
    this.store.subscribe(() => (select.value = this.store.microgrid ?? ""));
  }

  draw() {
    const { store } = this,
      { clientWidth, clientHeight } = this.base;
    if (!clientWidth) return;
    if (this.microgrid !== store.microgrid) {
      this.scene = scene(this.run, store.microgrid);
      this.microgrid = store.microgrid;
      this.key = "";
    }
    const { version } = this.run.overview;
    if (version !== this.priced) {
      this.prices = this.priceRange();
      this.legend();
      this.priced = version;
    }
    const link = store.link?.agents.join();
    const key = [store.tick, store.agent, link, store.dark, clientWidth, clientHeight, this.run.version].join(" ");
    if (key !== this.key) this.drawBase();
    this.key = key;
    this.drawMessages();
  }

  drawBase() {
    const { context, width, height } = fresh(this.base),
      { run, store } = this,
      colours = theme(),
      { nodes } = this.scene;
    const room = `${width} ${height}`;
    if (this.fitted !== nodes || this.room !== room)
      Object.assign(this, fit(nodes, width, height), { fitted: nodes, room });
    const cut = new Set(run.listed("cut", store.tick)),
      bad = new Set(run.listed("bad", store.tick));
    for (const edge of this.scene.edges) this.drawEdge(context, edge, cut, bad, colours);
    const asleep = new Set(run.listed("asleep", store.tick)),
      resting = new Set(run.listed("resting", store.tick));
    const marks = { resting, down: new Set([...asleep].filter((agent) => !resting.has(agent))) };
    context.font = "12px system-ui, sans-serif";
    nodes.forEach((node, k) => this.drawNode(context, node, this.at[k], marks, colours));
    this.drawLabels(context, colours);
  }

  drawEdge(context, { one, two, channels }, cut, bad, colours) {
    const isCut = cut.size > 0 && channels.some((channel) => cut.has(channel)),
      isBad = bad.size > 0 && channels.some((channel) => bad.has(channel));
    const chosen = this.isChosen(one, two);
    if (chosen) {
      context.strokeStyle = colours.message;
      context.globalAlpha = 0.35;
      context.lineWidth = 9;
      context.beginPath();
      context.moveTo(...this.at[one]);
      context.lineTo(...this.at[two]);
      context.stroke();
      context.globalAlpha = 1;
    }
    const trunk = this.scene.nodes[one].role === 0 && this.scene.nodes[two].role === 0;
    context.strokeStyle = isCut ? RED : isBad ? AMBER : colours.line;
    context.lineWidth = isCut ? 2 : (trunk ? 1.8 : 0.9) * Math.min(1, this.size / 8);
    context.setLineDash(isCut ? [5, 4] : []);
    context.beginPath();
    context.moveTo(...this.at[one]);
    context.lineTo(...this.at[two]);
    context.stroke();
    context.setLineDash([]);
  }

  drawNode(context, { agent, role }, [x, y], marks, colours) {
    const { run, store } = this,
      [low, high] = this.prices,
      home = run.columns.home[agent];
    const size = this.size * SIZES[role],
      down = marks.down.has(agent);
    context.fillStyle = down ? colours.paper : shade((run.price(store.tick, home) - low) / (high - low || 1));
    context.strokeStyle = store.agent === agent ? RED : colours.ink;
    context.lineWidth = store.agent === agent ? 3 : 1;
    shape(context, ROLES[role], x, y, size);
    context.fill();
    if (this.size > 5 || store.agent === agent || down) context.stroke();
    if (down) cross(context, x, y, size * 0.75, RED, 2.5);
    if (marks.resting.has(agent)) bars(context, x, y, Math.max(size * 0.62, 3), colours);
  }

  // Virtual agents first, each below its node or where else there is room; a label that would hide others is left to the pointer.
  drawLabels(context, colours) {
    const { nodes } = this.scene,
      boxes = nodes.map(({ role }, k) => around(this.at[k], 0.9 * this.size * SIZES[role]));
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillStyle = colours.ink;
    context.strokeStyle = colours.paper;
    context.lineWidth = 3;
    const order = [...nodes.keys()].filter((k) => nodes[k].label).sort((one, two) => nodes[one].role - nodes[two].role);
    for (const k of order) {
      const { role, label } = nodes[k],
        size = this.size * SIZES[role];
      context.font = `${role === 0 ? "600 13px" : "11px"} system-ui, sans-serif`;
      const wide = context.measureText(label).width / 2 + 2,
        [x, y] = this.at[k],
        beside = size + wide + 2;
      const places = [[x, y + 1.1 * size + 9], [x, y - 1.1 * size - 8], [x + beside, y], [x - beside, y]];
      const free = places.find((place) => !boxes.some((box) => meet(box, around(place, wide, 6))));
      if (!free && role > 1) continue;
      const [u, v] = free ?? places[0];
      boxes.push(around([u, v], wide, 6));
      context.strokeText(label, u, v);
      context.fillText(label, u, v);
    }
  }

  drawMessages() {
    const { context } = fresh(this.top),
      { run, store } = this,
      colours = theme(),
      { nodeOf } = this.scene;
    const radius = Math.max(Math.min(this.size * 0.34, 4.5), 1.1),
      chain = new Set(store.chain),
      lost = [];
    for (const row of store.chain) this.arrow(context, row, colours);
    run.onTheWay(store.tick, (row) => {
      const one = nodeOf[run.sender(row)],
        two = nodeOf[run.receiver(row)];
      if (one < 0 || two < 0 || one === two) return;
      const sent = run.message.sent[row],
        gone = run.failedBy(row, store.tick),
        went = (store.now - sent) / (run.due(row) - sent);
      // A lost message goes half of its way; what a closed door stops goes nearly all of it.
      const part = Math.min(went, gone ? (run.message.fate[row] === LOST ? 0.5 : 0.88) : 1);
      const [x, y] = this.between(one, two, part);
      if (gone) lost.push([x, y]);
      else this.dot(context, x, y, radius, row, chain.has(row), colours);
    });
    // On top: what went the same way must not hide them.
    for (const [x, y] of lost) for (const [colour, wide] of [[colours.paper, 5], [RED, 2.5]]) cross(context, x, y, radius * 1.3, colour, wide);
  }

  dot(context, x, y, radius, row, chosen, colours) {
    const { run } = this,
      old = run.message.fate[row] === STALE;
    context.beginPath();
    context.arc(x, y, chosen ? radius * 1.6 : radius, 0, 2 * Math.PI);
    context.fillStyle = context.strokeStyle = run.late(row) ? AMBER : colours.message;
    context.lineWidth = 1.5;
    // Hollow: a copy, or older than what the receiver has heard already.
    if (old || run.message.copy[row]) context.stroke();
    else context.fill();
  }

  // Beside the line, on the right hand of who sent it, so that question and answer do not hide each other.
  between(one, two, part) {
    const [x, y] = this.at[one],
      [u, v] = this.at[two],
      apart = Math.hypot(u - x, v - y) || 1,
      off = Math.min(4, this.size / 3);
    return [x + (u - x) * part - ((v - y) / apart) * off, y + (v - y) * part + ((u - x) / apart) * off];
  }

  arrow(context, row, colours) {
    const one = this.scene.nodeOf[this.run.sender(row)],
      two = this.scene.nodeOf[this.run.receiver(row)];
    if (one < 0 || two < 0 || one === two) return;
    context.strokeStyle = colours.message;
    context.globalAlpha = 0.35;
    context.lineWidth = 5;
    context.beginPath();
    context.moveTo(...this.between(one, two, 0.08));
    context.lineTo(...this.between(one, two, 0.92));
    context.stroke();
    context.globalAlpha = 1;
  }

  near(event) {
    let found = null,
      least = Math.max(this.size * 1.4, 8);
    this.at?.forEach(([x, y], k) => {
      const apart = Math.hypot(event.offsetX - x, event.offsetY - y);
      if (apart < least) [found, least] = [this.scene.nodes[k], apart];
    });
    return found;
  }

  isChosen(one, two) {
    const { link } = this.store,
      { nodes } = this.scene;
    return link?.agents.includes(nodes[one].agent) && link.agents.includes(nodes[two].agent);
  }

  // The link below the pointer: nearer than a few pixels to the line, away from its ends.
  edgeNear({ offsetX: x, offsetY: y }) {
    let found = null,
      least = 7;
    for (const edge of this.scene.edges) {
      const [u, v] = this.at[edge.one],
        [dx, dy] = [this.at[edge.two][0] - u, this.at[edge.two][1] - v];
      const part = ((x - u) * dx + (y - v) * dy) / (dx * dx + dy * dy || 1);
      const apart = Math.hypot(x - u - part * dx, y - v - part * dy);
      if (part > 0 && part < 1 && apart < least) [found, least] = [edge, apart];
    }
    return found;
  }

  // A link between two agents, or, where a node stands for a whole microgrid, all links between the two.
  chooseLink({ one, two }) {
    const ends = [this.scene.nodes[one], this.scene.nodes[two]],
      agents = ends.map((node) => node.agent);
    const whole = (k) => !this.scene.whole && agents[k] < this.run.microgrids && this.store.microgrid !== agents[k];
    const names = agents.map((agent, k) => (whole(k) ? `${this.run.meta.microgrids[agent]}.*` : this.run.names[agent]));
    this.store.set({ link: { agents, names }, agent: null, chain: [] });
  }

  click(node, event) {
    const edge = !node && this.store.steers ? this.edgeNear(event) : null;
    if (edge) return this.chooseLink(edge);
    if (!node && this.store.steers) return this.store.set({ agent: null, link: null, chain: [], microgrid: null });
    if (!node) return this.store.set({ agent: null, chain: [], microgrid: null });
    const closed = !this.scene.whole && node.role === 0 && this.store.microgrid !== node.agent;
    const tab = this.store.tab === "steer" ? "steer" : "inspector";
    this.store.set({ agent: node.agent, link: null, ...(closed ? { microgrid: node.agent } : { tab }) });
  }

  tip(node, event) {
    const tip = byId("tip");
    tip.hidden = !node;
    this.top.style.cursor = node || (this.store.steers && this.at && this.edgeNear(event)) ? "pointer" : "default";
    if (!node) return;
    const price = this.run.price(this.store.tick, this.run.columns.home[node.agent]);
    tip.textContent = `${this.run.names[node.agent]}: price ${number(price)} $/kWh`;
    tip.style.left = `${event.offsetX + 14}px`;
    tip.style.top = `${event.offsetY + 14}px`;
  }

  legend() {
    const [low, high] = this.prices.map(number),
      stops = [0, 0.2, 0.4, 0.6, 0.8, 1].map(shade).join(",");
    const icon = (body) => `<svg viewBox="0 0 16 16" aria-hidden="true">${body}</svg>`;
    const dot = (fill) => icon(`<circle cx="8" cy="8" r="4.5" ${fill}/>`);
    byId("key").innerHTML = [
      `<span>${icon('<path d="M8 1l6 3.5v7L8 15l-6-3.5v-7z" class="outline"/>')}virtual agent</span>`,
      `<span>${icon('<rect x="2" y="2" width="12" height="12" class="outline"/>')}operator</span>`,
      `<span>${icon('<circle cx="8" cy="8" r="6" class="outline"/>')}prosumer</span>`,
      `<span>${dot('class="message"')}message</span>`,
      `<span>${dot(`fill="${AMBER}"`)}delayed</span>`,
      `<span>${dot('class="hollow"')}copy or stale</span>`,
      `<span>${icon(`<path d="M3 3l10 10M13 3L3 13" stroke="${RED}" stroke-width="2.5"/>`)}lost, down</span>`,
      `<span>${icon('<path d="M5 3v10M11 3v10" class="outline" stroke-width="3"/>')}resting</span>`,
      `<span>${icon(`<path d="M0 8h16" stroke="${RED}" stroke-width="2.5" stroke-dasharray="4 3"/>`)}cut</span>`,
      `<span>${low}<i class="bar" style="background:linear-gradient(90deg,${stops})"></i>${high} $/kWh</span>`,
    ].join("");
  }
}
