// The dialog that undoes a change. It shows first what the undo would change, and what stands in its way.

import { post } from "../core/api.js";
import { html, useState } from "../core/html.js";
import { label } from "../core/format.js";
import { refreshCounts } from "../core/session.js";
import { texts } from "../texts.js";
import { Button, Dialog, ErrorNotice, Loading, Notice, RecordLink, Text, useLoaded } from "./basics.js";

const SHOWN = 200;

function Records({ records, total }) {
  const shown = records.slice(0, SHOWN);
  return html`<ul class="record-list">${shown.map(({ type, name, effect }) => html`<li><span class=${`effect ${effect}`}>${texts.history.effect[effect]}</span>
    <span class="quiet">${texts.kind[type] || type}</span> <${RecordLink} kind=${type} name=${name} /></li>`)}
    ${shown.length < total && html`<li class="quiet">${texts.andMore(total - shown.length)}</li>`}</ul>`;
}

function Conflicts({ conflicts, total }) {
  const shown = conflicts.slice(0, SHOWN);
  return html`<${Notice} kind="warning" title=${texts.undo.conflicts(total)}><p>${texts.undo.conflictsText}</p>
    <ul>${shown.map(({ type, name, property, reason }) => html`<li><${RecordLink} kind=${type} name=${name} />${property ? `, ${label(property)}` : ""}: <${Text} value=${texts.undo.reason[reason] || label(reason)} /></li>`)}
    ${shown.length < total && html`<li>${texts.andMore(total - shown.length)}</li>`}</ul><//>`;
}

/** @param {{change: number, onDone: (summary: string) => void, onClose: () => void}} properties */
export function UndoDialog({ change, onDone, onClose }) {
  const { data, error } = useLoaded((signal) => post("/rest/undo", { change, dry_run: true }, { signal }), String(change));
  const [failed, setFailed] = useState(null);
  const [isBusy, setBusy] = useState(false);
  const apply = async () => {
    setBusy(true);
    setFailed(null);
    try {
      const json = data.conflicts_total > 0 ? { change, on_conflict: "keep" } : { change };
      const report = await post("/rest/undo", json);
      refreshCounts();
      onDone(report.summary);
    } catch (problem) {
      setFailed(problem);
      setBusy(false);
    }
  };
  const canApply = data && data.records_total > 0;
  return html`<${Dialog} title=${texts.undo.title(change)} onClose=${onClose} wide>
    <div class="dialog-body">
      <${ErrorNotice} error=${error || failed} />
      ${!data && !error && html`<${Loading} />`}
      ${data && html`
        ${data.conflicts_total > 0 && html`<${Conflicts} conflicts=${data.conflicts} total=${data.conflicts_total} />`}
        <p>${data.records_total > 0 ? texts.undo.records(data.records_total) : texts.undo.nothing}</p>
        <${Records} records=${data.records} total=${data.records_total} />
        ${data.administrators_total > 0 && html`<${Notice} kind="warning">${texts.undo.administrators(data.administrators.map((entry) => entry.user || entry.name))}<//>`}
        ${data.left_out_total > 0 && html`<p>${texts.undo.leftOut(data.left_out_total)}</p>`}`}
    </div>
    <footer class="dialog-actions"><${Button} onClick=${onClose}>${texts.cancel}<//>
      <${Button} kind="primary" icon="undo-2" disabled=${!canApply || isBusy} onClick=${apply}>${data?.conflicts_total > 0 ? texts.undo.applyRest : texts.undo.apply}<//></footer>
  <//>`;
}
