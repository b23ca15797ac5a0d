// Server-sent events by fetch: unlike EventSource it can carry the token.

import { $ } from "./dom.js";

const RETRY = [1000, 2000, 4000];
const SILENCE = 6000;

export function token() {
  return sessionStorage.getItem("token") ?? "";
}

export function authorised(headers = {}) {
  return token() ? { ...headers, Authorization: `Bearer ${token()}` } : headers;
}

/** Show the form for the token, and wait until one is entered. */
export async function askForToken() {
  const [form, field] = [$("token-form"), $("token")];
  form.hidden = false;
  field.focus();
  await new Promise((accept) => {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      accept();
    }, { once: true });
  });
  sessionStorage.setItem("token", field.value);
  field.value = "";
  form.hidden = true;
}

/** Call `heard` with each status; `refused` where a token is asked for. Never gives up. */
export async function follow(heard, refused) {
  for (let failures = 0; ; failures += 1) {
    const stop = new AbortController();
    let guard = setTimeout(() => stop.abort(), SILENCE);
    try {
      const answer = await fetch("events", { headers: authorised(), signal: stop.signal, cache: "no-store" });
      if (answer.status === 401) {
        clearTimeout(guard);
        await refused();
        failures = -1;
        continue;
      }
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let text = ""; ;) {
        const { value, done } = await reader.read();
        if (done) break;
        clearTimeout(guard);
        guard = setTimeout(() => stop.abort(), SILENCE);
        const pieces = (text + value).split("\n\n");
        text = pieces.pop();
        for (const piece of pieces.filter((each) => each.startsWith("data: "))) {
          heard(JSON.parse(piece.slice(6)));
          failures = 0;
        }
      }
    } catch {
      // the mark on the page says that nothing comes; here only the next attempt matters
    } finally {
      clearTimeout(guard);
    }
    await new Promise((wake) => setTimeout(wake, RETRY[Math.min(failures, RETRY.length - 1)]));
  }
}
