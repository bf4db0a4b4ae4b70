// A lesson: a panel with what there is to see, which takes the page there, step by step.

import { byId, make } from "page/dom.js";

const PARTS = {
  network: "#network",
  charts: "#charts",
  price: "#charts figure:nth-child(1)",
  residuals: "#charts figure:nth-child(2)",
  cost: "#charts figure:nth-child(3)",
  messages: "#log",
  sequence: "#sequence",
  inspector: "#inspector",
  transport: "#transport .scrub",
  outcome: "#outcome",
  clock: "#clock",
};

export function lesson(store) {
  const told = store.run.meta.lesson;
  if (!told) return;
  new Lesson(store, told).go(0);
}

class Lesson {
  constructor(store, told) {
    Object.assign(this, { store, steps: told.steps, at: 0, until: null });
    this.where = make("span", { className: "note" });
    this.heading = make("h2", { tabIndex: -1 });
    this.body = make("div", { className: "text" });
    const turn = (id, text, by) =>
      make("button", { id, type: "button", textContent: text, onclick: () => this.go(this.at + by) });
    this.back = turn("lesson-back", "Previous", -1);
    this.next = turn("lesson-next", "Next", 1);
    const again = make("button", {
      id: "lesson-again",
      type: "button",
      textContent: "Show again",
      onclick: () => this.go(this.at),
    });
    byId("lesson").hidden = false;
    byId("lesson").append(
      make("p", { className: "note" }, make("b", { textContent: told.title }), " ", this.where),
      make("div", { "aria-live": "polite" }, this.heading, this.body),
      make("div", { className: "buttons" }, this.back, this.next, again),
    );
    store.subscribe(() => this.watch());
  }

  go(place) {
    const { store, steps } = this;
    this.at = Math.min(Math.max(place, 0), steps.length - 1);
    const step = steps[this.at];
    this.where.textContent = `${this.at + 1} of ${steps.length}`;
    this.heading.textContent = step.title;
    this.body.replaceChildren(
      ...step.text
        .trim()
        .split("\n\n")
        .map((text) => make("p", { textContent: text })),
    );
    this.back.disabled = this.at === 0;
    this.next.disabled = this.at === steps.length - 1;
    choose(step.filter);
    const from = step.start ?? step.tick;
    this.until = step.start === null ? null : step.tick;
    store.set({ tab: step.tab, agent: step.agent, microgrid: null, chain: [], playing: false });
    store.seek(from);
    if (this.until !== null) store.set({ playing: true, speed: step.speed });
    this.mark(step.show);
    // The list is drawn with the next picture; only then is there somebody to ask.
    if (step.why) requestAnimationFrame(() => requestAnimationFrame(() => document.querySelector("#messages .why")?.click()));
  }

  mark(parts) {
    for (const element of document.querySelectorAll(".spoken")) element.classList.remove("spoken");
    for (const part of parts) document.querySelector(PARTS[part]).classList.add("spoken");
  }

  // Stops what a step plays where the step ends; whoever pauses or seeks is left alone.
  watch() {
    const { store } = this;
    if (this.until === null) return;
    if (!store.playing) this.until = null;
    else if (store.tick >= this.until) {
      const tick = this.until;
      this.until = null;
      store.set({ playing: false });
      store.seek(tick);
    }
  }
}

// What the list of messages shows, by the names in its selects.
function choose(filter) {
  for (const [name, wanted] of Object.entries(filter)) {
    const select = byId(`log-${name}`),
      option = [...select.options].find(({ text }) => text === wanted);
    if (!option) throw new Error(`the list of messages has no ${name} ${wanted}`);
    select.value = option.value;
    select.dispatchEvent(new Event("change"));
  }
}
