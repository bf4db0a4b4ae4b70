// The socket to the server: commands go, answers and frames come.

import { readBlock } from "page/data.js";

export class Link {
  #waiting = new Map();
  #next = 1;

  // `on.frame(block)` and `on.told(message)` take what comes unasked; `on.closed()`.
  constructor(on) {
    const address = new URL("socket", location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    address.search = location.search;
    this.socket = new WebSocket(address);
    this.socket.binaryType = "arraybuffer";
    this.socket.addEventListener("close", () => on.closed());
    this.socket.addEventListener("message", ({ data }) => {
      if (typeof data !== "string") on.frame(readBlock(data));
      else this.#hear(JSON.parse(data), on);
    });
  }

  #hear(told, on) {
    const answer = this.#waiting.get(told.re);
    this.#waiting.delete(told.re);
    if (answer && told.error === undefined) answer(told);
    else on.told(told);
  }

  // Sends a command; what comes back as an error is told, and the promise stays open.
  ask(command) {
    const id = this.#next++;
    return new Promise((done) => {
      this.#waiting.set(id, done);
      this.send({ ...command, id });
    });
  }

  send(command) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(command));
  }
}
