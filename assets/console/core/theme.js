// Light or dark: as the system says, or as the user chose in this browser.

import { signal } from "./html.js";

const KEY = "satchel.theme";

function stored() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    // A browser can forbid storage.
    return null;
  }
}

const system = window.matchMedia("(prefers-color-scheme: dark)");
const name = () => stored() || (system.matches ? "dark" : "light");

/** `light` or `dark`. */
export const theme = signal(name());

function show() {
  theme.value = name();
  document.documentElement.dataset.theme = theme.value;
}

export function toggleTheme() {
  const next = theme.value === "dark" ? "light" : "dark";
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // Then the choice holds until the page is loaded again.
  }
  theme.value = next;
  document.documentElement.dataset.theme = next;
}

system.addEventListener("change", show);
show();
