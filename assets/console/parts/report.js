// The report of an import, of a restore, or of their dry runs.

import { html } from "../core/html.js";
import { label, numberText, valueText } from "../core/format.js";
import { texts } from "../texts.js";
import { Notice, Text } from "./basics.js";

/** The columns of the numbers: each is a member of the report of a kind. */
const NUMBERS = ["created", "updated", "unchanged", "removed", "adjusted", "rejected"];

function Kinds({ types }) {
  const shown = types.filter((kind) => NUMBERS.some((name) => kind[name] > 0));
  if (shown.length === 0) return html`<p class="quiet">${texts.report.noRecords}</p>`;
  return html`<div class="scroll" tabindex="0" role="group" aria-label=${texts.report.numbers}><table class="list numbers"><thead><tr><th scope="col">${texts.report.type}</th>
    ${NUMBERS.map((name) => html`<th scope="col">${texts.report.number[name]}</th>`)}</tr></thead>
    <tbody>${shown.map((kind) => html`<tr key=${kind.type}><th scope="row">${texts.kinds[kind.type] || kind.type}</th>${NUMBERS.map((name) => html`
      <td class=${kind[name] > 0 ? `has-${name}` : "quiet"}>${numberText(kind[name])}</td>`)}</tr>`)}</tbody></table></div>`;
}

/** Where something is in the file: a cell, or a line of a document. */
function placeText(place, entry = {}) {
  const parts = [place.cell || entry.document || (place.row && texts.report.row(place.row)), place.line && texts.report.line(place.line), place.record];
  return parts.filter(Boolean).join(", ");
}

function Problems({ title, kind, list }) {
  if (!list || list.total === 0) return null;
  return html`<section class="card report-list"><h2><span class=${`effect ${kind}`}>${numberText(list.total)}</span> ${title}</h2>
    <ul>${list.shown.map((entry) => html`<li><p>${entry.property && html`<strong><${Text} value=${label(entry.property)} /></strong>: `}
      <${Text} value=${entry.detail || entry.rule || ""} />${entry.value !== undefined && html` <code><${Text} value=${valueText(entry.value).slice(0, 200)} /></code>`}
      ${entry.count > 1 && html` <span class="quiet">(${numberText(entry.count)} ×)</span>`}</p>
      <p class="places"><${Text} value=${(entry.places || []).slice(0, 8).map((place) => placeText(place, entry)).join(" · ")} /></p></li>`)}
      ${list.groups_left_out > 0 && html`<li class="quiet">${texts.andMore(list.groups_left_out)}</li>`}</ul></section>`;
}

/** References that an import removes: each names a record that is not there. */
function References({ title, list }) {
  if (!list || list.total === 0) return null;
  return html`<section class="card report-list"><h2><span class="effect">${numberText(list.total)}</span> ${title}</h2>
    <ul>${list.shown.map((entry) => html`<li><${Text} value=${Object.entries(entry).filter(([, value]) => typeof value === "string").map(([, value]) => value).join(" · ")} />
      ${entry.count > 1 && html` <span class="quiet">(${numberText(entry.count)} ×)</span>`}</li>`)}</ul></section>`;
}

function Changed({ place }) {
  return html`<li><strong><${Text} value=${place.record || ""} /></strong>
    ${(place.properties || []).slice(0, 20).map(({ property, before, after }) => html`<p class="places">${label(property)}:
      ${before === undefined && after === undefined ? texts.history.secret : html`<span class="before"><${Text} value=${valueText(before).slice(0, 200) || "–"} /></span> → <strong><${Text} value=${valueText(after).slice(0, 200) || "–"} /></strong>`}</p>`)}</li>`;
}

function Changes({ changes }) {
  if (!changes || changes.total === 0) return null;
  return html`<section class="card report-list"><h2>${texts.report.changes}</h2>
    ${changes.shown.map((group) => html`<details><summary><span class=${`effect ${group.change}`}>${texts.report.number[group.change] || group.change}</span>
      ${numberText(group.count)} ${group.count === 1 ? texts.kind[group.type] : texts.kinds[group.type]}</summary>
      <ul>${group.places.map((place) => html`<${Changed} place=${place} />`)}${group.places.length < group.count && html`<li class="quiet">${texts.andMore(group.count - group.places.length)}</li>`}</ul></details>`)}</section>`;
}

/** Returns the number of records that an import removes. */
export const removedIn = (report) => (report.types || []).reduce((sum, kind) => sum + kind.removed, 0);

export function Report({ report }) {
  const isBad = report.outcome === "rejected" || report.problems?.total > 0;
  const kind = isBad ? "error" : report.outcome === "dry_run" ? "info" : "good";
  const administrators = report.administrators?.total > 0 && report.administrators.shown.flatMap((group) => (group.places || [group]).map((place) => place.record || place.name || "")).filter(Boolean);
  return html`<${Notice} kind=${kind}><p>${report.summary}</p><//>
    ${administrators && html`<${Notice} kind="warning">${texts.undo.administrators(administrators)}<//>`}
    ${(report.warnings || []).map((text) => html`<${Notice} kind="warning">${text}<//>`)}
    <section class="card"><h2>${texts.report.numbers}</h2><${Kinds} types=${report.types || []} /></section>
    <${Problems} title=${texts.report.problems} kind="removed" list=${report.problems} />
    <${Changes} changes=${report.changes} />
    <${References} title=${texts.report.dangling} list=${report.dangling} />
    <${References} title=${texts.report.struck} list=${report.struck} />
    <p class="actions">${report.report && html`<a class="button" href=${report.report} target="_blank" rel="noopener">${texts.report.full}</a>`}
      ${report.marked_workbook && html`<a class="button" href=${report.marked_workbook} download>${texts.report.marked}</a>`}</p>`;
}

/** Returns the report of a rejected import, which its problem contains; `null` for another error. */
export function rejectedReport(error) {
  const { problem } = error;
  if (!problem || problem.outcome !== "rejected") return null;
  const shown = (problem.errors || []).map((entry) => ({ ...entry, places: entry.places || [] }));
  return { ...problem, problems: problem.problems || { total: shown.reduce((sum, entry) => sum + (entry.count || 1), 0), shown } };
}
