// Long operations: started, followed and cancelled.

import { call, CallError, get, path, send } from "./api.js";

/** How often the progress is read, in milliseconds. */
const POLL_MS = 400;

const wait = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

/**
 * Runs an operation as a job of the server. Returns its report.
 * @param {string} address
 * @param {{json?: any, body?: any, type?: string}} request
 * @param {(job: any) => void} onProgress
 * @throws {CallError} The problem that the call itself would have been answered with.
 */
export async function runJob(address, request, onProgress) {
  const response = await send("POST", address, { ...request, headers: { Prefer: "respond-async" } });
  let job = await response.json();
  if (response.status !== 202) return job;
  const { id } = job;
  while (["waiting", "running", "cancelling"].includes(job.state)) {
    onProgress(job);
    await wait(POLL_MS);
    job = await get(path(["rest", "jobs", id]));
  }
  if (job.state === "finished") return job.report;
  throw new CallError(job.status || 500, job.problem || { title: job.outcome, detail: job.outcome, status: job.status });
}

export const cancelJob = (id) => call("DELETE", path(["rest", "jobs", id]));
