// The status page: follows the status, draws it, and says when what it shows is old.

import { $, say, sign } from "./dom.js";
import { render } from "./render.js";
import { askForToken, follow } from "./stream.js";
import * as trying from "./trying.js";
import { long } from "./words.js";

const STALE = 4;
const began = performance.now();
let heardAt = null;
let last = null;

function heard(status) {
  heardAt = performance.now();
  last = status;
  render(status);
  age();
}

function age() {
  const seconds = (performance.now() - (heardAt ?? began)) / 1000;
  const root = document.documentElement;
  if (heardAt == null) {
    root.dataset.live = seconds < STALE ? "connecting" : "stale";
    if (seconds >= STALE) say($("live-words"), "No answer yet: the API may be down");
    return;
  }
  root.dataset.live = seconds < STALE ? "live" : "stale";
  if (seconds < STALE) {
    say($("live-words"), "Live");
    return;
  }
  say($("live-words"), `Stale: last update ${long(seconds)} ago`);
  $("overall").dataset.state = "starting";
  delete $("overall-sign").dataset.drawn;
  $("overall-sign").replaceChildren(sign("starting"));
  say($("headline"), "The API does not answer");
  delete $("advice").dataset.drawn;
  say($("advice"), "What you see below is old. See whether tonebus api is running; this page continues by itself.");
}

function refused() {
  say($("live-words"), "Waiting for the token");
  return askForToken();
}

trying.listen();
setInterval(age, 500);
addEventListener("resize", () => last && render(last));
follow(heard, refused);
