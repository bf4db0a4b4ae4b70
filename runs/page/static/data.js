// A run as columns: unpacks the block that page_data.py packs, and answers what the views ask.

const TYPES = { f4: Float32Array, f8: Float64Array, i4: Int32Array, i2: Int16Array, u1: Uint8Array };

export const FATES = ["delivered", "lost", "stopped", "stale", "refused", "on the way"];
export const LOST = 1,
  STOPPED = 2,
  STALE = 3,
  REFUSED = 4,
  FLYING = 5;
export const ROLES = ["virtual agent", "operator", "prosumer"];

export async function unpack(base64) {
  const text = atob(base64.trim());
  const packed = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const { meta, columns } = readBlock(await new Response(stream).arrayBuffer());
  return new Run(meta, columns);
}

export function readBlock(buffer) {
  const size = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, size)));
  const columns = {};
  for (const [name, [type, start, count, width]] of Object.entries(head.columns)) {
    columns[name] = new TYPES[type](buffer, 4 + size + start, count);
    columns[name].width = width;
  }
  return { meta: head.meta, columns };
}

export class Run {
  constructor(meta, columns) {
    Object.assign(this, { meta, columns, first: meta.first, last: meta.last - 1, version: 0 });
    this.microgrids = meta.microgrids.length;
    this.names = meta.agents;
    this.widths = meta.kinds.map((kind) => kind.fields.reduce((sum, field) => sum + field[1], 0));
    this.index();
  }

  // Finds anew what is derived from the columns.
  index() {
    const { columns } = this,
      message = (name) => columns[`message.${name}`];
    this.message = {
      number: message("number"),
      kind: message("kind"),
      channel: message("channel"),
      sent: message("sent"),
      end: message("end"),
      fate: message("fate"),
      reason: message("reason"),
      copy: message("copy"),
      cause: message("cause"),
      at: message("payload_at"),
    };
    this.sentStart = this.#starts();
    this.heardBy = new Map();
    this.version++;
  }

