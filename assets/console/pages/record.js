// A record: its properties and relations, its configuration, its history, and its JSON.

import { CallError, get, path, send } from "../core/api.js";
import { html, useEffect, useState } from "../core/html.js";
import { isEmpty, label } from "../core/format.js";
import { grouped, icon, isShownAsRelation, relationTarget, title } from "../core/kinds.js";
import { go, link, route } from "../core/route.js";
import { can, refreshCounts, session } from "../core/session.js";
import { Button, ButtonLink, ErrorNotice, Loading, Notice, PageHead, RecordLink, Tabs, Text, useLoaded, Value } from "../parts/basics.js";
import { Configuration } from "../parts/configuration.js";
import { Copyable } from "../parts/copyable.js";
import { DeleteDialog } from "../parts/deletion.js";
import { Editor } from "../parts/editor.js";
import { RecordHistory } from "../parts/record_history.js";
import { texts } from "../texts.js";

/** The related records that are shown before the others are asked for. */
const SHOWN_FIRST = 25;

/** Names that no address can contain: a browser takes them for the folder and its parent. */
const isNoSegment = (name) => name === "." || name === "..";

async function load(kind, name, signal) {
  if (isNoSegment(name)) {
    const [record] = await get(path(["rest", "query", kind], { name }), { signal });
    if (!record) throw new CallError(404, null);
    return { record, etag: null };
  }
  const response = await send("GET", path(["rest", "instance", kind, name]), { signal });
  return { record: await response.json(), etag: response.headers.get("ETag") };
}

function Group({ kind, title: heading, names, record, isEmptyShown }) {
  const shown = names.filter((name) => isEmptyShown || !isEmpty(record[name]));
  if (shown.length === 0) return null;
  return html`<section class="card"><h2>${heading}</h2><dl class="properties">${shown.map((name) => html`
    <div key=${name}><dt>${label(name)}</dt><dd><${Value} kind=${kind} property=${name} value=${record[name]} /></dd></div>`)}</dl></section>`;
}

