// What is being looked at while the run goes on: the newest tick, which is live, or one of the past.

import { Store } from "page/store.js";

const FASTEST = 0;
const STOPS = {
  loss: () => ({ loss: true }),
  small: () => ({ residual: 1e-3 }),
  smaller: () => ({ residual: 1e-6 }),
  speaks: ({ agent }) => (agent === null ? {} : { speaks: agent }),
  tick: ({ untilTick }) => ({ tick: untilTick }),
};

export class LiveStore extends Store {
  #wanted = null;
  #asking = false;

  constructor(run, server) {
    super(run);
    Object.assign(this, { server, link: null, steers: true, follow: true, running: false, replaying: false });
    this.speeds = [...this.speeds, FASTEST];
    this.now = run.head + 0.5;
  }

  get from() {
    return 0;
  }

  get to() {
    return this.run.head;
  }

  get canGoOn() {
    return !this.run.meta.fixed && !this.run.meta.ended;
  }

  // live, past or replay.
  get mode() {
    return !this.canGoOn ? "replay" : this.follow ? "live" : "past";
  }

  get unfinished() {
    return this.run.meta.fixed ? "no result" : this.run.meta.ended ? "judging …" : "going on";
  }

  set(changes) {
    const told = { ...changes };
    if ("playing" in told) this.replaying = told.playing && !this.running;
    super.set({ ...told, playing: this.running || this.replaying });
    if ("speed" in told || "until" in told) this.#again();
  }

  // ---- what comes from the server

  opened(block) {
    const branched = block.meta.run !== this.run.meta.run;
    if (branched) this.run.baseline = this.run.overview;
    this.run.open(block);
    this.#run(false);
    this.set({ chain: [], follow: true, now: this.run.head + 0.5 });
  }

  took(block) {
    const gone = this.run.take(block, this.follow);
    const chain = gone < 0 ? [] : this.chain.map((row) => row - gone).filter((row) => row >= 0);
    const { running } = block.meta;
    if (running !== this.running) this.#run(running);
    // Pauses in the middle of a tick; playing goes there by itself.
    const now = this.follow && (!running || this.speed === FASTEST) ? this.run.last + 0.5 : this.now;
    this.set({ chain, now });
  }

  came(block) {
    this.#asking = false;
    this.run.window(block);
    const tick = this.#wanted ?? block.meta.asked;
    this.#wanted = null;
    this.set({ chain: [] });
    this.seek(tick);
  }

  #run(running) {
    this.running = running;
    this.replaying = false;
  }

  // ---- what the hand does

  seek(tick) {
    const wanted = Math.min(Math.max(Math.round(tick), 0), this.to);
    this.follow = wanted === this.to;
    if (wanted >= this.run.first && wanted <= this.run.last) return this.set({ now: wanted + 0.5 });
    this.#wanted = wanted;
    if (this.#asking) return undefined;
    this.#asking = true;
    return this.server.ask({ do: "window", tick: wanted });
  }

  jump(tick) {
    this.#stop();
    this.seek(tick);
  }

  #stop() {
    if (this.replaying) this.set({ playing: false });
    if (this.running) this.server.ask({ do: "pause" });
  }

  step(ticks) {
    this.#stop();
    const wanted = (this.#wanted ?? this.tick) + ticks;
    if (wanted <= this.to || !this.canGoOn) return this.seek(wanted);
    this.follow = true;
    return this.server.ask({ do: "step", ticks: wanted - this.to });
  }

  toggle() {
    if (this.running) return this.server.ask({ do: "pause" });
    if (this.replaying) {
      this.set({ playing: false });
      return this.seek(this.tick);
    }
    if (this.follow && this.canGoOn) return this.#play();
    if (this.tick >= this.to) this.seek(0);
    return this.set({ playing: true });
  }

  #play() {
    this.follow = true;
    return this.server.ask({ do: "play", speed: this.speed || null, until: STOPS[this.until]?.(this) ?? {} });
  }

  // A choice made while it plays holds at once.
  #again() {
    if (this.running) this.#play();
  }

  advance(seconds, holds) {
    const { run } = this,
      past = Math.min(seconds, 0.25) * (this.speed || 100);
    if (this.running) {
      if (!this.follow || this.speed === FASTEST) return undefined;
      const least = run.last - Math.max(1, 0.3 * this.speed);
      return this.set({ now: Math.min(Math.max(this.now + past, least), run.last + 0.97) });
    }
    if (this.#asking) return undefined;
    const wanted = Math.min(this.now + past, run.last + 0.97);
    for (let tick = this.tick + 1; tick <= Math.floor(wanted); tick++) {
      if (holds(run, tick, this)) return this.set({ now: tick + 0.5, playing: false });
    }
    this.follow = Math.floor(wanted) === this.to;
    super.set({ now: wanted });
    if (wanted < run.last + 0.97) return undefined;
    if (run.last < this.to) return this.seek(run.last + 1);
    this.set({ playing: false, now: run.last + 0.5 });
    return this.canGoOn ? this.#play() : undefined;
  }
}
