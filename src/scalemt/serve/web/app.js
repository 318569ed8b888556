// Puts the page together.

import { Fault } from "./api.js";
import { askKey, closesBeside, isDark, openKeys, openSettings, setTheme } from "./dialogs.js";
import { Documents } from "./documents.js";
import { byId, dress, el, icon } from "./dom.js";
import { Patience, told, wantsKey } from "./faults.js";
import { HistoryDialog, forget } from "./history.js";
import { Languages } from "./languages.js";
import { Notices } from "./notices.js";
import { TextPanel } from "./panel.js";
import { Server } from "./server.js";
import { apiKey, preferences } from "./store.js";
import { t } from "./strings.js";

document.title = t("title");
dress(document, t);

const dialog = (id) => /** @type {HTMLDialogElement} */ (byId(id));
const select = (id) => /** @type {HTMLSelectElement} */ (byId(id));
const notices = new Notices(byId("notices"));
const server = new Server();
const languages = new Languages(byId("source-picker"), byId("target-picker"), () => changed());
const MOST_RADIOS = 4; // profiles that are shown side by side
let asking = null;

/** Ask for a key; of several requests that want one, only the first asks. */
function enterKey(refused) {
  asking ??= askKey(dialog("key"), refused && Boolean(apiKey.get())).finally(() => {
    asking = null;
  });
  return asking.then(async (given) => {
    if (given && !server.loaded) await load();
    return given;
  });
}

const panel = new TextPanel(languages, server, { enterKey });
const documents = new Documents(
  { list: byId("jobs"), count: byId("tab-count"), notices: new Notices(byId("document-faults")) },
  {
    wish: () => ({
      source: languages.source,
      target: languages.target,
      profile: server.profile.name,
      glossary: panel.glossary,
    }),
    name: (code) => languages.name(code),
    limit: () => server.limits.upload,
    enterKey,
  },
);
const history = new HistoryDialog(dialog("history"), {
  name: (code) => (code ? languages.name(code) : t("language.auto")),
  take: (entry) => {
    showTab("text");
    if (entry.source && languages.known.has(entry.source)) languages.source = entry.source;
    if (languages.known.has(entry.target)) languages.target = entry.target;
    languages.render();
    panel.setText(entry.text);
    panel.run();
  },
});

// What the server offers

const patience = new Patience();

async function load() {
  notices.hide("server");
  const slow = setTimeout(
    () => notices.show("server", { tone: "note", text: t("loading"), lasting: true }),
    2_000,
  );
  try {
    await server.load();
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    failed(fault);
    return;
  } finally {
    clearTimeout(slow);
  }
  notices.hide("server");
  patience.reset();
  offered();
  documents.restore();
}

function failed(fault) {
  if (wantsKey(fault)) {
    notices.show("server", {
      ...told(fault),
      tone: "note",
      lasting: true,
      actions: [{ label: t("fault.enter-key"), run: () => enterKey(false) }],
    });
    enterKey(fault.kind === "forbidden");
    return;
  }
  const again = { label: t("fault.again"), run: load };
  const waits = fault.passing ? { seconds: patience.wait(fault), due: load } : {};
  notices.show("server", { ...told(fault), ...waits, lasting: true, tone: "warning", actions: [again] });
}

function offered() {
  languages.take(server.languages);
  drawProfiles();
  changed();
}

/** The pair or the profile is another one. */
function changed() {
  drawChoices();
  panel.changedWish();
}

function drawProfiles() {
  byId("profiles").hidden = server.profiles.length < 2;
  byId("profiles").replaceChildren(server.profiles.length > MOST_RADIOS ? profileList() : profileRadios());
}

function profileList() {
  const list = el(
    "select",
    { onchange: () => chooseProfile(list.value) },
    ...server.profiles.map((profile) => el("option", { value: profile.name, text: begin(profile.name) })),
  );
  list.value = server.profile.name;
  return el("label", { class: "choice" }, el("span", { text: t("profile.legend") }), list);
}

function profileRadios() {
  const choices = server.profiles.map((profile) => {
    const radio = el("input", {
      type: "radio",
      name: "profile",
      value: profile.name,
      onchange: () => chooseProfile(profile.name),
    });
    radio.checked = profile.name === server.profile.name;
    return el(
      "label",
      { title: t(profile.asks ? "profile.asks" : "profile.drafts") },
      radio,
      el("span", { text: begin(profile.name) }),
    );
  });
  const segments = el("div", { class: "segments" }, ...choices);
  return el(
    "fieldset",
    { class: "segmented" },
    el("legend", { class: "hidden", text: t("profile.legend") }),
    segments,
  );
}

async function chooseProfile(name) {
  preferences.set("profile", name);
  try {
    await server.loadLanguages();
    languages.take(server.languages);
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    failed(fault);
  }
  changed();
}

