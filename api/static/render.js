// The whole status, drawn again each second.

import { tones } from "./chart.js";
import { $, bar, make, phrase, say, sign, sub, table } from "./dom.js";
import { bytes, count, long, rate, share, span } from "./words.js";

export function render(status) {
  document.title = status.state === "healthy" ? "Tonebus" : `${status.headline} – Tonebus`;
  say($("version"), status.version);
  overall(status);
  parts(status);
  numbers(status);
  tones(status);
  incidents(status);
  queues(status);
  parked(status);
  languages(status);
  processes(status);
  shadow(status);
}

/** Draw again only what differs: what is being read must not jump. */
function redraw(where, content, build) {
  const fingerprint = JSON.stringify(content);
  if (where.dataset.drawn === fingerprint) return;
  where.dataset.drawn = fingerprint;
  where.replaceChildren(...[build(content)].flat());
}

function overall(status) {
  $("overall").dataset.state = status.state;
  redraw($("overall-sign"), status.state, sign);
  say($("headline"), status.headline);
  redraw($("advice"), status.advice || subtitle(status), phrase);
}

function subtitle(status) {
  const { rates } = status;
  if (status.state !== "healthy" || !rates) return "";
  if (!rates.events) return "Waiting for messages.";
  return `Publishing ${rate(rates.events)} events/s.`;
}

function parts(status) {
  redraw($("parts"), status.parts, (found) => Object.values(found).map((part) =>
    make("li", { "data-state": part.state },
      make("span", { class: "sign", role: "img", "aria-label": part.state }, sign(part.state)),
      make("div", {}, make("strong", {}, part.title), make("span", {}, part.detail)))));
}

function numbers(status) {
  const { rates, latency } = status;
  const waiting = sum(status.queues.filter((queue) => queue.role === "source"));
  const [number, unit] = span(latency?.p50);
  const tiles = [
    ["Messages in", rate(rates?.deliveries), rates ? "/s" : "", "delivered, last 10 s"],
    ["Events out", rate(rates?.events), rates ? "/s" : "", rates ? `${rate(rates.scored)} scored /s` : ""],
    ["Latency", number, unit, latency ? tail(latency) : "delivery to confirm"],
    ["Cache hits", share(status.cache_share), status.cache_share == null ? "" : "%", "of the last minute"],
    ["In flight", count(status.in_flight), "", status.waiting == null ? "" : `${count(status.waiting)} await a score`],
    ["Waiting", status.queues.length ? count(waiting) : "–", "", "in source queues"],
  ];
  redraw($("numbers"), tiles, () => tiles.map(([title, value, small, foot]) =>
    make("div", {}, make("dt", {}, title),
      make("dd", {}, value, small ? make("small", {}, small) : null),
      make("dd", { class: "foot" }, foot))));
}

function tail({ p95, p99 }) {
  const [one, other] = [span(p95), span(p99)];
  return `p95 ${one[0]}${one[1] === other[1] ? "" : ` ${one[1]}`} · p99 ${other.join(" ")}`;
}

const sum = (queues) => queues.reduce((total, queue) => total + queue.messages, 0);

function incidents(status) {
  const found = status.incidents.map((incident) => ({ ...incident, ago: long(status.at - incident.last) }));
  redraw($("incidents"), found, () => found.length ? found.map((incident) =>
    make("li", {},
      make("span", { class: "when" }, `${incident.ago} ago${incident.count > 1 ? ` · ${count(incident.count)}×` : ""} · ${incident.who}`),
      make("div", {}, ...phrase(incident.words)), make("div", { class: "fix" }, ...phrase(incident.fix))))
    : make("li", { class: "empty" }, "None since the processes started."));
}

const ROLES = {
  source: "messages to label", scoring: "requests to workers",
  parked: "could not be labelled", unrouted: "events that no queue is bound for",
};

function queues(status) {
  redraw($("queues"), status.queues, (found) => found.length
    ? table(["Queue", "#Ready", "#Consumers"], found.map((queue) => ({
      cells: [[queue.name, sub(ROLES[queue.role])], count(queue.messages), count(queue.consumers)],
    })))
    : make("p", { class: "empty" }, "RabbitMQ reports no queue now."));
}

const barred = (name, part, words) =>
  make("div", { class: "meter-row" }, make("span", {}, name), bar(part), make("span", {}, words));

/** Bars for counts, each as long as its share of the largest. */
function rowsOf(counts) {
  const most = Math.max(1, ...counts.map(([, value]) => value));
  return counts.map(([name, value]) => barred(name, value / most, count(value)));
}

function parked(status) {
  const found = Object.entries(status.parked);
  const skipped = Object.values(status.skipped).reduce((total, value) => total + value, 0);
  redraw($("parked"), [found, skipped, status.duplicates, status.rates == null], () => [
    ...(found.length ? rowsOf(found)
      : [make("p", { class: "empty" }, status.rates ? "Nothing was parked." : "No daemon reports.")]),
    ...(status.rates ? [make("p", { class: "empty" },
      `${count(skipped)} skipped, ${count(status.duplicates)} duplicates avoided since the start.`)] : []),
  ]);
}

function languages(status) {
  const found = Object.entries(status.languages).slice(0, 8);
  redraw($("languages"), [found, status.unread], () => [
    ...(found.length ? rowsOf(found)
      : [make("p", { class: "empty" }, status.rates ? "No event yet." : "No daemon reports.")]),
    ...(status.unread ? [make("p", { class: "empty" },
      `${count(status.unread)} without a tone, since no model reads the language.`)] : []),
  ]);
}

function processes(status) {
  const rows = [...status.daemons.map((each) => daemon(each, status)), ...status.workers.map((each) => worker(each, status))];
  redraw($("processes"), rows.map((row) => JSON.stringify(row.facts)), () => rows.length
    ? table(["Process", "State", "Up", "#Rate", "#Memory", "Serves"], rows)
    : make("p", { class: "empty" }, "No process reports."));
}

function daemon(each, status) {
  const silent = each.lost;
  const state = silent ? `no report for ${long(each.silent)}` : each.state;
  const up = long(status.at - each.since);
  const speed = silent ? "–" : `${rate(each.rates.events)} /s`;
  return {
    kind: silent ? "gone" : null,
    facts: [each.instance, state, up, speed, each.memory, each.in_flight],
    cells: [[`daemon ${each.pid}`, sub(each.host)], state, up, speed, bytes(each.memory),
      [`${count(each.in_flight)} in flight`, sub(`at most ${bytes(each.worst_case)} held`)]],
  };
}

function worker(each, status) {
  const silent = each.lost;
  const state = silent ? `no report for ${long(each.silent)}` : each.busy > 0.005 ? `${share(each.busy)} % busy` : "idle";
  const up = long(status.at - each.since);
  const speed = `${rate(each.rate)} texts/s`;
  return {
    kind: silent ? "gone" : null,
    facts: [each.instance, state, up, speed, each.memory],
    cells: [[`worker ${each.pid}`, sub(each.host)], state, up, speed, bytes(each.memory),
      [each.model, make("span", { class: "sub", title: each.why },
        [each.revision.slice(0, 12), each.device, each.precision, `${each.threads} ${each.threads === 1 ? "thread" : "threads"}`]
          .filter(Boolean).join(" · "))]],
  };
}

function shadow(status) {
  const found = Object.entries(status.shadow);
  $("shadow-card").hidden = !found.length;
  redraw($("shadow"), found, () => found.map(([name, { same, of }]) =>
    barred(name, of ? same / of : 0, of ? `${((100 * same) / of).toFixed(1)} % of ${of}` : "–")));
}
