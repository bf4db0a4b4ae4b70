// Small helpers: elements, numbers, colours, canvases.

export const byId = (id) => document.getElementById(id);

// An element with properties; `on...` are listeners, `aria-...` and `data-...` attributes.
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.includes("-")) element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

// Icons are drawn: glyphs for them are boxes where a font lacks them.
const PATHS = {
  first: "M3 3h2v10H3zM13 3v10L6 8z",
  back: "M11 3v10L4 8z",
  play: "M4 2l9 6-9 6z",
  pause: "M4 3h3v10H4zM9 3h3v10H9z",
  forward: "M5 3v10l7-5z",
  last: "M11 3h2v10h-2zM3 3v10l7-5z",
  theme: "M8 2a6 6 0 1 0 0 12zM8 2a6 6 0 0 1 0 12V13A5 5 0 0 0 8 3z",
};

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg"),
    path = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

export function options(select, pairs, chosen) {
  select.replaceChildren(...pairs.map(([value, text]) => new Option(text, value)));
  select.value = chosen;
}

export function number(value) {
  if (Number.isNaN(value) || value === undefined) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e6) return value.toExponential(1).replace("e+", "e");
  return String(Number(value.toPrecision(4)));
}

// Colours are CSS variables, which runs/common/palette.py writes.
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

// Of the lines of a chart, by name.
export const LINES = colour("chart-lines").split(" ");
export const AMBER = colour("orange"),
  RED = colour("vermillion");

// From cheap to dear, as red, green and blue.
const SCALE = colour("price-scale")
  .split(" ")
  .map((hex) => [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16)));

export function shade(part) {
  const place = Math.min(Math.max(part, 0), 1) * (SCALE.length - 1),
    k = Math.min(Math.floor(place), SCALE.length - 2);
  const mixed = SCALE[k].map((value, i) => Math.round(value + (SCALE[k + 1][i] - value) * (place - k)));
  return `rgb(${mixed.join(",")})`;
}

export function theme() {
  const names = ["soft", "line", "paper", "shade", ...LINES];
  return Object.fromEntries(names.map((name) => [name, colour(name)]));
}

// A canvas as sharp as the screen; returns its context with units of CSS pixels, cleared.
export function fresh(canvas) {
  const ratio = window.devicePixelRatio || 1,
    { clientWidth: width, clientHeight: height } = canvas;
  const wanted = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wanted[0] || canvas.height !== wanted[1]) [canvas.width, canvas.height] = wanted;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}