  // The first row of each tick's messages, and one more; and the longest way of any.
  #starts() {
    const { sent, end } = this.message,
      starts = new Int32Array(this.last - this.first + 2);
    this.longest = 1;
    for (let row = 0; row < sent.length; row++) {
      starts[sent[row] - this.first + 1]++;
      this.longest = Math.max(this.longest, end[row] - sent[row]);
    }
    for (let k = 1; k < starts.length; k++) starts[k] += starts[k - 1];
    return starts;
  }

  clamp(tick) {
    return Math.min(Math.max(tick, this.first), this.last);
  }

  sender(row) {
    return this.columns.sender[this.message.channel[row]];
  }

  receiver(row) {
    return this.columns.receiver[this.message.channel[row]];
  }

  // Rows of what was said in ticks from..to, both included, as [start, end).
  saidIn(from, to) {
    const place = (tick) => Math.min(Math.max(tick - this.first, 0), this.sentStart.length - 1);
    return [this.sentStart[place(from)], this.sentStart[place(to + 1)]];
  }

  // Calls visit(row) for what is on its way during a tick, and what was lost or stopped in it.
  onTheWay(tick, visit) {
    const { end, sent } = this.message,
      [start, stop] = this.saidIn(tick - this.longest, tick);
    for (let row = start; row < stop; row++)
      if (end[row] > tick || sent[row] === tick || this.failedIn(row, tick)) visit(row);
  }

  // The tick by which a message is, or would have been, there.
  due(row) {
    return Math.max(this.message.end[row], this.message.sent[row] + 1);
  }

  late(row) {
    return this.due(row) > this.message.sent[row] + 1;
  }

  failed(row) {
    const fate = this.message.fate[row];
    return fate === LOST || fate === STOPPED;
  }

  failedIn(row, tick) {
    return this.failed(row) && this.message.end[row] === tick;
  }

  // Whether a message has failed by the end of a tick.
  failedBy(row, tick) {
    return this.failed(row) && this.message.end[row] <= tick;
  }

  // The row of a message by its number, -1 if it is not in this page.
  rowOf(number) {
    const numbers = this.message.number;
    let low = 0,
      high = numbers.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (numbers[middle] < number) low = middle + 1;
      else high = middle;
    }
    return numbers[low] === number ? low : -1;
  }

  // From a message back to the first call: each row is the cause of the one before it.
  chain(row, most = 40) {
    const rows = [row];
    while (rows.length < most && this.message.cause[rows.at(-1)] >= 0) {
      const cause = this.rowOf(this.message.cause[rows.at(-1)]);
      if (cause < 0) break;
      rows.push(cause);
    }
    return rows;
  }

  // Rows of what was sent to an agent, in the order in which it was said.
  to(agent) {
    if (!this.heardBy.has(agent)) {
      const rows = [];
      for (let row = 0; row < this.message.sent.length; row++) if (this.receiver(row) === agent) rows.push(row);
      this.heardBy.set(agent, rows);
    }
    return this.heardBy.get(agent);
  }

  // What a message says: [name, unit, values] for each field.
  payload(row) {
    let at = this.message.at[row];
    return this.meta.kinds[this.message.kind[row]].fields.map(([name, width, unit]) => {
      const values = this.columns.payload.subarray(at, at + width);
      at += width;
      return [name, unit, values];
    });
  }

  metric(name) {
    return this.columns[`metric.${name}`];
  }

  // A ragged column's numbers at a tick.
  listed(name, tick) {
    const starts = this.columns[`${name}.start`],
      k = tick - this.first;
    return this.columns[name].subarray(starts[k], starts[k + 1]);
  }

  // awake, resting (hears, but does not speak) or down.
  state(agent, tick) {
    if (!this.listed("asleep", tick).includes(agent)) return "awake";
    return this.listed("resting", tick).includes(agent) ? "resting" : "down";
  }

  // Mean over the horizon of a microgrid's price.
  price(tick, microgrid) {
    const { periods } = this.meta,
      prices = this.columns.price;
    const start = (tick - this.first) * prices.width + microgrid * periods;
    let sum = 0;
    for (let k = 0; k < periods; k++) sum += prices[start + k];
    return sum / periods;
  }

  // What only the agent itself knows: {x: a list of numbers a port or null, facts: [[name, values]], when}.
  privateState(agent, tick) {
    const { x, row, rows, population } = this.columns,
      { periods } = this.meta,
      own = population[agent];
    const start = x ? (tick - this.first) * x.width + row[agent] * periods : 0;
    const answers =
      x && rows[agent]
        ? Array.from({ length: rows[agent] }, (_, port) =>
            x.subarray(start + port * periods, start + (port + 1) * periods),
          )
        : null;
    const members = [...population.keys()].filter((each) => population[each] === own),
      place = members.indexOf(agent);
    const ports = members.slice(0, place).reduce((sum, each) => sum + rows[each] - 1, 0);
    const facts = this.meta.facts
      .filter((name) => own >= 0 && name.startsWith(`fact.${own}.`))
      .map((name) => {
        const column = this.columns[name],
          byPort = name.endsWith("@"),
          from = byPort ? ports : place;
        const count = byPort ? rows[agent] - 1 : 1;
        return [
          name.split(".").slice(2).join(".").replace("@", " (by port)"),
          column.subarray(from * column.width, (from + count) * column.width),
        ];
      });
    return { x: answers, facts, when: this.meta.clock ? ", before the first period" : "" };
  }

  // The period that is open, null where a run has no clock.
  period(tick) {
    return this.meta.clock ? this.columns.period[tick - this.first] : null;
  }

  round(tick) {
    return this.metric("round")[tick - this.first];
  }

  hour(period) {
    const { start = 0, hours = 1 } = this.meta.clock,
      minutes = Math.round((start + period * hours) * 60) % 1440;
    const two = (number) => String(number).padStart(2, "0");
    return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
  }

  activeFaults(tick) {
    return this.meta.faults.filter((fault) => fault.from <= tick && (fault.to === null || tick < fault.to));
  }
}
