// Numbers and paths as a reader meets them, and a small maker of elements that only ever writes text.

// An element: attributes by name, `on` for listeners, children as elements or texts.
function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") for (const [event, f] of Object.entries(value)) node.addEventListener(event, f);
    else if (name === "class") node.className = value;
    else if (value === true) node.setAttribute(name, "");
    else if (value !== null && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.filter((c) => c !== null));
  return node;
}

function byId(id) {
  return document.getElementById(id);
}

// An influence with its sign and four digits; a minus is as wide as a plus.
function signed(value, digits = 4) {
  if (value === 0) return "0";
  return (value > 0 ? "+" : "−") + unsigned(Math.abs(value), digits);
}

function unsigned(value, digits = 4) {
  if (value === 0) return "0";
  if (value >= 1e-3 && value < 1e6) {
    const places = Math.max(0, digits - 1 - Math.floor(Math.log10(value)));
    return value.toFixed(Math.min(places, 12));
  }
  return value.toExponential(digits - 1).replace("-", "−").replace("+", "");
}

// All digits, for who wants to compute with it.
function exact(value) {
  return String(value);
}

function percent(part, whole) {
  if (!whole) return "–";
  const share = (100 * part) / whole;
  const size = Math.abs(share);
  const digits = size >= 99.95 || size === 0 ? 0 : size >= 0.1 ? 1 : 2;
  if (size > 0 && size < 0.005) return "≈0%";
  return `${share.toFixed(digits).replace("-", "−")}%`;
}

// A count, exact where it is short: Number or BigInt.
function counted(count) {
  const text = String(count);
  if (text.length <= 12) return text.replace(/\B(?=(\d{3})+$)/g, ",");
  return `${text[0]}.${text.slice(1, 3)} × 10^${text.length - 1}`;
}

function plural(count, one) {
  return `${counted(count)} ${one}${String(count) === "1" ? "" : "s"}`;
}

// A path with every index written once, and steps along a loop as a range: x@1 g0 c0@1…3 h0 qoi.
function compactPath(space, path) {
  const words = [];
  let last = "";
  for (let i = 0; i < path.length; ) {
    const node = space.nodes[path[i]];
    let end = i + 1;
    while (end < path.length && follows(space.nodes[path[end - 1]], space.nodes[path[end]])) end += 1;
    const index = node.index.join(".");
    if (end > i + 1) words.push(`${node.name}@${index}…${space.nodes[path[end - 1]].index[0]}`);
    else words.push(index === last || index === "" ? node.name : space.labels[path[i]]);
    last = space.nodes[path[end - 1]].index.join(".") || last;
    i = end;
  }
  return words.join(" ");
}

function follows(node, next) {
  return node.name === next.name && node.index.length === 1 && next.index.length === 1 &&
    next.index[0] === node.index[0] + 1;
}

// A text of at most `length` characters: the beginning and the end tell labels apart.
function shortened(text, length) {
  const all = Array.from(text);
  if (all.length <= length) return text;
  const head = Math.floor(length / 2);
  return `${all.slice(0, head).join("")}…${all.slice(all.length - (length - head - 1)).join("")}`;
}

// The way to write a path that only it matches.
function patternOf(space, path) {
  return path.map((n) => {
    const { name, index } = space.nodes[n];
    const plain = /^[^\s@()|&+{}\\*?~'.][^\s@()|&+{}\\*?]*$/u.test(name);
    const quoted = plain ? name : `'${name.replace(/['\\]/g, "\\$&")}'`;
    return index.length ? `${quoted}@${index.join(".")}` : `${quoted}@()`;
  }).join(" ");
}