function drawChoices() {
  byId("formality-choice").hidden = !server.takesFormality(languages.target);
  select("formality").value = preferences.get("formality");
  const found = server.glossariesOf(languages.actual, languages.target);
  byId("glossary-choice").hidden = found.length === 0;
  const options = found.map((item) => el("option", { value: item.id, text: item.name }));
  select("glossary").replaceChildren(el("option", { value: "", text: t("glossary.none") }), ...options);
  if (!found.some((item) => item.id === panel.glossary)) panel.glossary = "";
  select("glossary").value = panel.glossary;
}

const begin = (text) => text.charAt(0).toUpperCase() + text.slice(1);

select("formality").addEventListener("change", () => {
  preferences.set("formality", select("formality").value);
  panel.changedWish();
});
select("glossary").addEventListener("change", () => {
  panel.glossary = select("glossary").value;
  panel.changedWish();
});

// Tabs

const TABS = ["text", "documents"];

function showTab(name, focus = false) {
  for (const tab of TABS) {
    const button = byId(`tab-${tab}`);
    button.setAttribute("aria-selected", String(tab === name));
    button.tabIndex = tab === name ? 0 : -1;
    byId(`panel-${tab}`).hidden = tab !== name;
    if (focus && tab === name) button.focus();
  }
  document.body.dataset.tab = name;
  byId("skip").setAttribute("href", name === "text" ? "#source-text" : "#choose-document");
  languages.ofText = name === "text";
  languages.render();
}

for (const [place, tab] of TABS.entries()) {
  byId(`tab-${tab}`).addEventListener("click", () => showTab(tab));
  byId(`tab-${tab}`).addEventListener("keydown", (event) => {
    if (event.key === "ArrowRight" || event.key === "ArrowLeft") showTab(TABS[(place + 1) % TABS.length], true);
  });
}

// Files

const file = /** @type {HTMLInputElement} */ (byId("file"));
byId("choose-document").addEventListener("click", () => file.click());
file.addEventListener("change", () => {
  sent(file.files);
  file.value = "";
});

function sent(files) {
  showTab("documents");
  documents.add(files);
}

let over = 0;
const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
document.addEventListener("dragenter", (event) => {
  if (!holdsFiles(event)) return;
  over += 1;
  byId("veil").hidden = false;
});
document.addEventListener("dragleave", (event) => {
  if (!holdsFiles(event)) return;
  over -= 1;
  byId("veil").hidden = over > 0 ? byId("veil").hidden : true;
});
document.addEventListener("dragover", (event) => {
  if (holdsFiles(event)) event.preventDefault();
});
document.addEventListener("drop", (event) => {
  over = 0;
  byId("veil").hidden = true;
  if (!holdsFiles(event)) return;
  event.preventDefault();
  sent(event.dataTransfer.files);
});

// Dialogs, colours, keys

for (const id of ["history", "keys", "settings", "key"]) closesBeside(dialog(id));
byId("open-history").addEventListener("click", () => history.open());
byId("open-keys").addEventListener("click", () => openKeys(dialog("keys")));
byId("open-settings").addEventListener("click", () =>
  openSettings(dialog("settings"), {
    changed: () => panel.changedWish(),
    enterKey: () => enterKey(false),
    history: (on) => on || forget(),
  }),
);
byId("swap").addEventListener("click", () => panel.swap());

function drawTheme() {
  const words = t(isDark() ? "theme.to-light" : "theme.to-dark");
  const button = byId("switch-theme");
  button.replaceChildren(icon(isDark() ? "sun" : "moon"));
  button.setAttribute("aria-label", words);
  button.title = words;
}

byId("switch-theme").addEventListener("click", () => setTheme(isDark() ? "light" : "dark"));
document.addEventListener("theme", drawTheme);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawTheme);
drawTheme();

const WITH_ALT = {
  Digit1: () => byId("source-text").focus(),
  Digit2: () => byId("output").focus(),
  KeyC: () => panel.copy(),
  KeyH: () => history.open(),
  KeyI: () => panel.toggleDetails(),
  KeyK: () => openKeys(dialog("keys")),
  KeyL: () => languages.sourcePicker.show(),
  KeyR: () => panel.edit(),
  KeyS: () => panel.swap(),
  KeyT: () => languages.targetPicker.show(),
};

document.addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) panel.run();
  else if (event.key === "Escape" && !event.isComposing) panel.cancel();
  else if (event.altKey && !event.ctrlKey && !event.metaKey && !event.shiftKey && event.code in WITH_ALT)
    WITH_ALT[event.code]();
  else return;
  event.preventDefault();
});

addEventListener("online", () => {
  if (!server.loaded) load();
});

showTab("text");
load();
