// Owns the part that shows what was had, by day and token, and how the service is.

import { ServiceError, call } from "./api.js";
import { chart } from "./chart.js";
import { $, node, table } from "./dom.js";
import { keep } from "./memory.js";
import { serviceState } from "./service_state.js";
import { session } from "./session.js";

const LOOK_EVERY_MS = 5_000;
const DAY_MS = 86_400_000;
const SECRET = "The secret of the settings";

const AMOUNTS = [
  { title: "Requests", all: (row) => row.requests, cached: (row) => row.cached.requests },
  { title: "Characters", all: (row) => row.characters, cached: (row) => row.cached.characters },
  { title: "Seconds of speech", all: (row) => row.audio_seconds, cached: (row) => row.cached.audio_seconds },
  { title: "Refusals", all: (row) => row.refused, cached: null },
];

/** Of `GET /v1/usage`; `null` until it was asked for. */
let usage = null;
let looking = 0;

const nameOf = ({ token }) => token ?? SECRET;
const show = (amount) => amount.toLocaleString(undefined, { maximumFractionDigits: 1 });
const sum = (rows, of) => rows.reduce((total, row) => total + of(row), 0);

export function opened() {
  clearInterval(looking);
  looking = setInterval(() => ($("part-use").hidden ? clearInterval(looking) : document.hidden || lookAtState()), LOOK_EVERY_MS);
  look();
}

async function look() {
  if (!session.limits) {
    usage = null;
    for (const id of ["use-charts", "use-table"]) $(id).replaceChildren();
    $("use-state").textContent = "Enter a token to see what it has had.";
    return lookAtState();
  }
  try {
    usage = await (await call("v1/usage")).json();
    draw();
  } catch (error) {
    $("use-state").textContent = ServiceError.of(error).message;
  }
  await lookAtState();
}

async function lookAtState() {
  const text = await serviceState(usage?.is_shared).catch((error) => ServiceError.of(error).message);
  if ($("service-state").textContent !== text) $("service-state").textContent = text;
}

function draw() {
  const tokens = [...new Set(usage.data.map(nameOf))].sort();
  const select = $("use-token");
  const before = select.value;
  select.replaceChildren(new Option("All that this token may see", ""), ...tokens.map((name) => new Option(name)));
  select.value = tokens.includes(before) ? before : "";
  drawChosen();
}

function drawChosen() {
  if (!usage) return;
  const wanted = $("use-token").value;
  const days = daysUntil(usage.to, Number($("use-days").value));
  const rows = usage.data.filter((row) => (!wanted || nameOf(row) === wanted) && row.day >= days[0]);
  const scope = usage.is_shared ? "Of all replicas" : "Of this process, since it was started";
  $("use-state").textContent = `${scope}, from ${days[0]} to ${usage.to} (UTC).`;
  $("use-charts").replaceChildren(...AMOUNTS.map((amount) => picture(amount, rows, days)));
  const cells = rows.toReversed().map((row) => [row.day, nameOf(row), ...AMOUNTS.flatMap(({ all, cached }) => [all, cached].filter(Boolean).map((of) => show(of(row))))]);
  const head = ["Day", "Token", ...AMOUNTS.flatMap(({ title, cached }) => (cached ? [title, `${title} from the cache`] : [title]))];
  $("use-table").replaceChildren(rows.length ? table("Use by day and token", head, cells) : "Nothing was had yet.");
}

function picture({ title, all, cached }, rows, days) {
  const bars = days.map((day) => {
    const own = rows.filter((row) => row.day === day);
    return { day, all: sum(own, all), part: cached ? sum(own, cached) : 0 };
  });
  const total = sum(rows, all);
  const part = cached && total ? `, ${Math.round((100 * sum(rows, cached)) / total)}% of them from the cache` : "";
  const words = `${show(total)}${part}`;
  return node("figure", {},
    node("figcaption", {}, node("h3", {}, title), node("p", {}, words)),
    chart(`${title} by day: ${words}`, bars, cached ? "made" : "refused", cached && "from the cache"));
}

function daysUntil(last, count) {
  const end = Date.parse(last);
  return Array.from({ length: count }, (_, at) => new Date(end - (count - 1 - at) * DAY_MS).toISOString().slice(0, 10));
}

keep($("use-days"));
for (const id of ["use-token", "use-days"]) $(id).addEventListener("change", drawChosen);
session.addEventListener("change", () => $("part-use").hidden || look());
