// A list of changes of the inventory.

import { html } from "../core/html.js";
import { agoText, label, timeText } from "../core/format.js";
import { texts } from "../texts.js";
import { Text } from "./basics.js";

/** Returns the name of an operation for people. */
export const operationText = (operation) => texts.history.operation[operation] || label(operation);

/** When a change was made, and by whom. */
export function ChangeLine({ change }) {
  return html`<p class="change-line">
    <time dateTime=${change.time} title=${change.time}>${timeText(change.time)} <span class="quiet">(${agoText(change.time)})</span></time>
    <span class="who-did"><${Text} value=${texts.history.by(change.principal)} /></span></p>`;
}
