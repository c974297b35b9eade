// The first page: what the inventory holds, what needs attention, what has changed last.

import { get, path } from "../core/api.js";
import { html } from "../core/html.js";
import { agoText, bytesText, numberText } from "../core/format.js";
import { icon, ORDER, title } from "../core/kinds.js";
import { metrics, readiness } from "../core/metrics.js";
import { link } from "../core/route.js";
import { can, counts, session } from "../core/session.js";
import { ErrorNotice, Icon, Loading, Notice, PageHead, useLoaded } from "../parts/basics.js";
import { ChangeLine, operationText } from "../parts/changes.js";
import { texts } from "../texts.js";

/** The changes that are shown. */
const CHANGES = 8;

/** Operations that bring many records. */
const IMPORTS = ["import_project", "import_topology", "restore"];

async function lastImport(signal) {
  const lists = await Promise.all(IMPORTS.map((operation) => get(path(["rest", "history"], { operation, limit: 1 }), { signal })));
  return lists.flat().sort((a, b) => b.number - a.number)[0] || null;
}

async function load(signal) {
  const allowed = (right, promise) => (can(right) ? promise().catch(() => null) : null);
  const [changes, ready, imported, numbers, backups] = await Promise.all([
    get(path(["rest", "history"], { limit: CHANGES }), { signal }),
    readiness(signal),
    lastImport(signal),
    allowed("feeds", () => metrics(signal)),
    allowed("backup", () => get("/rest/backups", { signal })),
  ]);
  return { changes, ready, imported, numbers: numbers?.plain, backups: backups?.backups };
}

function Warnings({ data }) {
  const failed = data.ready.checks.filter((check) => !check.passed);
  return html`
    ${session.value.public_password && html`<${Notice} kind="warning" title=${texts.overview.passwordTitle}>${texts.overview.password} <a href=${link(["access"])}>${texts.overview.passwordLink}</a><//>`}
    ${failed.map((check) => html`<${Notice} kind="error" key=${check.check} title=${texts.checks[check.check] || check.check}>${check.detail}<//>`)}`;
}

/** Returns the time of the newest backup of a list. */
const newest = (backups) => backups.map((backup) => backup.manifest?.made).filter(Boolean).sort().at(-1);

function Facts({ data }) {
  const { imported, numbers, backups } = data;
  const free = numbers?.satchel_data_directory_free_bytes;
  const size = numbers?.satchel_data_directory_size_bytes;
  const backup = backups && newest(backups);
  return html`<section class="card"><h2>${texts.overview.state}</h2><dl class="properties">
    <div><dt>${texts.overview.lastImport}</dt><dd>${imported ? html`<a href=${link(["history", String(imported.number)])}>${operationText(imported.operation)}</a>, ${agoText(imported.time)}` : texts.overview.noImport}</dd></div>
    ${backups && html`<div><dt>${texts.overview.backups}</dt><dd>${backups.length === 0 ? texts.overview.noBackup : `${numberText(backups.length)}${backup ? `, ${texts.overview.newest(agoText(backup))}` : ""}`}</dd></div>`}
    ${free !== undefined && html`<div><dt>${texts.overview.disk}</dt><dd>${texts.overview.free(bytesText(free), bytesText(size))}
      <meter min="0" max=${size} low=${size * 0.1} optimum=${size} value=${free} aria-label=${texts.overview.disk}></meter></dd></div>`}
    <div><dt>${texts.overview.health}</dt><dd>${data.ready.ready ? html`<span class="good-text"><${Icon} name="check" /> ${texts.overview.allPassed}</span>` : texts.overview.notAllPassed}</dd></div>
  </dl></section>`;
}

function Changes({ changes }) {
  return html`<section class="card"><h2>${texts.overview.changes}</h2>
    ${changes.length === 0 && html`<p class="quiet">${texts.history.none}</p>`}
    <ol class="short-changes">${changes.map((change) => html`<li key=${change.number}>
      <a href=${link(["history", String(change.number)])}>${operationText(change.operation)}</a>
      <p class="quiet">${texts.history.kinds(change.types)}</p><${ChangeLine} change=${change} /></li>`)}</ol></section>`;
}

export default function Overview() {
  const { data, error } = useLoaded(load, "overview");
  return html`<${PageHead} icon="house" title=${texts.pages.overview} />
    <ul class="tiles">${ORDER.map((kind) => html`<li key=${kind}><a href=${link([kind])}><${Icon} name=${icon(kind)} size=${20} />
      <span class="number">${counts.value[kind] === undefined ? "…" : numberText(counts.value[kind])}</span><span>${title(kind)}</span></a></li>`)}</ul>
    <${ErrorNotice} error=${error} />
    ${!data && !error && html`<${Loading} />`}
    ${data && html`<${Warnings} data=${data} /><div class="columns"><${Changes} changes=${data.changes} /><${Facts} data=${data} /></div>`}`;
}
