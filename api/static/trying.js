// The box to try a text.

import { $, bar, make } from "./dom.js";
import { authorised } from "./stream.js";

export function listen() {
  $("try").addEventListener("submit", (event) => {
    event.preventDefault();
    label($("text").value);
  });
  $("text").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("try").requestSubmit();
  });
}

async function label(text) {
  const button = $("try").querySelector("button");
  button.disabled = true;
  const begun = performance.now();
  try {
    const answer = await fetch("predict", {
      method: "POST",
      headers: authorised({ "Content-Type": "application/json" }),
      body: JSON.stringify({ text }),
    });
    const found = await answer.json();
    if (answer.ok) show(found, performance.now() - begun);
    else complain(answer.status === 401 ? "The token is missing or wrong." : sentence(found.detail));
  } catch {
    complain("The API does not answer.");
  } finally {
    button.disabled = false;
  }
}

function sentence(detail) {
  const words = Array.isArray(detail) ? detail.map((each) => each.what).join("; ") : String(detail);
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
}

function show(found, milliseconds) {
  const rows = Object.entries(found.scores).sort((one, other) => other[1] - one[1]).map(([tone, score], place) =>
    make("div", { class: place ? "tone-row" : "tone-row first", "data-tone": tone },
      make("span", {}, tone), bar(score), make("span", {}, `${(score * 100).toFixed(1)} %`)));
  const notes = [
    `${Math.round(milliseconds)} ms`, `${found.tokens} tokens`,
    found.cached ? "known already" : "scored just now", found.truncated ? "cut to what the model can take" : null,
  ].filter(Boolean).join(" · ");
  const nothing = make("div", { class: "tone-row first" }, "Nothing to score in it");
  $("answer").replaceChildren(...(rows.length ? rows : [nothing]), make("p", {}, notes));
}

function complain(words) {
  $("answer").replaceChildren(make("p", { class: "wrong" }, words));
}
