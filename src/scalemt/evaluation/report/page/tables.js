// Tables: sorting, copying, and the marks with their p-values.

function sortTable(button) {
  const heading = button.closest("th");
  const table = button.closest("table");
  const column = Number(button.dataset.column);
  const current = heading.getAttribute("aria-sort");
  // The first click puts the best on top, or A before Z; the third gives back the order of the test.
  const first = column === 0 || button.dataset.better === "lower" ? "ascending" : "descending";
  const second = first === "ascending" ? "descending" : "ascending";
  const next = current === "none" ? first : current === first ? second : "none";
  all("thead th", table).forEach((other) => other.setAttribute("aria-sort", "none"));
  heading.setAttribute("aria-sort", next);
  const body = table.tBodies[0];
  body.append(...[...body.rows].sort(comparison(column, next)));
  const order = next === "none" ? "in the order given" : `sorted by ${button.textContent}, ${next}`;
  say(`Table ${order}.`);
}

function comparison(column, direction) {
  const place = (row) => Number(row.dataset.order);
  const way = direction === "descending" ? -1 : 1;
  return (one, two) => {
    if (direction === "none") return place(one) - place(two);
    const [a, b] = [one, two].map((row) => row.cells[column]);
    if (column === 0) return way * a.textContent.localeCompare(b.textContent) || place(one) - place(two);
    const [x, y] = [a, b].map((cell) => (cell.dataset.sort === "" ? null : Number(cell.dataset.sort)));
    if (x === null || y === null) return (x === null) - (y === null) || place(one) - place(two);
    return way * (x - y) || place(one) - place(two);
  };
}

function asMarkdown(table) {
  const cellText = (text) => text.replace(/\s+/gu, " ").trim().replace(/[\\|]/gu, "\\$&");
  const heading = all("thead th button", table).map((button) => cellText(button.textContent));
  const rows = [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell, column) => {
    if (column === 0) return cellText(cell.firstChild.textContent);
    const score = cell.querySelector(".score");
    const mark = cellText(cell.querySelector(".mark")?.textContent || "");
    const text = cellText(score.textContent);
    return (score.classList.contains("best") ? `**${text}**` : text) + (mark ? ` ${mark}` : "");
  }));
  const rule = heading.map((_, column) => (column ? "---:" : ":---"));
  return [heading, rule, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n") + "\n";
}

async function copy(text, button) {
  let done = false;
  try {
    await navigator.clipboard.writeText(text);
    done = true;
  } catch (fault) { // no permission, or no secure context
    const area = el("textarea", { class: "unseen", "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    done = document.execCommand("copy");
    area.remove();
    button.focus();
  }
  const before = button.dataset.label || button.textContent;
  button.dataset.label = before;
  button.textContent = done ? "Copied" : "Not allowed";
  say(done ? "Copied." : "The browser does not allow copying.");
  setTimeout(() => { button.textContent = before; }, 1500);
}

let tipped = null; // the mark whose tip is shown

function showTip(mark) {
  const tip = byId("tip");
  tipped = mark;
  tip.textContent = mark.dataset.tip;
  tip.hidden = false;
  const box = mark.getBoundingClientRect();
  const left = Math.min(Math.max(8, box.left + box.width / 2 - tip.offsetWidth / 2), innerWidth - tip.offsetWidth - 8);
  const above = box.top - tip.offsetHeight - 6;
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${above > 4 ? above : box.bottom + 6}px`;
}

function hideTip() {
  tipped = null;
  byId("tip").hidden = true;
}

// One tab stop a table: the arrow keys go from mark to mark (WAI-ARIA, roving tabindex).
function moveMark(event) {
  const steps = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
  const step = steps[event.key];
  if (!step) return;
  const table = event.target.closest("table");
  const rows = [...table.tBodies[0].rows];
  let row = rows.indexOf(event.target.closest("tr"));
  let column = event.target.closest("td").cellIndex;
  for (;;) {
    [column, row] = [column + step[0], row + step[1]];
    const cell = rows[row]?.cells[column];
    if (!cell || column === 0) return;
    const mark = cell.querySelector("button.mark");
    if (mark) {
      event.preventDefault();
      all("button.mark", table).forEach((other) => { other.tabIndex = other === mark ? 0 : -1; });
      mark.focus();
      return;
    }
  }
}

function startTables() {
  for (const table of all("table.results")) {
    all("button.mark", table).forEach((mark, number) => { mark.tabIndex = number ? -1 : 0; });
    table.addEventListener("click", (event) => {
      const button = event.target.closest("button.sort");
      if (button) sortTable(button);
      const mark = event.target.closest("button.mark");
      if (mark) showTip(mark);
    });
    table.addEventListener("keydown", (event) => {
      if (event.target.matches("button.mark")) moveMark(event);
      if (event.key === "Escape") hideTip();
    });
    for (const [name, show] of [["mouseover", showTip], ["focusin", showTip], ["mouseout", hideTip], ["focusout", hideTip]]) {
      table.addEventListener(name, (event) => { if (event.target.matches("button.mark")) show(event.target); });
    }
  }
  addEventListener("scroll", () => { if (tipped) showTip(tipped); }, { passive: true, capture: true });
  for (const button of all(".copy-table")) {
    button.addEventListener("click", () => copy(asMarkdown(button.closest("div").querySelector("table")), button));
  }
  for (const button of all(".copy")) {
    button.addEventListener("click", () => copy(button.parentElement.querySelector("code").textContent, button));
  }
  for (const [id, name] of [["show-intervals", "no-intervals"], ["show-p", "no-p"]]) {
    const box = byId(id);
    const apply = () => document.body.classList.toggle(name, !box.checked);
    box.addEventListener("change", apply);
    apply();
  }
}
