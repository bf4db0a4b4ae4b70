// Marks on a canvas.

// Starts the outline of a role: a virtual agent is a hexagon, an operator a square, a prosumer a circle.
export function shape(context, role, x, y, size) {
  context.beginPath();
  if (role === "prosumer") return context.arc(x, y, size, 0, 2 * Math.PI);
  if (role === "operator") return context.rect(x - 0.9 * size, y - 0.9 * size, 1.8 * size, 1.8 * size);
  for (let k = 0; k < 6; k++) {
    const turn = (Math.PI / 3) * k - Math.PI / 2;
    context[k ? "lineTo" : "moveTo"](x + 1.1 * size * Math.cos(turn), y + 1.1 * size * Math.sin(turn));
  }
  return context.closePath();
}

export function cross(context, x, y, size, colour, width) {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.beginPath();
  context.moveTo(x - size, y - size);
  context.lineTo(x + size, y + size);
  context.moveTo(x + size, y - size);
  context.lineTo(x - size, y + size);
  context.stroke();
}

// Two bars, as on a button that pauses, readable on any colour.
export function bars(context, x, y, size, { ink, paper }) {
  for (const [colour, wide] of [
    [paper, 0.32 * size + 1.6],
    [ink, 0.32 * size],
  ]) {
    context.strokeStyle = colour;
    context.lineWidth = wide;
    context.beginPath();
    for (const side of [-0.5, 0.5]) {
      context.moveTo(x + side * size, y - size);
      context.lineTo(x + side * size, y + size);
    }
    context.stroke();
  }
}

// A line with a head at its end.
export function arrow(context, x, y, u, v, head = 6) {
  const turn = Math.atan2(v - y, u - x);
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(u, v);
  context.stroke();
  if (!head) return;
  context.beginPath();
  context.moveTo(u, v);
  context.lineTo(u - head * Math.cos(turn - 0.4), v - head * Math.sin(turn - 0.4));
  context.lineTo(u - head * Math.cos(turn + 0.4), v - head * Math.sin(turn + 0.4));
  context.fill();
}
