// What is being looked at: one place that all views read, and that tells them when it changes.

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
      agent: null,
      hub: null,
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

  // `draw` is called before the next picture whenever something has changed.
  subscribe(draw) {
    this.#listeners.push(draw);
  }
}
