// The metrics of the server, as numbers (the text format of Prometheus).

import { send } from "./api.js";

/** Returns the metrics without labels by their names, and those with labels as a list. */
export function parseMetrics(text) {
  const plain = {};
  const labelled = [];
  for (const line of text.split("\n")) {
    const found = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (!found) continue;
    const [, name, labels, value] = found;
    if (labels === undefined) plain[name] = Number(value);
    else labelled.push({ name, labels, value: Number(value) });
  }
  return { plain, labelled };
}

export async function metrics(signal) {
  const response = await send("GET", "/metrics", { signal, headers: { Accept: "text/plain" } });
  return parseMetrics(await response.text());
}

/** Returns the checks of the server's health. A check that has not passed is no failed call. */
export async function readiness(signal) {
  try {
    return await (await send("GET", "/readyz", { signal })).json();
  } catch (error) {
    if (error.status === 503 && error.problem.checks) return error.problem;
    throw error;
  }
}
