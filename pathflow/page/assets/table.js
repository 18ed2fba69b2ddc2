// A list of any length of which only the rows in view exist, for the mouse and for the keyboard.

const ROW = 26;
const SPARE = 8;
// Browsers draw nothing beyond some tens of millions of pixels; the bar then scrolls faster.
const TALLEST = 8e6;

class ListView {
  // handlers: {cells(i) -> elements, choose(i), key(i)}.
  constructor(root, handlers) {
    this.root = root;
    this.handlers = handlers;
    this.inner = make("div", { class: "inner", role: "presentation" });
    root.append(this.inner);
    root.addEventListener("scroll", () => this.draw());
    root.addEventListener("keydown", (event) => this.key(event));
    this.inner.addEventListener("click", (event) => {
      const row = event.target.closest("[data-row]");
      if (row) this.choose(Number(row.dataset.row));
    });
    this.length = 0;
    this.active = -1;
    this.chosen = -1;
  }

  show(length, chosen = -1) {
    this.length = length;
    this.chosen = chosen;
    this.active = Math.min(this.active, length - 1);
    this.height = Math.min(length * ROW, TALLEST);
    this.inner.style.height = `${this.height}px`;
    this.root.setAttribute("aria-rowcount", length);
    this.draw();
  }

  // The first row at the top of the view; rows scroll as pixels do unless the list is too tall.
  first() {
    const hidden = this.height - this.root.clientHeight;
    if (hidden <= 0) return 0;
    return (Math.min(1, this.root.scrollTop / hidden) * (this.length * ROW - this.root.clientHeight)) / ROW;
  }

  draw() {
    const start = this.first();
    const from = Math.max(0, Math.floor(start) - SPARE);
    const to = Math.min(this.length, Math.ceil(start + this.root.clientHeight / ROW) + SPARE);
    const rows = [];
    for (let i = from; i < to; i += 1) {
      const row = make("div", {
        class: `row${i === this.chosen ? " chosen" : ""}${i === this.active ? " active" : ""}`,
        role: "row", id: `row-${i}`, "data-row": i, "aria-rowindex": i + 1,
        "aria-selected": String(i === this.chosen),
      }, ...this.handlers.cells(i));
      row.style.top = `${this.root.scrollTop + (i - start) * ROW}px`;
      rows.push(row);
    }
    this.inner.replaceChildren(...rows);
    if (this.active >= from && this.active < to) {
      this.root.setAttribute("aria-activedescendant", `row-${this.active}`);
    } else this.root.removeAttribute("aria-activedescendant");
  }

  top() {
    this.root.scrollTop = 0;
    this.active = -1;
    this.draw();
  }

  choose(i) {
    this.active = i;
    this.handlers.choose(i);
  }

  key(event) {
    const page = Math.max(1, Math.floor(this.root.clientHeight / ROW) - 1);
    const to = {
      ArrowDown: this.active + 1, ArrowUp: this.active - 1, PageDown: this.active + page,
      PageUp: this.active - page, Home: 0, End: this.length - 1,
    }[event.key];
    if (to !== undefined) this.go(Math.max(0, Math.min(this.length - 1, to)));
    else if ((event.key === "Enter" || event.key === " ") && this.active >= 0) this.choose(this.active);
    else return;
    event.preventDefault();
  }

  go(i) {
    if (!this.length) return;
    this.active = i;
    const start = this.first();
    const seen = this.root.clientHeight / ROW;
    const wanted = i < start ? i : i + 1 > start + seen ? i + 1 - seen : start;
    const all = this.length - seen;
    if (wanted !== start && all > 0) {
      this.root.scrollTop = (wanted / all) * (this.height - this.root.clientHeight);
    }
    this.draw();
  }
}

// A number as a bar from the middle of its cell, beside its text.
function bar(value, largest) {
  const fill = make("i", { class: value >= 0 ? "pos" : "neg" });
  const part = largest ? Math.abs(value) / largest : 0;
  fill.style.width = `${50 * part}%`;
  fill.style[value >= 0 ? "left" : "right"] = "50%";
  return make("span", { class: "bar", "aria-hidden": "true" }, fill);
}

// Named numbers, the largest first, with what is left out as a last line.
function barList(entries, most, total) {
  const order = [...entries].sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
  const shown = order.slice(0, most);
  const rest = order.slice(most);
  const largest = Math.max(...order.map((e) => Math.abs(e.value)), 0);
  const line = ({ name, value, title }) => make("li", { title: title ?? `${name}: ${exact(value)}` },
    make("span", { class: "name" }, name), bar(value, largest),
    make("span", { class: "number" }, signed(value)),
    make("span", { class: "share" }, percent(value, total)));
  const list = make("ul", { class: "bars" }, ...shown.map(line));
  if (rest.length) {
    const sum = new Sum();
    rest.forEach((e) => sum.add(e.value));
    list.append(make("li", { class: "rest" }, make("span", { class: "name" }, `${rest.length} more`),
      make("span", { class: "bar" }), make("span", { class: "number" }, signed(sum.value)),
      make("span", { class: "share" }, percent(sum.value, total))));
  }
  return list;
}
