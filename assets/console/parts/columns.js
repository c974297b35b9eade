// The dialog in which the columns of a table are chosen.

import { records } from "../core/api.js";
import { html, useState } from "../core/html.js";
import { label } from "../core/format.js";
import { defaultColumns } from "../core/kinds.js";
import { KINDS } from "../core/model.js";
import { texts } from "../texts.js";
import { Button, Dialog, Text, useLoaded } from "./basics.js";

/** The records in which custom properties are looked for. */
const SAMPLE_ROWS = 100;

/** Returns every property that a table of the kind can show: those of the model, and those of records. */
async function available(kind, signal) {
  const { properties, inverse } = KINDS[kind];
  const names = new Set(Object.keys(properties).filter((name) => properties[name] !== "secret"));
  Object.keys(inverse).forEach((name) => names.add(name));
  const { rows } = await records(kind, { start: 0, limit: SAMPLE_ROWS, columns: [] }, signal);
  rows.forEach((row) => Object.keys(row).forEach((name) => names.add(name)));
  return [...names].sort();
}

export function ColumnsDialog({ kind, columns, onChange, onClose }) {
  const { data: all = [] } = useLoaded((signal) => available(kind, signal), kind);
  const [sought, setSought] = useState("");
  const matches = (name) => label(name).toLowerCase().includes(sought.trim().toLowerCase().replaceAll("_", " "));
  const toggle = (name) => onChange(columns.includes(name) ? columns.filter((other) => other !== name) : [...columns, name]);
  const up = (at) => {
    const next = [...columns];
    [next[at - 1], next[at]] = [next[at], next[at - 1]];
    onChange(next);
  };
  const choice = (name, extra) => html`<li key=${name}><label><input type="checkbox" checked=${columns.includes(name)}
    disabled=${name === "name"} onChange=${() => toggle(name)} /><span><${Text} value=${label(name)} /></span></label>${extra}</li>`;
  return html`<${Dialog} title=${texts.table.columnsTitle} onClose=${onClose}>
    <div class="dialog-body columns-dialog">
      <input type="search" aria-label=${texts.table.columnsFind} placeholder=${texts.table.columnsFind} value=${sought}
        onInput=${(event) => setSought(event.target.value)} />
      <h3>${texts.table.shownColumns}</h3>
      <ul>${columns.map((name, at) => matches(name) && choice(name, at > 1 && html`
        <${Button} icon="arrow-up" kind="plain" label=${texts.table.up(label(name))} onClick=${() => up(at)} />`))}</ul>
      <h3>${texts.table.otherColumns}</h3>
      <ul>${all.filter((name) => !columns.includes(name) && matches(name)).map((name) => choice(name))}</ul>
    </div>
    <footer class="dialog-actions">
      <${Button} kind="plain" onClick=${() => onChange(defaultColumns(kind))}>${texts.table.columnsReset}<//>
      <${Button} kind="primary" onClick=${onClose}>${texts.table.columnsApply}<//>
    </footer>
  <//>`;
}
