// Differences: of properties, and of texts line by line.

import { html, useState } from "../core/html.js";
import { label } from "../core/format.js";
import { KINDS } from "../core/model.js";
import { texts } from "../texts.js";
import { Button, RecordLink, Text, Value } from "./basics.js";

/** The differences that are shown before the others are asked for. */
const SHOWN_FIRST = 12;

function Change({ kind, change }) {
  const { property, before, after, secret, text } = change;
  const value = (shown) => html`<${Value} kind=${kind} property=${property} value=${shown} />`;
  const note = secret ? texts.history.secret : text ? texts.history.text : null;
  return html`<tr><th scope="row">${label(property)}</th>
    ${note ? html`<td colspan="2" class="quiet">${note}</td>` : html`<td class="before">${value(before)}</td><td class="after">${value(after)}</td>`}</tr>`;
}

/** The differences of properties: a table of property, value before, value after. */
export function PropertyDifferences({ kind, changes }) {
  const [isLong, setLong] = useState(false);
  if (changes.length === 0) return null;
  const shown = isLong ? changes : changes.slice(0, SHOWN_FIRST);
  return html`<div class="scroll" tabindex="0" role="group" aria-label=${texts.history.differences}><table class="differences"><thead><tr><th scope="col">${texts.history.property}</th>
    <th scope="col">${texts.history.before}</th><th scope="col">${texts.history.after}</th></tr></thead>
    <tbody>${shown.map((change) => html`<${Change} kind=${kind} change=${change} />`)}</tbody></table></div>
    ${shown.length < changes.length && html`<${Button} kind="plain" onClick=${() => setLong(true)}>${texts.record.more(changes.length - shown.length)}<//>`}`;
}

/** A record that a change changed, with its differences. */
export function ChangedRecord({ record, withName = true }) {
  const { type, name, effect, properties, renamed_from: from, renamed_to: to } = record;
  const kind = Object.hasOwn(KINDS, type) ? type : "device";
  return html`<section class="changed">
    ${withName && html`<p class="changed-head"><span class=${`effect ${effect}`}>${texts.history.effect[effect]}</span> <${RecordLink} kind=${kind} name=${name} />
      <span class="quiet kind-name">${texts.kind[type] || type}</span></p>`}
    ${from !== undefined && html`<p><${Text} value=${texts.history.renamedFrom(from)} /></p>`}
    ${to !== undefined && html`<p><${Text} value=${texts.history.renamedTo(to)} /></p>`}
    <${PropertyDifferences} kind=${kind} changes=${properties || []} />
  </section>`;
}

/** The differences of two texts in the unified format of diff. */
export function TextDifferences({ text }) {
  if (text.trim() === "") return html`<p class="quiet">${texts.configuration.same}</p>`;
  const form = (line) => (/^(---|\+\+\+)/.test(line) ? "file" : { "+": "added", "-": "removed", "@": "hunk" }[line[0]] || "");
  return html`<pre class="code diff" tabindex="0" role="group" aria-label=${texts.configuration.difference}>${text.split("\n").map((line) => html`<span class=${form(line)}>${line}${"\n"}</span>`)}</pre>`;
}
