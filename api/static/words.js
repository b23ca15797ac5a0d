// Numbers and times as people read them.

const whole = new Intl.NumberFormat("en");

export function count(value) {
  return value == null ? "–" : whole.format(Math.round(value));
}

export function rate(value) {
  if (value == null) return "–";
  return value > 0 && value < 9.95 ? value.toFixed(1) : count(value);
}

export function share(value) {
  return value == null ? "–" : `${Math.round(value * 100)}`;
}

/** A length of time: its number and its unit. */
export function span(seconds) {
  if (seconds == null) return ["–", ""];
  if (seconds < 0.9995) return [(seconds * 1000).toFixed(seconds < 0.00995 ? 1 : 0), "ms"];
  if (seconds < 99.5) return [seconds.toFixed(seconds < 9.95 ? 1 : 0), "s"];
  return [(seconds / 60).toFixed(0), "min"];
}

export function long(seconds) {
  if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

export function bytes(value) {
  if (!value) return "–";
  const mega = value / 1e6;
  return mega < 1000 ? `${Math.round(mega)} MB` : `${(mega / 1000).toFixed(1)} GB`;
}

export function clock(epoch) {
  return new Date(epoch * 1000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}