function Properties({ kind, record }) {
  const [isEmptyShown, setEmptyShown] = useState(false);
  const groups = grouped(kind, record);
  const empty = groups.flatMap(([, names]) => names).filter((name) => isEmpty(record[name])).length;
  return html`<div class="column">
    ${groups.map(([heading, names]) => html`<${Group} key=${heading} kind=${kind} title=${heading} names=${names} record=${record} isEmptyShown=${isEmptyShown} />`)}
    ${empty > 0 && html`<${Button} kind="plain" onClick=${() => setEmptyShown(!isEmptyShown)}>
      ${isEmptyShown ? texts.record.hideEmpty : texts.record.showEmpty(empty)}<//>`}
  </div>`;
}

function Relation({ kind, property, names }) {
  const [isLong, setLong] = useState(false);
  const target = relationTarget(kind, property);
  const shown = isLong ? names : names.slice(0, SHOWN_FIRST);
  return html`<section class="card relation"><h2>${label(property)} <span class="count">${names.length}</span></h2>
    <ul class="names">${shown.map((name) => html`<li key=${name}><${RecordLink} kind=${target} name=${name} /></li>`)}</ul>
    ${shown.length < names.length && html`<${Button} kind="plain" onClick=${() => setLong(true)}>${texts.record.more(names.length - shown.length)}<//>`}
  </section>`;
}

function Relations({ kind, record }) {
  const relations = Object.keys(record)
    .filter((name) => isShownAsRelation(kind, name))
    .map((name) => [name, Array.isArray(record[name]) ? record[name] : record[name] ? [record[name]] : []])
    .filter(([, names]) => names.length > 0);
  return html`<div class="column" role="region" aria-label=${texts.record.relations}>
    ${relations.map(([name, names]) => html`<${Relation} key=${name} kind=${kind} property=${name} names=${names} />`)}
    ${relations.length === 0 && html`<p class="quiet">${texts.record.noRelations}</p>`}</div>`;
}

function Json({ kind, name, record }) {
  const address = `${location.origin}${path(["rest", "instance", kind, name])}`;
  const quoted = `'${address.replaceAll("'", "'\\''")}'`;
  return html`<h2>${texts.record.curl}</h2><${Copyable} label=${texts.record.curl} text=${`curl -u ${session.value.user} ${quoted}`} />
    <h2>${texts.record.tab.json}</h2><${Copyable} label=${texts.record.tab.json} text=${JSON.stringify(record, null, 2)} />`;
}

/** The page of a missing record. Its history can still be there. */
function Missing({ kind, name, error }) {
  return html`<${Notice} kind="warning" title=${texts.record.missingTitle}><p>${texts.record.missing(name)}</p>
    ${error.problem.detail && html`<p class="quiet">${error.problem.detail}</p>`}<//>
    ${kind !== "node" && html`<h2>${texts.record.tab.history}</h2><${RecordHistory} kind=${kind} name=${name} />`}`;
}

export default function RecordPage({ kind: asked, name_: name }) {
  const { query } = route.value;
  const [isDeleting, setDeleting] = useState(false);
  const { data, error, reload } = useLoaded((signal) => load(asked, name, signal), `${asked}/${name}`);
  const kind = asked !== "node" ? asked : data && Array.isArray(data.record.nodes) ? "network" : "device";
  const saved = (newName) => {
    go([asked, newName]);
    reload();
  };
  const deleted = () => {
    refreshCounts();
    go([kind]);
  };
  useEffect(() => {
    // A node has the address of its kind.
    if (asked === "node" && data) location.replace(link([kind, name], query));
  }, [asked, data]);
  const names = isNoSegment(name) ? ["record", "json"] : ["record", ...(kind === "device" ? ["configuration"] : []), "history", "json"];
  const tab = names.includes(query.tab) ? query.tab : "record";
  const tabs = names.map((id) => ({ id, title: texts.record.tab[id], href: link([asked, name], { tab: id === "record" ? "" : id }) }));
  const edit = can("edit") && data && !isNoSegment(name);
  const actions = edit && !query.edit && html`<${ButtonLink} icon="pencil" href=${link([asked, name], { edit: "1" })}>${texts.edit.button}<//>
    ${can("delete") && html`<${Button} icon="trash-2" label=${texts.remove.button} onClick=${() => setDeleting(true)} />`}`;
  const above = html`<a href=${link([kind])}>${title(kind)}</a>`;
  if (error?.status === 404) {
    return html`<${PageHead} icon=${icon(kind)} title=${name} above=${above} /><${Missing} kind=${asked} name=${name} error=${error} />`;
  }
  return html`<${PageHead} icon=${icon(kind)} title=${name} above=${above} actions=${actions}>
      ${data?.record.type && data.record.type !== kind && html`<p class="quiet"><${Text} value=${label(data.record.type)} /></p>`}<//>
    ${isDeleting && html`<${DeleteDialog} kind=${kind} name=${name} onClose=${() => setDeleting(false)} onDeleted=${deleted} />`}
    ${edit && query.edit ? html`<${Editor} kind=${kind} record=${data.record} etag=${data.etag} onSaved=${saved} onCancel=${() => go([asked, name])} />` : html`
    <${Tabs} tabs=${tabs} current=${tab} label=${texts.record.tabs} />
    <${ErrorNotice} error=${error} />
    ${!data && !error && html`<${Loading} />`}
    ${data && tab === "record" && html`<div class="columns"><${Properties} kind=${kind} record=${data.record} /><${Relations} kind=${kind} record=${data.record} /></div>`}
    ${data && tab === "configuration" && html`<${Configuration} name=${name} />`}
    ${data && tab === "history" && html`<${RecordHistory} kind=${kind} name=${name} link=${(number) => link(["history", String(number)])} />`}
    ${data && tab === "json" && html`<${Json} kind=${kind} name=${name} record=${data.record} />`}`}`;
}
