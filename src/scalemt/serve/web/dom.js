// Making elements. Every text goes in as text: there is no way here to make markup of a string.

import { shape } from "./icons.js";

/**
 * Return a new element.
 *
 * @param {string} tag
 * @param {Record<string, any>} properties attributes by name; also `class`, `text`, `icon`, `data`, and handlers `onclick` …
 *   A value of null, undefined or false leaves the attribute out, true writes it empty.
 * @param {...(Node | string | null | undefined | false)} children strings become text nodes
 */
export function el(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) put(made, name, value);
  made.append(...children.filter((child) => child || child === ""));
  return made;
}

function put(made, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name === "text") made.textContent = value;
  else if (name === "icon") made.prepend(icon(value));
  else if (name === "data") Object.assign(made.dataset, value);
  else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
  else made.setAttribute(name, value === true ? "" : String(value));
}

/** Return a picture by name, hidden from screen readers: what it means is said beside it. */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const picture = document.createElementNS(space, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" })) {
    picture.setAttribute(key, value);
  }
  picture.classList.add("picture");
  for (const line of shape(name)) {
    const path = document.createElementNS(space, "path");
    path.setAttribute("d", line);
    picture.append(path);
  }
  return picture;
}

/** Return the element of that id, which the page is known to have. */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no element #${id}.`);
  return found;
}

/** Replace the children of an element, but for those that stand in their places already. */
export function fill(parent, children) {
  children.forEach((child, place) => {
    if (parent.childNodes[place] !== child) parent.insertBefore(child, parent.childNodes[place] ?? null);
  });
  while (parent.childNodes.length > children.length) parent.lastChild.remove();
}

/** Put the words of `strings.js` and the icons where the page names them. */
export function dress(root, t) {
  const kinds = { text: null, label: "aria-label", title: "title", placeholder: "placeholder" };
  for (const [kind, attribute] of Object.entries(kinds)) {
    for (const found of root.querySelectorAll(`[data-${kind}]`)) {
      const words = t(found.dataset[kind]);
      if (attribute) found.setAttribute(attribute, words);
      else found.textContent = words;
    }
  }
  for (const found of root.querySelectorAll("[data-icon]")) found.prepend(icon(found.dataset.icon));
}
