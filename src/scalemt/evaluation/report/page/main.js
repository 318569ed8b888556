// Starts the page and ties the parts together.

const TYPING = "input:not([type=checkbox]), select, textarea";

function fillChoices() {
  const { set } = view;
  const systems = set.systems.map((system) => [system.name, system.name]);
  byId("set").value = String(testSets.indexOf(set));
  options(byId("metric"), set.metrics.map((metric) => [metric.name, metric.name]), set.metrics[view.metric]?.name);
  options(byId("system"), systems, set.systems[view.system]?.name);
  options(byId("against"), systems, set.systems[view.against]?.name);
  if (view.against < 0) { // no baseline, and none chosen yet
    byId("against").prepend(el("option", { value: "" }, "–"));
    byId("against").value = "";
  }
}

function showSet() {
  const number = String(testSets.indexOf(view.set));
  for (const part of all("[data-set]")) part.hidden = part.dataset.set !== number;
  for (const part of all("div.matrix")) part.hidden = part.dataset.metric !== view.metricInfo.name;
}

function redraw(changed) {
  const has = (...keys) => keys.some((key) => changed.has(key));
  if (has("all", "set", "metric", "system", "against")) {
    fillChoices();
    showSet();
    fillFilters();
  }
  if (has("all", "set", "metric", "system", "against", "shown")) drawFigures();
  const turned = [...changed].every((key) => key === "page" || key === "segment");
  if (!turned) listSegments();
  drawSegments();
}

const THEMES = { auto: ["Auto", "as the system"], light: ["Light", "light"], dark: ["Dark", "dark"] };

function setTheme(name) {
  const root = document.documentElement;
  if (name === "auto") delete root.dataset.theme;
  else root.dataset.theme = name;
  byId("theme").querySelector("span").textContent = THEMES[name][0];
  byId("theme").setAttribute("aria-label", `Colours: ${THEMES[name][1]}`);
  try {
    if (name === "auto") localStorage.removeItem("scalemt-report-theme");
    else localStorage.setItem("scalemt-report-theme", name);
  } catch (fault) { /* the choice lasts as long as the page */ }
}

function nextTheme() {
  const names = Object.keys(THEMES);
  const current = document.documentElement.dataset.theme || "auto";
  setTheme(names[(names.indexOf(current) + 1) % names.length]);
}

function openHelp() {
  if (!byId("help").open) byId("help").showModal();
}

const KEYS = {
  j: () => stepSegment(1),
  k: () => stepSegment(-1),
  n: () => turn(page() + 1),
  p: () => turn(page() - 1),
  t: nextTheme,
  "?": openHelp,
  "/": () => {
    byId("query").focus();
    byId("query").scrollIntoView({ block: "center" });
  },
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
  if (event.target.matches(TYPING)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (!Object.hasOwn(KEYS, event.key)) return;
  event.preventDefault();
  KEYS[event.key]();
}

function start() {
  setTheme(document.documentElement.dataset.theme || "auto");
  readHash();
  startTables();
  startFilters();
  onChange(redraw);
  for (const id of ["metric", "system", "against"]) byId(id).addEventListener("change", () => change({ [id]: byId(id).value }));
  byId("set").addEventListener("change", () => change({ set: byId("set").value, shown: "", ...FILTERS }));
  for (const button of all("button.save[data-file]")) {
    button.addEventListener("click", () => save(button.closest("figure"), button.dataset.file));
  }
  byId("theme").addEventListener("click", nextTheme);
  byId("help-open").addEventListener("click", openHelp);
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address keeps what is shown
    byId("main").focus();
  });
  document.addEventListener("keydown", onKey);
  addEventListener("hashchange", () => {
    readHash();
    redraw(new Set(["all"]));
    markCurrent(true);
  });
  redraw(new Set(["all"]));
  if (state.segment) markCurrent(true);
}

start();
