// The changes of the inventory: the list, and one change with its differences and its undo.

import { get, path } from "../core/api.js";
import { html, useEffect, useState } from "../core/html.js";
import { ORDER } from "../core/kinds.js";
import { link, route, setQuery } from "../core/route.js";
import { can } from "../core/session.js";
import { Button, ErrorNotice, Loading, Notice, PageHead, RecordLink, Text } from "../parts/basics.js";
import { ChangeLine, operationText } from "../parts/changes.js";
import { ChangedRecord } from "../parts/difference.js";
import { UndoDialog } from "../parts/undo.js";
import { texts } from "../texts.js";

/** The changes of a page of the list, and the records of a page of a change. */
const LIMIT = 50;
const TYPING_MS = 300;

/** Loads page after page of a list. */
function usePages(load, key) {
  const [items, setItems] = useState([]);
  const [state, setState] = useState({ isLoading: true });
  const next = async (from, before) => {
    setState({ isLoading: true });
    try {
      const { page, more } = await load(from);
      setItems([...before, ...page]);
      setState({ more });
    } catch (error) {
      setState({ error });
    }
  };
  useEffect(() => {
    setItems([]);
    next(undefined, []);
  }, [key]);
  return { items, ...state, loadMore: () => next(state.more, items), reload: () => next(undefined, []) };
}

function Filters({ query }) {
  const typed = (name) => (event) => {
    const { value } = event.target;
    clearTimeout(typed.waiting);
    typed.waiting = setTimeout(() => setQuery({ [name]: value }), TYPING_MS);
  };
  const chosen = (name) => (event) => setQuery({ [name]: event.target.value });
  return html`<div class="fields">
    <label>${texts.history.filterText}<input type="search" defaultValue=${query.text || ""} onInput=${typed("text")} /></label>
    <label>${texts.history.filterUser}<input type="search" defaultValue=${query.principal || ""} onInput=${typed("principal")} /></label>
    <label>${texts.history.filterType}<select value=${query.type || ""} onChange=${chosen("type")}><option value="">${texts.all}</option>
      ${ORDER.map((kind) => html`<option value=${kind}>${texts.kinds[kind]}</option>`)}</select></label>
    <label>${texts.history.filterSince}<input type="date" defaultValue=${query.since || ""} onChange=${chosen("since")} /></label>
  </div>`;
}

function Names({ names, types }) {
  const total = types.reduce((sum, { created, updated, removed }) => sum + created + updated + removed, 0);
  if (!names || total > 5) return null;
  return html`<p class="changed-names">${names.map(({ type, name }) => html`<span><${RecordLink} kind=${type} name=${name} /></span>`)}</p>`;
}

function List() {
  const { query } = route.value;
  const { text, principal, type, since } = query;
  const load = async (below) => {
    const page = await get(path(["rest", "history"], { text, principal, type, since, below, limit: LIMIT }));
    return { page, more: page.length === LIMIT ? page.at(-1).number : undefined };
  };
  const { items, isLoading, error, more, loadMore, reload } = usePages(load, JSON.stringify(query));
  return html`<${PageHead} icon="history" title=${texts.pages.history} actions=${html`<${Button} icon="refresh-cw" label=${texts.table.refresh} onClick=${reload} />`} />
    <${Filters} query=${query} />
    <${ErrorNotice} error=${error} />
    ${items.length === 0 && !isLoading && !error && html`<${Notice}>${texts.history.noneFound}<//>`}
    <ol class="changes compact">${items.map((change) => html`<li key=${change.number} class="card">
      <h2><a href=${link(["history", String(change.number)])}>${texts.history.change(change.number)}</a><span class="operation">${operationText(change.operation)}</span></h2>
      <p>${texts.history.kinds(change.types)}</p>
      <${Names} names=${change.names} types=${change.types} />
      ${change.message && html`<p><${Text} value=${change.message} /></p>`}
      <${ChangeLine} change=${change} /></li>`)}</ol>
    ${isLoading && html`<${Loading} />`}
    ${more && html`<${Button} onClick=${loadMore}>${texts.history.more}<//>`}`;
}

function Change({ number }) {
  const [change, setChange] = useState(null);
  const [isUndoing, setUndoing] = useState(false);
  const [done, setDone] = useState(null);
  const load = async (after) => {
    const found = await get(path(["rest", "history", number], { after, limit: LIMIT }));
    setChange(found);
    return { page: found.records, more: found.next };
  };
  const { items, isLoading, error, more, loadMore } = usePages(load, number);
  const above = html`<a href=${link(["history"])}>${texts.pages.history}</a>`;
  const undo = change && can("administer") && html`<${Button} icon="undo-2" onClick=${() => setUndoing(true)}>${texts.undo.button}<//>`;
  const facts = change && [[texts.history.address, change.address],
    [texts.history.request, change.request], [texts.history.records, texts.history.kinds(change.types)], [texts.history.message, change.message]];
  return html`<${PageHead} icon="history" title=${texts.history.change(number)} above=${above} actions=${undo}>
      ${change && html`<p class="quiet">${operationText(change.operation)}</p>`}<//>
    ${done && html`<${Notice} kind="good">${done} <a href=${link(["history"])}>${texts.undo.seeHistory}</a><//>`}
    <${ErrorNotice} error=${error} />
    ${change && html`<section class="card"><${ChangeLine} change=${change} /><dl class="properties">${facts.filter(([, value]) => value).map(([name, value]) => html`
      <div><dt>${name}</dt><dd><${Text} value=${value} /></dd></div>`)}</dl>
      ${change.not_kept && html`<p class="quiet">${texts.history.notKept}</p>`}</section>`}
    <div class="changed-records">${items.map((record) => html`<div class="card" key=${`${record.type}/${record.name}`}><${ChangedRecord} record=${record} /></div>`)}</div>
    ${isLoading && html`<${Loading} />`}
    ${more && html`<${Button} onClick=${loadMore}>${texts.history.moreRecords}<//>`}
    ${isUndoing && html`<${UndoDialog} change=${Number(number)} onClose=${() => setUndoing(false)} onDone=${(summary) => { setUndoing(false); setDone(summary); }} />`}`;
}

export default function HistoryPage({ rest }) {
  return rest.length > 0 ? html`<${Change} key=${rest[0]} number=${rest[0]} />` : html`<${List} />`;
}
