// The tone mix of the last hour: a bar for each minute.

import { $, draw, make, say } from "./dom.js";
import { clock, count } from "./words.js";

const ORDER = ["negative", "neutral", "positive"];
const MINUTES = 60;
const SHOWN = 9; // names with a colour; those of a model's own labels may be a hundred
const HUES = 7;
const HEIGHT = 176;
const TOP = 14;
const BASE = 152;

let chosen = null;
let shown = [];
let known = true;

export function tones(status) {
  const now = Math.floor(status.at / 60) * 60;
  const kept = frequent(status.tones);
  const found = new Map(status.tones.map((minute) => [minute.start, folded(minute.tones, kept)]));
  known = status.rates != null || found.size > 0;
  shown = Array.from({ length: MINUTES }, (_, place) => {
    const start = now - (MINUTES - 1 - place) * 60;
    return { start, tones: found.get(start) ?? {} };
  });
  const names = namesIn(shown);
  legend(names);
  const fingerprint = JSON.stringify([shown, $("chart").clientWidth]);
  if ($("chart").dataset.drawn !== fingerprint) {
    $("chart").dataset.drawn = fingerprint;
    $("chart").replaceChildren(picture(names));
  }
  tell();
}

function namesIn(minutes) {
  const found = new Set(minutes.flatMap((minute) => Object.keys(minute.tones)));
  const rest = [...found].filter((name) => !ORDER.includes(name)).sort();
  return [...ORDER, ...rest];
}

/** The names to show: all, or where there are too many, the most frequent. */
function frequent(minutes) {
  const sums = new Map();
  for (const [name, value] of minutes.flatMap((minute) => Object.entries(minute.tones))) {
    sums.set(name, (sums.get(name) ?? 0) + value);
  }
  const ranked = [...sums].sort((one, other) => other[1] - one[1]).map(([name]) => name);
  return new Set(ranked.slice(0, ranked.length > SHOWN ? SHOWN - 1 : SHOWN));
}

function folded(tones, kept) {
  const found = {};
  for (const [name, value] of Object.entries(tones)) {
    const shown = kept.has(name) ? name : "others";
    found[shown] = (found[shown] ?? 0) + value;
  }
  return found;
}

/** What colours a tone: its name, and for one that is not canonical its place among those. */
function marks(name, names) {
  return ORDER.includes(name) ? { "data-tone": name }
    : { "data-tone": name, "data-hue": (names.indexOf(name) - ORDER.length) % HUES };
}

const total = (tones) => Object.values(tones).reduce((sum, value) => sum + value, 0);

const sumsOf = (names) =>
  names.map((name) => [name, shown.reduce((sum, each) => sum + (each.tones[name] ?? 0), 0)]);

const nothing = () => (known ? "No event in the last hour." : "No daemon reports at present.");

function legend(names) {
  const sums = sumsOf(names);
  const all = sums.reduce((sum, [, value]) => sum + value, 0);
  $("legend").replaceChildren(...sums.filter(([, value]) => value || !all).map(([name, value]) =>
    make("li", marks(name, names), make("i", { class: "swatch", "aria-hidden": "true" }), name, " ",
      make("b", {}, all ? `${Math.round((100 * value) / all)} %` : "–"))));
}

function picture(names) {
  const width = Math.max(280, $("chart").clientWidth);
  const highest = Math.max(...shown.map((each) => total(each.tones)));
  const scale = highest ? (BASE - TOP) / nice(highest) : 0;
  const step = width / MINUTES;
  const image = draw("svg", {
    viewBox: `0 0 ${width} ${HEIGHT}`, preserveAspectRatio: "none", tabindex: "0", role: "img",
    "aria-label": summary(names),
  });
  for (const part of [1, 0.5]) {
    const y = BASE - (BASE - TOP) * part;
    image.append(draw("line", { x1: 0, x2: width, y1: y, y2: y }));
    if (highest && nice(highest) * part >= 1) {
      image.append(draw("text", { x: 0, y: y - 4 }, count(nice(highest) * part) + (part === 1 ? " a minute" : "")));
    }
  }
  shown.forEach((minute, place) => {
    let y = BASE;
    image.append(draw("rect", {
      class: "slot", "data-place": place, x: place * step, y: 0, width: step, height: BASE,
    }));
    for (const name of names) {
      const height = (minute.tones[name] ?? 0) * scale;
      if (!height) continue;
      y -= height;
      image.append(draw("rect", {
        ...marks(name, names), x: place * step + step * 0.12, y, width: step * 0.76,
        height: Math.max(height - 0.6, 0.6), rx: Math.min(1.5, step * 0.2), "pointer-events": "none",
      }));
    }
  });
  image.append(draw("line", { x1: 0, x2: width, y1: BASE, y2: BASE }));
  shown.forEach(({ start }, place) => {
    // a quarter of an hour, where there is room beside the edges
    if (start % 900 || place < 3 || place > MINUTES - 6) return;
    image.append(draw("text", { x: (place + 0.5) * step, y: BASE + 18, "text-anchor": "middle" }, clock(start)));
  });
  image.append(draw("text", { x: width, y: BASE + 18, "text-anchor": "end" }, "now"));
  listen(image);
  return image;
}

/** The next round number from here up. */
function nice(value) {
  const size = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 3, 4, 5, 6, 8, 10].map((each) => each * size).find((each) => each >= value);
}

function summary(names) {
  const parts = sumsOf(names).filter(([, value]) => value).map(([name, value]) => `${count(value)} ${name}`);
  return parts.length ? `Events of the last hour: ${parts.join(", ")}. Arrow keys read minute by minute.` : nothing();
}

function listen(image) {
  image.addEventListener("pointermove", (event) => choose(event.target.dataset?.place));
  image.addEventListener("pointerleave", () => choose(null));
  image.addEventListener("blur", () => choose(null));
  image.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    choose(Math.min(MINUTES - 1, Math.max(0, (chosen ?? MINUTES) + step)));
  });
}

function choose(place) {
  chosen = place == null ? null : Number(place);
  for (const slot of document.querySelectorAll("#chart .slot")) {
    slot.classList.toggle("chosen", Number(slot.dataset.place) === chosen);
  }
  tell();
}

function tell() {
  if (chosen == null) {
    say($("readout"), shown.some((each) => total(each.tones)) ? "Point at a minute to read it." : nothing());
    return;
  }
  const { start, tones: found } = shown[chosen];
  const parts = namesIn([{ tones: found }]).filter((name) => found[name])
    .map((name) => `${count(found[name])} ${name}`);
  say($("readout"), `${clock(start)}  ${parts.join(", ") || "no event"}`);
}
