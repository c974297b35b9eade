// The state of the server: health, contents, disk, and the check of the whole inventory.

import { get, post } from "../core/api.js";
import { html, useState } from "../core/html.js";
import { bytesText, numberText, timeText } from "../core/format.js";
import { metrics, readiness } from "../core/metrics.js";
import { can } from "../core/session.js";
import { Button, ErrorNotice, Icon, Loading, Notice, PageHead, Text, useLoaded } from "../parts/basics.js";
import { texts } from "../texts.js";

async function load(signal) {
  const [ready, numbers, state] = await Promise.all([
    readiness(signal),
    can("feeds") ? metrics(signal) : null,
    can("backup") ? get("/rest/state", { signal }) : null,
  ]);
  return { ready, numbers, state };
}

function Health({ checks }) {
  return html`<section class="card"><h2>${texts.overview.health}</h2><ul class="checks">${checks.map(({ check, passed, detail }) => html`<li key=${check}>
    <span class=${passed ? "good-text" : "bad-text"}><${Icon} name=${passed ? "check" : "x"} /></span>
    <span>${texts.system.check[check] || check}${detail && html`<span class="quiet">: ${detail}</span>`}</span></li>`)}</ul></section>`;
}

/** The metrics that people look at, with how each is written. */
const FACTS = [
  ["satchel_data_directory_free_bytes", bytesText], ["satchel_data_directory_size_bytes", bytesText],
  ["process_resident_memory_bytes", bytesText], ["process_start_time_seconds", (seconds) => timeText(seconds * 1000)],
  ["satchel_connections", numberText], ["satchel_requests_in_progress", numberText], ["satchel_jobs_running", numberText],
  ["satchel_backups", numberText], ["satchel_earlier_generations", numberText], ["satchel_earlier_generations_bytes", bytesText],
];

function Numbers({ numbers, state }) {
  const { plain, labelled } = numbers || { plain: {}, labelled: [] };
  const build = labelled.find((entry) => entry.name === "satchel_build_info")?.labels;
  const version = /version="([^"]*)"/.exec(build || "")?.[1];
  const requests = labelled.filter((entry) => entry.name === "satchel_requests_total").reduce((sum, entry) => sum + entry.value, 0);
  const facts = [
    version && [texts.system.version, version],
    state && [texts.system.records, numberText(state.records)],
    state && [texts.system.generation, texts.system.generationText(state.generation, state.version)],
    state && [texts.system.size, bytesText(state.bytes)],
    ...FACTS.filter(([name]) => plain[name] !== undefined).map(([name, write]) => [texts.system.metric[name], write(plain[name])]),
    numbers && [texts.system.requests, numberText(requests)],
  ].filter(Boolean);
  return html`<section class="card"><h2>${texts.system.numbers}</h2><dl class="properties">${facts.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
    <p class="quiet small">${texts.system.more} <a href="/docs/operations.html">${texts.shell.docs}</a></p></section>`;
}

function Damage({ state }) {
  if (!state || (state.damage.total === 0 && state.history_losses.length === 0)) return null;
  return html`<${Notice} kind="error" title=${texts.checks.damage}><p>${texts.system.damage(state.damage.total)} <a href="/docs/recovery.html">${texts.system.recovery}</a></p>
    ${state.history_losses.length > 0 && html`<p>${texts.system.losses(state.history_losses.length)}</p>`}<//>`;
}

function Verify() {
  const [state, setState] = useState({});
  const run = async () => {
    setState({ isBusy: true });
    try {
      setState({ report: await post("/rest/verify", {}) });
    } catch (error) {
      setState({ error });
    }
  };
  const { report, error, isBusy } = state;
  const findings = report?.findings?.shown || [];
  return html`<section class="card"><h2>${texts.system.verify}</h2><p class="quiet">${texts.system.verifyText}</p>
    <${ErrorNotice} error=${error} />
    ${report && html`<${Notice} kind=${report.whole === false || findings.length > 0 ? "error" : "good"}><p>${report.summary}</p>
      ${findings.length > 0 && html`<ul>${findings.map((finding) => html`<li><${Text} value=${finding.name ? `${finding.name}: ${finding.detail}` : finding.detail} /></li>`)}</ul>`}<//>`}
    <${Button} icon="list-checks" disabled=${isBusy} onClick=${run}>${isBusy ? texts.system.verifying : texts.system.verifyButton}<//></section>`;
}

export default function System() {
  const { data, error, reload } = useLoaded(load, "system");
  return html`<${PageHead} icon="server" title=${texts.pages.system} actions=${html`<${Button} icon="refresh-cw" label=${texts.table.refresh} onClick=${reload} />`} />
    <${ErrorNotice} error=${error} />
    ${!data && !error && html`<${Loading} />`}
    ${data && html`<${Damage} state=${data.state} /><div class="columns"><${Numbers} numbers=${data.numbers} state=${data.state} />
      <div class="column"><${Health} checks=${data.ready.checks} />${can("backup") && html`<${Verify} />`}</div></div>`}`;
}
