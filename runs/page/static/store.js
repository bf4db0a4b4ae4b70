// What is being looked at: one place that all views read, and that tells them when it changes.

const SPEEDS = [0.5, 1, 2, 5, 10, 30, 100];

export class Store {
  #listeners = [];
  #pending = false;

  constructor(run) {
    this.run = run;
    // Half past a tick: between whole ticks ordinary messages are on their way.
    Object.assign(this, {
      now: run.first + 0.5,
      playing: false,
      speed: 2,
      speeds: SPEEDS,
      until: "end",
      untilTick: 100,
      agent: null,
      link: null,
      microgrid: null,
      chain: [],
      dark: false,
    });
  }

  get tick() {
    return this.run.clamp(Math.floor(this.now));
  }

  set(changes) {
    Object.assign(this, changes);
    if (this.#pending) return;
    this.#pending = true;
    requestAnimationFrame(() => {
      this.#pending = false;
      for (const listener of this.#listeners) listener(this);
    });
  }

  seek(tick) {
    this.set({ now: this.run.clamp(Math.round(tick)) + 0.5 });
  }

  // The first and the last tick that there are, shown or not.
  get from() {
    return this.run.first;
  }

  get to() {
    return this.run.last;
  }

  step(ticks) {
    this.jump(this.tick + ticks);
  }

  // Goes to a tick, and plays no more.
  jump(tick) {
    this.set({ playing: false });
    this.seek(tick);
  }

  toggle() {
    const atEnd = this.tick >= this.to;
    this.set({ playing: !this.playing, now: !this.playing && atEnd ? this.from + 0.5 : this.now });
    if (!this.playing) this.seek(this.tick);
  }

  // Goes on while playing; stops in the middle of the tick in which `holds(run, tick, store)`.
  advance(seconds, holds) {
    const { run } = this,
      wanted = Math.min(this.now + Math.min(seconds, 0.25) * this.speed, run.last + 0.5);
    for (let tick = this.tick + 1; tick <= Math.floor(wanted); tick++) {
      if (holds(run, tick, this)) return this.set({ now: tick + 0.5, playing: false });
    }
    this.set({ now: wanted, playing: wanted < run.last + 0.5 });
  }

  // `draw` is called before the next picture whenever something has changed.
  subscribe(draw) {
    this.#listeners.push(draw);
  }
}
