// Runs before anything is painted, so that a dark page never flashes white. A classic script for that reason.
(() => {
  "use strict";
  try {
    const theme = JSON.parse(localStorage.getItem("scalemt.preferences") || "{}").theme;
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Storage may be blocked or hold nonsense: the system's theme stands.
  }
})();
