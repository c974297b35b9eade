// Calls of the REST API.

import { texts } from "../texts.js";

/** The largest number of records that a page of a table asks for. */
export const PAGE_ROWS = 200;

/** A failed call: a problem of the server (RFC 9457), or no response. */
export class CallError extends Error {
  /**
   * @param {number} status The HTTP status; 0 without a response.
   * @param {any} problem The problem document, if there is one.
   */
  constructor(status, problem) {
    super(problem?.detail || problem?.title || (status ? texts.errors.status(status) : texts.errors.unreachable));
    this.status = status;
    this.problem = problem || {};
  }

  /** The last word of the problem's type, such as `unknown-instance`. */
  get kind() {
    return String(this.problem.type || "").split("/").pop();
  }
}

/** Called when a call fails because there is no session. */
let onSignedOut = () => {};

/** @param {(error: CallError) => void} handler */
export function whenSignedOut(handler) {
  onSignedOut = handler;
}

/** Builds a path from segments, which are percent-encoded, and parameters. */
export function path(segments, parameters = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null && value !== "") query.append(name, String(value));
  }
  const text = query.toString();
  return `/${segments.map(encodeURIComponent).join("/")}${text ? `?${text}` : ""}`;
}

/**
 * Sends a request and returns the response.
 * @param {string} method
 * @param {string} address
 * @param {{json?: any, body?: any, type?: string, headers?: Record<string, string>, signal?: AbortSignal}} options
 */
export async function send(method, address, options = {}) {
  const headers = { "X-Satchel-Request": "1", Accept: "application/json", ...options.headers };
  let body = options.body;
  if (options.json !== undefined) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(options.json);
  } else if (options.type) {
    headers["Content-Type"] = options.type;
  }
  let response;
  try {
    response = await fetch(address, {
      method, headers, body, signal: options.signal, credentials: "same-origin", cache: "no-store",
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new CallError(0, null);
  }
  if (response.ok) return response;
  let problem = null;
  try {
    problem = await response.json();
  } catch {
    // A proxy can answer with something else than a problem document.
  }
  const error = new CallError(response.status, problem);
  if (response.status === 401) onSignedOut(error);
  throw error;
}

/** Sends a request and returns the JSON of its response. */
export async function call(method, address, options) {
  const response = await send(method, address, options);
  return response.status === 204 ? null : response.json();
}

export const get = (address, options) => call("GET", address, options);
export const post = (address, json, options) => call("POST", address, { json, ...options });

/**
 * Returns a page of the records of a kind, and the number of all that match.
 * @param {string} kind
 * @param {{start: number, limit: number, columns: string[], order?: string, criteria?: any}} what
 * @param {AbortSignal} [signal]
 */
export async function records(kind, { start, limit, columns, order, criteria }, signal) {
  let response;
  if (criteria && Object.keys(criteria).length > 0) {
    const json = { type: kind, columns, start, maximum_return_records: limit, search_criteria: criteria };
    if (order) json.order = [{ column: order.replace(/^-/, ""), dir: order.startsWith("-") ? "desc" : "asc" }];
    response = await send("POST", "/rest/search", { json, signal });
  } else {
    const query = new URLSearchParams({ start: String(start), limit: String(limit) });
    for (const column of columns) query.append("columns", column);
    if (order) query.append("order", order);
    response = await send("GET", `${path(["rest", "instance", kind])}?${query}`, { signal });
  }
  const rows = await response.json();
  return { rows, total: Number(response.headers.get("X-Total-Count")) };
}
