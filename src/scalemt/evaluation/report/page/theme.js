// Runs before the page is drawn, so that the colours chosen last time do not flash.
document.documentElement.classList.add("js");
try {
  const chosen = localStorage.getItem("scalemt-report-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch (fault) { /* a browser may forbid storage to files */ }
