// The dialog that deletes a record. It shows first which records are deleted with it.

import { post } from "../core/api.js";
import { html, useState } from "../core/html.js";
import { KINDS } from "../core/model.js";
import { texts } from "../texts.js";
import { Button, Dialog, ErrorNotice, Loading, RecordLink, useLoaded } from "./basics.js";

/** The records that are listed. */
const SHOWN = 200;

export function RecordList({ records }) {
  const shown = records.slice(0, SHOWN);
  return html`<ul class="record-list">${shown.map(({ type, name }) => html`<li><span class="quiet">${texts.kind[type] || type}</span>
    <${RecordLink} kind=${Object.hasOwn(KINDS, type) ? type : "node"} name=${name} /></li>`)}
    ${shown.length < records.length && html`<li class="quiet">${texts.andMore(records.length - shown.length)}</li>`}</ul>`;
}

export function DeleteDialog({ kind, name, onDeleted, onClose }) {
  const request = { type: kind, names: [name] };
  const { data, error } = useLoaded((signal) => post("/rest/delete", { ...request, dry_run: true }, { signal }), `${kind}/${name}`);
  const [failed, setFailed] = useState(null);
  const [isBusy, setBusy] = useState(false);
  const apply = async () => {
    setBusy(true);
    try {
      await post("/rest/delete", request);
      onDeleted();
    } catch (problem) {
      setFailed(problem);
      setBusy(false);
    }
  };
  const others = (data?.deleted || []).filter((record) => record.name !== name || record.type !== kind);
  return html`<${Dialog} title=${texts.remove.title(name)} onClose=${onClose}>
    <div class="dialog-body">
      <${ErrorNotice} error=${error || failed} />
      ${!data && !error && html`<${Loading} />`}
      ${data && html`<p>${others.length > 0 ? texts.remove.others(others.length) : texts.remove.alone}</p>
        <${RecordList} records=${others} />
        ${data.struck.length > 0 && html`<p>${texts.remove.struck(data.struck.length)}</p><${RecordList} records=${data.struck} />`}
        <p class="quiet">${texts.remove.undo}</p>`}
    </div>
    <footer class="dialog-actions"><${Button} onClick=${onClose}>${texts.cancel}<//>
      <${Button} kind="danger" icon="trash-2" disabled=${!data || isBusy} onClick=${apply}>${texts.remove.apply(others.length + 1)}<//></footer>
  <//>`;
}
