// Who is drawn where: everybody, or above 300 agents a node a microgrid, one of which may be open.

export const WHOLE_MAX = 300;
const LABELS_MAX = 48;

// nodes: [{agent, x, y, role, label}]; nodeOf[agent]: which node stands for it, -1 for none; edges: [{one, two, channels}].
export function scene(run, microgrid) {
  const whole = run.names.length <= WHOLE_MAX;
  const found = whole ? everybody(run) : microgrid === null ? microgrids(run) : opened(run, microgrid);
  return { ...found, edges: edges(run, found.nodeOf), whole };
}

export function shortName(run, agent) {
  return agent < run.microgrids ? run.meta.microgrids[agent] : run.names[agent].slice(run.names[agent].indexOf(".") + 1);
}

function node(run, agent, x, y, label = "") {
  return { agent, x, y, role: run.columns.role[agent], label };
}

function place(run, agent) {
  return [run.columns.place[2 * agent], run.columns.place[2 * agent + 1]];
}

function everybody(run) {
  const named = run.names.length <= LABELS_MAX;
  const nodes = run.names.map((_, agent) =>
    node(run, agent, ...place(run, agent), named || agent < run.microgrids ? shortName(run, agent) : ""),
  );
  return { nodes, nodeOf: Int32Array.from(run.names.keys()) };
}

function microgrids(run) {
  const nodes = run.meta.microgrids.map((name, k) => node(run, k, ...place(run, k), run.microgrids <= 100 ? name : ""));
  return { nodes, nodeOf: Int32Array.from(run.columns.home) };
}

// A microgrid's members around it, and the neighbours' virtual agents, each standing for everybody there, on the rim.
function opened(run, microgrid) {
  const { home, line } = run.columns,
    nodeOf = new Int32Array(run.names.length).fill(-1),
    nodes = [];
  const [cx, cy] = place(run, microgrid);
  const members = [...run.names.keys()].filter((agent) => home[agent] === microgrid);
  const wide = Math.max(
    ...members.map((agent) => Math.hypot(place(run, agent)[0] - cx, place(run, agent)[1] - cy)),
    1e-9,
  );
  for (const agent of members) {
    const [x, y] = place(run, agent);
    nodeOf[agent] = nodes.length;
    nodes.push(
      node(
        run,
        agent,
        (x - cx) / wide,
        (y - cy) / wide,
        members.length <= LABELS_MAX || run.columns.role[agent] < 2 ? shortName(run, agent) : "",
      ),
    );
  }
  const neighbours = new Set();
  for (let k = 0; k < line.length; k += 2) {
    if (line[k] === microgrid) neighbours.add(line[k + 1]);
    if (line[k + 1] === microgrid) neighbours.add(line[k]);
  }
  const near = [...neighbours].sort((one, two) => angle(run, microgrid, one) - angle(run, microgrid, two));
  near.forEach((other, k) => {
    const turn = (2 * Math.PI * k) / near.length - Math.PI / 2;
    for (let agent = 0; agent < home.length; agent++) if (home[agent] === other) nodeOf[agent] = nodes.length;
    nodes.push(node(run, other, 1.45 * Math.cos(turn), 1.3 * Math.sin(turn), run.meta.microgrids[other]));
  });
  return { nodes, nodeOf };
}

function angle(run, microgrid, other) {
  const [x, y] = place(run, microgrid),
    [u, v] = place(run, other);
  return Math.atan2(v - y, u - x);
}

function edges(run, nodeOf) {
  const { sender, receiver } = run.columns,
    found = new Map();
  for (let channel = 0; channel < sender.length; channel++) {
    const one = nodeOf[sender[channel]],
      two = nodeOf[receiver[channel]];
    if (one < 0 || two < 0 || one === two) continue;
    const key = Math.min(one, two) * nodeOf.length + Math.max(one, two);
    if (!found.has(key)) found.set(key, { one: Math.min(one, two), two: Math.max(one, two), channels: [] });
    found.get(key).channels.push(channel);
  }
  return [...found.values()];
}

// Nodes' places on a canvas: [x, y] by node, and how large a node is.
export function fit(nodes, width, height) {
  const xs = nodes.map((each) => each.x),
    ys = nodes.map((each) => each.y);
  const [left, right] = [Math.min(...xs), Math.max(...xs)],
    [low, high] = [Math.min(...ys), Math.max(...ys)];
  const room = { x: 46, top: 40, bottom: 84 };
  const [sx, sy] = [(width - 2 * room.x) / (right - left || 1), (height - room.top - room.bottom) / (high - low || 1)];
  // A picture that is a little wider than high fits the window better, and hurts nobody.
  const scale = Math.min(sx, sy),
    wide = Math.min(sx, 1.6 * scale),
    tall = Math.min(sy, 1.6 * scale);
  const middle = (room.top + height - room.bottom) / 2;
  const at = nodes.map(({ x, y }) => [
    width / 2 + (x - (left + right) / 2) * wide,
    middle - (y - (low + high) / 2) * tall,
  ]);
  return { at, size: Math.max(Math.min(15, 0.32 * nearest(at)), 2.5) };
}

function nearest(at) {
  if (at.length < 2) return 40;
  let total = 0;
  const some = at.filter((_, k) => k % Math.ceil(at.length / 200) === 0);
  for (const [x, y] of some) {
    let near = Infinity;
    for (const [u, v] of at) {
      const apart = Math.hypot(u - x, v - y);
      if (apart > 1e-6 && apart < near) near = apart;
    }
    total += Number.isFinite(near) ? near : 40;
  }
  return total / some.length;
}
