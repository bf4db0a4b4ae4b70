// What is known of every tick, however long the run: metrics, counts and some prices; a very long one is thinned.

const MOST = 16384;

// Numbers in rows of a width that grow at their end and may lose their beginning.
export class Growing {
  #all;
  #start = 0;

  constructor(values, width = 1) {
    this.#all = values.slice();
    Object.assign(this, { width, size: values.length });
  }

  get view() {
    const shown = this.#all.subarray(this.#start, this.#start + this.size);
    shown.width = this.width;
    return shown;
  }

  push(values) {
    const wanted = this.size + values.length;
    if (this.#start + wanted > this.#all.length) {
      const wider = new this.#all.constructor(Math.max(2 * wanted, 64));
      wider.set(this.view);
      [this.#all, this.#start] = [wider, 0];
    }
    this.#all.set(values, this.#start + this.size);
    this.size = wanted;
  }

  // Lets numbers before a place go.
  dropBefore(place) {
    this.#start += place;
    this.size -= place;
  }

  // Keeps every second row.
  halve() {
    const { width, view } = this,
      rows = Math.ceil(this.size / width / 2);
    for (let row = 1; row < rows; row++) view.copyWithin(row * width, 2 * row * width, (2 * row + 1) * width);
    this.size = rows * width;
  }
}

export class Overview {
  #columns = {};

  // `names` of the prices that the columns hold; or `lines`, the prices themselves.
  constructor(names, lines = null) {
    Object.assign(this, { names, lines, stride: 1, version: 0 });
  }

  add(columns) {
    const ticks = columns["over.tick"];
    if (!ticks?.length) return;
    for (const [name, values] of Object.entries(columns)) {
      if (!name.startsWith("over.")) continue;
      const wanted = this.stride === 1 ? values : everyOther(values, ticks, this.stride);
      if (this.#columns[name]) this.#columns[name].push(wanted);
      else this.#columns[name] = new Growing(wanted, values.width);
    }
    while (this.ticks.length > MOST) {
      Object.values(this.#columns).forEach((column) => column.halve());
      this.stride *= 2;
    }
    this.version++;
  }

  get ticks() {
    return this.#columns["over.tick"]?.view ?? new Int32Array();
  }

  metric(name) {
    return this.#columns[`over.metric.${name}`].view;
  }

  // How many messages met a fate: 0 sent, 1 lost, 2 late, 3 delivered.
  counts(fate) {
    const { view, width } = this.#columns["over.count"];
    return Float64Array.from({ length: this.ticks.length }, (_, k) => view[k * width + fate]);
  }

  // [{name, values, faint}]
  prices() {
    if (this.lines) return this.lines;
    const { view, width } = this.#columns["over.price"];
    const values = (k) => Float64Array.from({ length: this.ticks.length }, (_, row) => view[row * width + k]);
    return this.names.map((name, k) => ({ name, values: values(k) }));
  }

  // The row of a tick, or of the last one before it that is kept; -1 before the first.
  row(tick) {
    const { ticks } = this;
    let low = 0,
      high = ticks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ticks[middle] <= tick) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

function everyOther(values, ticks, stride) {
  const width = values.length / ticks.length,
    found = [];
  ticks.forEach((tick, row) => {
    if (tick % stride === 0) found.push(...values.subarray(row * width, (row + 1) * width));
  });
  return values.constructor.from(found);
}

// Of a report, which holds all of its ticks anyway; of many prices the lowest, median and highest at the end stand out.
export function overviewOf(run) {
  const ticks = run.last - run.first + 1,
    at = Int32Array.from({ length: ticks }, (_, k) => run.first + k);
  const each = run.meta.microgrids.map((name, microgrid) => ({
    name,
    values: Float64Array.from(at, (tick) => run.price(tick, microgrid)),
  }));
  const found = new Overview([], each.length <= 8 ? each : outstanding(each)),
    columns = { "over.tick": at, "over.count": run.columns.count };
  for (const name of Object.keys(run.meta.metrics)) columns[`over.metric.${name}`] = run.metric(name);
  for (const column of Object.values(columns)) column.width ??= 1;
  found.add(columns);
  return found;
}

// Of an excerpt, whose charts show the whole run.
export function wholeOf(run) {
  if (!run.columns["over.tick"]) return null;
  const found = new Overview(run.meta.prices);
  found.add(run.columns);
  return found;
}

function outstanding(lines) {
  const sorted = [...lines].sort((one, two) => one.values.at(-1) - two.values.at(-1));
  const chosen = [sorted.at(-1), sorted[sorted.length >> 1], sorted[0]];
  return [
    ...lines.filter((line) => !chosen.includes(line)).map((line) => ({ ...line, faint: true })),
    ...chosen.map((line, k) => ({ ...line, name: `${["highest", "median", "lowest"][k]} ${line.name}` })),
  ];
}
