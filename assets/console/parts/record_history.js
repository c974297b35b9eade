// The history of a record.

import { get, path } from "../core/api.js";
import { html, useEffect, useState } from "../core/html.js";
import { texts } from "../texts.js";
import { Button, ErrorNotice, Loading, Notice } from "./basics.js";
import { ChangeLine, operationText } from "./changes.js";
import { ChangedRecord } from "./difference.js";

/** The changes that are loaded at a time. */
const LIMIT = 20;

export function RecordHistory({ kind, name, link }) {
  const [changes, setChanges] = useState([]);
  const [state, setState] = useState({ isLoading: true });
  const load = async (below) => {
    setState({ isLoading: true });
    try {
      const found = await get(path(["rest", "instance", kind, name, "history"], { below, limit: LIMIT }));
      setChanges((before) => [...(below ? before : []), ...found]);
      setState({ hasMore: found.length === LIMIT });
    } catch (error) {
      setState({ error });
    }
  };
  useEffect(() => { load(); }, [kind, name]);
  if (changes.length === 0 && state.isLoading) return html`<${Loading} />`;
  return html`
    <${ErrorNotice} error=${state.error} />
    ${changes.length === 0 && !state.error && html`<${Notice}>${texts.history.none}<//>`}
    <ol class="changes">${changes.map((change) => html`<li key=${change.number} class="card">
      <h2>${link ? html`<a href=${link(change.number)}>${texts.history.change(change.number)}</a>` : texts.history.change(change.number)}
        <span class="operation">${operationText(change.operation)}</span></h2>
      <${ChangeLine} change=${change} />
      ${change.message && html`<p>${change.message}</p>`}
      ${change.not_kept && html`<p class="quiet">${texts.history.notKept}</p>`}
      ${change.other_record && html`<p class="quiet">${texts.history.other}</p>`}
      ${(change.records || []).map((record) => html`<${ChangedRecord} record=${record} withName=${record.name !== name || record.effect !== "updated"} />`)}
    </li>`)}</ol>
    ${state.hasMore && html`<${Button} onClick=${() => load(changes.at(-1).number)} disabled=${state.isLoading}>${texts.history.more}<//>`}`;
}
