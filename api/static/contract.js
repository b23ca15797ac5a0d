// The contract page: reads /asyncapi.json once, and shows it as tables.

import { $, make, say, sub, table } from "./dom.js";
import { askForToken, authorised } from "./stream.js";

const NAME = /^#\/(?:components|channels)\/.*\/([^/]+)$/;

async function read() {
  const answer = await fetch("../asyncapi.json", { headers: authorised(), cache: "no-store" });
  if (answer.status !== 401) return answer;
  await askForToken();
  return read();
}

const code = (words) => make("code", {}, String(words));
const named = (reference) => reference?.match(NAME)?.[1] ?? reference ?? "";

function exchanges(channels) {
  const rows = channels.filter((each) => each.bindings.amqp.exchange).map((each) => {
    const { name, type } = each.bindings.amqp.exchange;
    const messages = Object.values(each.messages ?? {}).map((one) => code(named(one.$ref)));
    return { cells: [code(name), type, (each.description ?? "").replace("Routing keys: ", ""), spaced(messages)] };
  });
  return table(["Exchange", "Type", "Routing keys", "Messages"], rows);
}

function queues(channels) {
  const rows = channels.filter((each) => each.bindings.amqp.queue).map((each) => {
    const settings = Object.entries(each["x-arguments"] ?? {}).map(([name, value]) => sub(`${name} = ${value}`));
    return { cells: [code(each.bindings.amqp.queue.name), settings.length ? settings : ""] };
  });
  return table(["Queue", "Declared with"], rows);
}

const spaced = (nodes) => nodes.flatMap((node, place) => (place ? [" ", node] : [node]));

/** A type in words: `string`, `list of Label`, `object of number`. */
function kind(schema) {
  if (schema.$ref) return named(schema.$ref);
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((each) => JSON.stringify(each)).join(" or ");
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return choices.map(kind).join(" or ");
  if (schema.type === "array") return `list of ${schema.items ? kind(schema.items) : "anything"}`;
  if (schema.additionalProperties?.type) return `object of ${kind(schema.additionalProperties)}`;
  return [schema.format ?? schema.type ?? "anything"].flat().join(" or ");
}

function fields(schema) {
  const required = new Set(schema.required ?? []);
  const rows = Object.entries(schema.properties ?? {}).map(([name, each]) => ({
    cells: [code(name), kind(each), required.has(name) ? "yes" : "no", each.description ?? ""],
  }));
  return rows.length ? table(["Field", "Type", "Required", "Meaning"], rows) : make("p", {}, kind(schema));
}

function folded(id, name, note, ...content) {
  const scroll = make("div", { class: "scroll", role: "group", "aria-label": name, tabindex: "0" }, ...content);
  return make("details", { id, class: "fold" },
    make("summary", {}, code(name), note ? ` ${note}` : null), scroll);
}

function messages({ messages: found, schemas }) {
  const told = Object.entries(found).map(([name, each]) => {
    const payload = each.payload?.$ref
      ? make("p", {}, "Payload: ", code(named(each.payload.$ref)))
      : fields(each.payload ?? {});
    const about = make("p", { class: "quiet" }, `${each.title ?? ""} (${each.contentType ?? "any content type"})`);
    return folded(`message-${name}`, name, "message", about, payload, each.headers && fields(each.headers));
  });
  const shapes = Object.entries(schemas ?? {}).map(([name, each]) =>
    folded(`schema-${name}`, name, "schema", each.description && make("p", { class: "quiet" }, each.description), fields(each)));
  return [...told, ...shapes];
}

try {
  const answer = await read();
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const contract = await answer.json();
  const channels = Object.values(contract.channels);
  $("exchanges").replaceChildren(exchanges(channels));
  $("queues").replaceChildren(queues(channels));
  $("messages").replaceChildren(...messages(contract.components));
  say($("version"), contract.info.version);
  say($("summary"), `${contract.info.description} It speaks AMQP ${contract.servers.rabbitmq.protocolVersion} with RabbitMQ at ${contract.servers.rabbitmq.host}.`);
} catch (error) {
  say($("summary"), `The contract cannot be read now (${error.message}): see whether tonebus api is running.`);
}
