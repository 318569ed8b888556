// A small kit for drawing SVG, the twin of svg.py: light colours as attributes, classes for the dark page.

const SVG = "http://www.w3.org/2000/svg";
const PLOT = { width: 440, height: 290, left: 52, right: 20, top: 12, bottom: 46 };
const FONT = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', Arial, sans-serif";
const INK = {
  ink: "#1b1f24", soft: "#5b636d", axis: "#8b939c", grid: "#e4e7ea", paper: "#ffffff", band: "#e9ebee",
  better: "#0072b2", worse: "#d55e00", base: "#3c434b",
  // Okabe and Ito (2008), yellow darkened for white paper; the baseline is drawn in "base".
  c0: "#0072b2", c1: "#d55e00", c2: "#009e73", c3: "#b0578d", c4: "#c98a00", c5: "#4aa3d8", c6: "#8c6d1f", c7: "#6b50a8",
};

function shape(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, typeof value === "number" ? String(Math.round(value * 10) / 10) : value);
  }
  if (text !== undefined) made.textContent = text;
  return made;
}

const fill = (ink) => ({ class: `f-${ink}`, fill: INK[ink] });
const stroke = (ink, width = 1) => ({ class: `s-${ink}`, stroke: INK[ink], "stroke-width": String(width), fill: "none" });

function canvas(title, desc, height = PLOT.height) {
  const made = shape("svg", {
    xmlns: SVG, role: "img", viewBox: `0 0 ${PLOT.width} ${height}`, width: PLOT.width, height,
    "font-family": FONT, "font-size": "12",
  });
  made.append(shape("title", {}, title), shape("desc", {}, desc));
  return made;
}

function scale(low, high, start, end) {
  const span = high - low || 1;
  const at = (value) => start + ((value - low) / span) * (end - start);
  return Object.assign(at, { low, high, start, end });
}

function ticks(low, high, count = 5) {
  if (!(low < high)) return [low];
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.7);
  const found = [];
  for (let number = Math.ceil(low / step - 1e-9); number * step <= high + step * 1e-9; number += 1) {
    found.push(Number((number * step).toPrecision(12)));
  }
  return found;
}

function around(values, share = 0.06) {
  let [low, high] = [Infinity, -Infinity]; // a spread of many values would overflow the stack of Math.min(...)
  for (const value of values) {
    if (!finite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return [0, 1];
  const room = (high - low) * share || Math.abs(high) * 0.05 || 1;
  return [low - room, high + room];
}

const shortNumber = (value) => {
  const [unit, letter] = Math.abs(value) >= 1e6 ? [1e6, "M"] : Math.abs(value) >= 1e4 ? [1e3, "k"] : [1, ""];
  return String(Number((value / unit).toPrecision(6))).replace("-", "−") + letter;
};

const shorten = (text, length) => {
  const signs = [...text];
  if (signs.length <= length) return text;
  const head = Math.floor(length / 2);
  return `${signs.slice(0, head).join("")}…${signs.slice(signs.length - (length - head - 1)).join("")}`;
};

function xAxis(svg, at, top, bottom, label, marks = ticks(at.low, at.high), name = shortNumber) {
  for (const mark of marks) {
    svg.append(shape("line", { ...stroke("grid"), x1: at(mark), y1: top, x2: at(mark), y2: bottom }));
    svg.append(shape("text", { ...fill("soft"), x: at(mark), y: bottom + 16, "text-anchor": "middle" }, name(mark)));
  }
  svg.append(shape("line", { ...stroke("axis"), x1: at.start, y1: bottom, x2: at.end, y2: bottom }));
  const middle = (at.start + at.end) / 2;
  svg.append(shape("text", { ...fill("ink"), x: middle, y: bottom + 34, "text-anchor": "middle" }, label));
}

function yAxis(svg, at, left, right, label, marks = ticks(at.low, at.high)) {
  for (const mark of marks) {
    svg.append(shape("line", { ...stroke("grid"), x1: left, y1: at(mark), x2: right, y2: at(mark) }));
    svg.append(shape("text", { ...fill("soft"), x: left - 7, y: at(mark) + 4, "text-anchor": "end" }, shortNumber(mark)));
  }
  svg.append(shape("line", { ...stroke("axis"), x1: left, y1: at.start, x2: left, y2: at.end }));
  const middle = (at.start + at.end) / 2;
  svg.append(shape("text", {
    ...fill("ink"), x: 13, y: middle, "text-anchor": "middle", transform: `rotate(-90 13 ${middle})`,
  }, label));
}

const path = (points) => points.map(([x, y], number) => `${number ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

// Each system keeps colour and marker in all figures; markers tell apart what colours alone would not.
function ofSystem(set, system) {
  const baseline = set.systems.findIndex((item) => item.name === set.baseline);
  if (system === baseline) return { ink: "base", marker: 1 };
  const place = baseline >= 0 && system > baseline ? system - 1 : system;
  return { ink: `c${place % 8}`, marker: (place + Math.floor(place / 8)) % 4 };
}

function marker(kind, x, y, ink, tip, size = 4) {
  const drawn = { class: `f-${ink} s-paper`, fill: INK[ink], stroke: INK.paper, "stroke-width": "1" };
  const corners = [null, [[-1, -1], [1, -1], [1, 1], [-1, 1]], [[0, -1.3], [1.2, 0.9], [-1.2, 0.9]], [[0, -1.4], [1.4, 0], [0, 1.4], [-1.4, 0]]];
  const made = kind === 0 ? shape("circle", { ...drawn, cx: x, cy: y, r: size })
    : shape("path", { ...drawn, d: `${path(corners[kind].map(([dx, dy]) => [x + dx * size, y + dy * size]))}Z` });
  if (tip) made.append(shape("title", {}, tip));
  return made;
}

// Draws names of systems in rows above a plot and returns the height that they take.
function legend(svg, set, systems) {
  let [x, y] = [PLOT.left, 12];
  for (const system of systems) {
    const name = shorten(set.systems[system].name, 22);
    const width = 24 + name.length * 6.6;
    if (x + width > PLOT.width && x > PLOT.left) [x, y] = [PLOT.left, y + 17];
    const { ink, marker: kind } = ofSystem(set, system);
    svg.append(marker(kind, x + 5, y - 4, ink), shape("text", { ...fill("ink"), x: x + 14, y, "font-size": "11.5" }, name));
    x += width;
  }
  return y + 8;
}

const plain = (text) => text.replace(/[^\p{L}\p{N}+.-]+/gu, "-").replace(/^-+|-+$/gu, "").slice(0, 80) || "figure";

function save(figure, file) {
  const source = figure.querySelector("svg").cloneNode(true);
  const text = `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(source)}\n`;
  const link = el("a", { href: URL.createObjectURL(new Blob([text], { type: "image/svg+xml" })), download: `${plain(file)}.svg` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function figure(title, caption, svg) {
  const button = el("button", { type: "button", class: "save", "aria-label": `Download the figure ${title} as SVG` }, "SVG");
  const made = el("figure", {},
    el("figcaption", {}, el("h3", {}, title), el("p", {}, caption)), el("div", { class: "drawing" }, svg), button);
  button.addEventListener("click", () => save(made, title));
  return made;
}
