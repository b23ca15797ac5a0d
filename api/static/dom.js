// Elements by hand: everything that is shown goes through textContent, never through HTML.

export const $ = (id) => document.getElementById(id);

export function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  dress(element, properties, children);
  return element;
}

export function draw(name, properties = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  dress(element, properties, children);
  return element;
}

function dress(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
}

/** Change a text only where it differs, so that nobody hears the same words again. */
export function say(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

/** Words in which `…` marks what is typed or named literally. */
export function phrase(words) {
  return words.split("`").map((part, place) => (place % 2 ? make("code", {}, part) : part));
}

const PATHS = {
  healthy: "M3 8.5l3.2 3.2L13 5",
  degraded: "M8 3.5v5.5M8 12.4v.1",
  down: "M4 4l8 8M12 4l-8 8",
  starting: "M5.6 6a2.4 2.4 0 1 1 3.6 2.1C8.3 8.600 8 9 8 9.800M8 12.600v.1",
};

export function sign(state) {
  return draw("svg", { viewBox: "0 0 16 16" }, draw("path", { d: PATHS[state] }));
}

export function table(heads, rows) {
  const numeric = heads.map((head) => head.startsWith("#"));
  const cell = (name, value, place) => {
    const element = make(name, numeric[place] ? { class: "number" } : {});
    element.append(...[value].flat());
    return element;
  };
  const head = make("tr", {}, ...heads.map((words, place) => {
    const element = cell("th", words.replace("#", ""), place);
    element.setAttribute("scope", "col");
    return element;
  }));
  const body = rows.map(({ cells, kind }) =>
    make("tr", { class: kind }, ...cells.map((value, place) => cell("td", value, place))));
  return make("table", {}, make("thead", {}, head), make("tbody", {}, ...body));
}

export const sub = (words) => make("span", { class: "sub" }, words);

export function bar(part) {
  const inner = make("i");
  inner.style.width = `${Math.max(0, Math.min(1, part)) * 100}%`;
  return make("div", { class: "bar", "aria-hidden": "true" }, inner);
}
