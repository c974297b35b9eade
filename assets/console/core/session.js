// Who works with the console.

import { call, get, post, whenSignedOut } from "./api.js";
import { signal } from "./html.js";
import { texts } from "../texts.js";

/**
 * The state: `starting`, `out` (with a message for the log-in page), or `in` with the user.
 */
export const session = signal({ state: "starting" });

/** The number of records of each kind, for the navigation. */
export const counts = signal({});

whenSignedOut(() => {
  if (session.value.state === "in") {
    session.value = { state: "out", message: texts.login.ended, user: session.value.user };
  }
});

/** Returns whether the user has a right, such as `edit`. */
export function can(right) {
  return session.value.state === "in" && session.value.rights.includes(right);
}

function enter(state) {
  session.value = { state: "in", ...state };
  refreshCounts();
}

/** Asks the server who is logged in. */
export async function start() {
  try {
    enter(await get("/rest/session"));
  } catch (error) {
    session.value = error.status === 401 ? { state: "out" } : { state: "out", message: error.message };
  }
}

/** Logs in. Throws a `CallError` for a wrong name or password. */
export async function logIn(name, password) {
  enter(await post("/rest/session", { name, password }));
}

export async function logOut() {
  try {
    await call("DELETE", "/rest/session");
  } finally {
    session.value = { state: "out", message: texts.login.loggedOut };
  }
}

/** Reads the numbers of records again, after a change. */
export async function refreshCounts() {
  try {
    counts.value = await get("/rest/count");
  } catch {
    // The numbers are an addition to the navigation. A page reports its own errors.
  }
}
