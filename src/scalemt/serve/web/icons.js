// Pictures as paths in a box of 24, drawn with a stroke of the colour of the text.

const SHAPES = {
  check: ["M5 12.5l4.5 4.5L19 7.5"],
  chevron: ["M7 10l5 5 5-5"],
  close: ["M6 6l12 12", "M18 6L6 18"],
  copy: ["M9 9h10v11H9z", "M5 15V4h10"],
  details: ["M12 11v5", "M12 8h.01", "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z"],
  document: ["M7 3h7l4 4v14H7z", "M14 3v4h4", "M10 12h5", "M10 16h5"],
  edit: ["M4 20l1-4L16 5l3 3L8 19z", "M14 7l3 3"],
  fault: ["M12 4l9 16H3z", "M12 10v4", "M12 17h.01"],
  history: ["M4 12a8 8 0 1 0 2.4-5.7", "M4 4v4h4", "M12 8v4l3 2"],
  keyboard: ["M3 6h18v12H3z", "M7 10h.01", "M11 10h.01", "M15 10h.01", "M8 14h8"],
  moon: ["M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z"],
  next: ["M9 6l6 6-6 6"],
  previous: ["M15 6l-6 6 6 6"],
  settings: ["M4 7h9", "M17 7h3", "M15 5v4", "M4 17h3", "M11 17h9", "M9 15v4"],
  sun: [
    "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8z",
    "M12 2v3",
    "M12 19v3",
    "M2 12h3",
    "M19 12h3",
    "M5 5l2 2",
    "M17 17l2 2",
    "M19 5l-2 2",
    "M7 17l-2 2",
  ],
  swap: ["M4 9h15", "M15 5l4 4-4 4", "M20 16H5", "M9 12l-4 4 4 4"],
  text: ["M5 6h14", "M5 6v2", "M19 6v2", "M12 6v13", "M9 19h6"],
  trash: ["M5 7h14", "M9 7V4h6v3", "M7 7l1 13h8l1-13"],
  upload: ["M12 16V4", "M7 9l5-5 5 5", "M5 20h14"],
  why: [
    "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z",
    "M9.5 9.5a2.5 2.5 0 1 1 3.6 2.3c-.8.4-1.1.9-1.1 1.7",
    "M12 16.5h.01",
  ],
};

/** Return the paths of a picture. */
export function shape(name) {
  const found = SHAPES[name];
  if (!found) throw new Error(`There is no icon ${name}.`);
  return found;
}
