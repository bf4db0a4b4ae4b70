// A run that grows: a window of ticks in full, an overview of all, and an agent's private state when it is asked for.

import { FLYING, Run } from "page/data.js";
import { Growing, Overview } from "page/overview.js";

const MESSAGES_MAX = 60000;
const TICKS_MAX = 4000;
const TICKS_MIN = 4; // for causes, and for what was said earlier and is still on its way
const NUMBERS_MAX = 2000000;

export class LiveRun extends Run {
  #growing = {};

  // `ask` sends a command; `changed` is called when something came that was asked for.
  constructor({ meta, columns }, ask, changed) {
    super(meta, { ...columns });
    Object.assign(this, { ask, changed, baseline: null, answers: new Map() });
    this.open({ meta, columns });
  }

  // Begins with a run: everything is in the block.
  open({ meta, columns }) {
    for (const name of Object.keys(this.columns)) delete this.columns[name];
    Object.assign(this.columns, columns);
    this.overview = new Overview(meta.prices);
    this.overview.add(columns);
    this.#told(meta);
    this.#replace(meta, columns);
  }

  // Takes ticks that follow, or instead of those that are here; returns how many rows of messages went away, -1 for all.
  take({ meta, columns }, follow) {
    this.overview.add(columns);
    this.#settle(columns);
    this.#told(meta);
    if (meta.last - 1 <= this.last && meta.first >= this.first) {
      this.index();
      return 0;
    }
    if (meta.first === this.last + 1 && (follow || this.#rows < MESSAGES_MAX)) {
      this.#append(meta, columns);
      const gone = this.#trim();
      this.index();
      return gone;
    }
    if (!follow) return 0;
    this.#replace(meta, columns);
    return -1;
  }

  window({ meta, columns }) {
    this.#replace(meta, columns);
  }

  get head() {
    return this.meta.ticks - 1;
  }

  get #rows() {
    return this.columns["message.number"].length;
  }

  // What is known of the whole run, whatever ticks are here.
  #told(meta) {
    const { first, last, ...rest } = meta;
    this.answers.clear();
    Object.assign(this.meta, rest);
    if (meta.outcome !== undefined) this.meta.result = meta.outcome;
  }

  #replace(meta, columns) {
    this.#growing = {};
    for (const [name, values] of Object.entries(columns)) {
      if (name.startsWith("over.") || name.startsWith("old.") || FIXED.has(name)) continue;
      this.#growing[name] = new Growing(values, values.width);
    }
    Object.assign(this, { first: meta.first, last: meta.last - 1 });
    this.#show();
    this.index();
  }

  #show() {
    for (const [name, column] of Object.entries(this.#growing)) this.columns[name] = column.view;
  }

  #append(meta, columns) {
    const said = this.columns.payload.length;
    for (const [name, values] of Object.entries(columns)) {
      const column = this.#growing[name];
      if (!column) continue;
      if (name === "message.payload_at") column.push(values.map((at) => at + said));
      else if (name.endsWith(".start")) {
        const end = this.columns[name].at(-1);
        column.push(values.subarray(1).map((at) => at + end));
      } else column.push(values);
    }
    this.last = meta.last - 1;
    this.#show();
  }

  // What became of messages that were on their way.
  #settle(columns) {
    const number = columns["old.number"],
      old = (name) => columns[`old.${name}`];
    if (!number?.length) return;
    const { message } = this,
      [copy, end, fate, reason] = ["copy", "end", "fate", "reason"].map(old);
    let next = 0; // what was said together ends together, mostly
    for (let k = 0; k < number.length; k++) {
      let row =
        message.number[next] === number[k] && message.number[next - 1] !== number[k] ? next : this.rowOf(number[k]);
      for (; row >= 0 && message.number[row] === number[k]; row++) {
        if (message.fate[row] !== FLYING || message.copy[row] !== copy[k] || message.end[row] !== end[k]) continue;
        message.fate[row] = fate[k];
        message.reason[row] = reason[k];
        next = row + 1;
        break;
      }
    }
  }

  // Lets the oldest quarter go when there is too much.
  #trim() {
    const ticks = this.last - this.first + 1,
      numbers = this.columns.price.length + this.columns.line_price.length;
    if (ticks <= TICKS_MIN || (this.#rows <= MESSAGES_MAX && ticks <= TICKS_MAX && numbers <= NUMBERS_MAX)) return 0;
    this.index();
    const drop = Math.max(ticks >> 2, 1),
      rows = this.sentStart[drop];
    const payload = rows < this.#rows ? this.columns["message.payload_at"][rows] : this.columns.payload.length;
    for (const [name, column] of Object.entries(this.#growing)) {
      if (this.#growing[`${name}.start`]) continue;
      if (name === "payload") column.dropBefore(payload);
      else if (name.startsWith("message.")) column.dropBefore(rows);
      else if (name.endsWith(".start")) this.#trimRagged(name, column, drop);
      else column.dropBefore(drop * column.width);
    }
    const at = this.#growing["message.payload_at"].view;
    for (let row = 0; row < at.length; row++) at[row] -= payload;
    this.first += drop;
    this.#show();
    return rows;
  }

  #trimRagged(name, starts, drop) {
    const gone = starts.view[drop];
    this.#growing[name.slice(0, -".start".length)].dropBefore(gone);
    starts.dropBefore(drop);
    const { view } = starts;
    for (let k = 0; k < view.length; k++) view[k] -= gone;
  }

  // Asked of the server for this one agent; null until the answer is here.
  privateState(agent, tick) {
    const key = `${agent} ${tick}`;
    if (!this.answers.has(key)) {
      this.answers.set(key, null);
      this.ask({ do: "inspect", agent, tick }).then((told) => {
        const numbers = (values) => values.map(Number);
        const facts = told.facts.map(([name, values, byPort]) => [
          byPort ? `${name} (by port)` : name,
          numbers(values),
        ]);
        const when = told.now ? `, as they are in tick ${this.head}` : ", before the first tick";
        this.answers.set(key, { x: told.x?.map(numbers), facts, when });
        this.version++;
        this.changed();
      });
    }
    return this.answers.get(key);
  }
}

// Columns about who is there, which never change.
const FIXED = new Set("home role population row rows place sender receiver channel_line line".split(" "));
