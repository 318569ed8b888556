// What the browser keeps: preferences and history in localStorage, the key in sessionStorage and nowhere else.

const PREFERENCES = "scalemt.preferences";
const KEY = "scalemt.key";
const DEFAULTS = {
  source: "auto",
  target: "",
  recent: [],
  profile: "",
  formality: "",
  theme: "system",
  live: true,
  history: true,
  changes: true,
  confidence: true,
  details: false,
};

/** Read JSON out of storage; what is blocked, missing or broken is `otherwise`. */
export function read(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(name)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** Write JSON into storage, and say whether it went: storage may be full or blocked. */
export function write(name, value) {
  try {
    localStorage.setItem(name, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

const held = { ...DEFAULTS, ...read(PREFERENCES, {}) };

/** What people chose last time. Only values of the kind expected are taken: storage is not to be trusted. */
export const preferences = {
  get(name) {
    const value = held[name];
    const fits = typeof value === typeof DEFAULTS[name] && Array.isArray(value) === Array.isArray(DEFAULTS[name]);
    return fits ? value : DEFAULTS[name];
  },
  set(name, value) {
    held[name] = value;
    write(PREFERENCES, held);
  },
};

let keyOfPage = "";

/** The API key: in this tab only, gone with it. */
export const apiKey = {
  get() {
    try {
      return sessionStorage.getItem(KEY) ?? keyOfPage;
    } catch {
      return keyOfPage;
    }
  },
  set(value) {
    keyOfPage = value;
    try {
      if (value) sessionStorage.setItem(KEY, value);
      else sessionStorage.removeItem(KEY);
    } catch {
      // Blocked storage: the key lasts as long as the page is open.
    }
  },
};
