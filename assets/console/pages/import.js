// Imports: a bundle, a project of the library, or a workbook. A preview comes first.

import { get, path, send } from "../core/api.js";
import { html, useRef, useState } from "../core/html.js";
import { bytesText } from "../core/format.js";
import { runJob } from "../core/job.js";
import { ORDER, title } from "../core/kinds.js";
import { can, refreshCounts } from "../core/session.js";
import { Button, ErrorNotice, Icon, Notice, PageHead, Text, useLoaded } from "../parts/basics.js";
import { Progress } from "../parts/progress.js";
import { rejectedReport, removedIn, Report } from "../parts/report.js";
import { UndoDialog } from "../parts/undo.js";
import { texts } from "../texts.js";

const WORKBOOK = /\.(xls|xlsx|xlsb|ods|csv)$/i;
const TABLE = /\.csv$/i;

/** What a chosen file or project is. */
function sourceOf(file) {
  if (/\.zip$/i.test(file.name)) return { form: "bundle", name: file.name, file };
  return WORKBOOK.test(file.name) ? { form: "workbook", name: file.name, file } : null;
}

function Choose({ onChosen }) {
  const input = useRef(null);
  const [isOver, setOver] = useState(false);
  const [error, setError] = useState(null);
  const { data } = useLoaded(async (signal) => (can("backup") ? get("/rest/migrate/projects", { signal }) : { projects: [] }), "projects");
  const take = (files) => {
    const source = files.length === 1 ? sourceOf(files[0]) : null;
    setError(source ? null : new Error(files.length === 1 ? texts.import.unknown(files[0].name) : texts.import.one));
    if (source) onChosen(source);
  };
  const dropped = (event) => {
    event.preventDefault();
    setOver(false);
    take([...event.dataTransfer.files]);
  };
  return html`<${ErrorNotice} error=${error} />
    <div class=${`drop ${isOver ? "over" : ""}`} onDragOver=${(event) => { event.preventDefault(); setOver(true); }} onDragLeave=${() => setOver(false)} onDrop=${dropped}>
      <${Icon} name="upload" size=${28} /><p>${texts.import.drop}</p>
      <${Button} kind="primary" onClick=${() => input.current.click()}>${texts.import.choose}<//>
      <input ref=${input} type="file" class="unseen" tabindex="-1" aria-label=${texts.import.choose} accept=".zip,.xls,.xlsx,.xlsb,.ods,.csv" onChange=${(event) => { take([...event.target.files]); event.target.value = ""; }} />
      <p class="quiet small">${texts.import.formats}</p></div>
    ${data?.projects.length > 0 && html`<section class="card"><h2>${texts.import.library}</h2><ul class="record-list">${data.projects.map((project) => html`<li key=${project.name} class="with-button">
      <span><strong><${Text} value=${project.name} /></strong> <span class="quiet">${bytesText(project.bytes)}${project.problem ? `: ${project.problem}` : ""}</span></span>
      <${Button} disabled=${!!project.problem} onClick=${() => onChosen({ form: "project", name: project.name, kinds: Object.keys(project.documents) })}>${texts.import.use}<span class="unseen"> ${project.name}</span><//></li>`)}</ul></section>`}`;
}

function Options({ source, options, onChange }) {
  const set = (name) => (event) => onChange({ ...options, [name]: event.target.checked });
  const toggle = (kind) => onChange({ ...options, kinds: options.kinds.includes(kind) ? options.kinds.filter((other) => other !== kind) : [...options.kinds, kind] });
  return html`<section class="card"><h2>${texts.import.options}</h2>
    ${source.form !== "workbook" && html`<fieldset class="checks-field"><legend>${texts.import.kinds}</legend>${ORDER.map((kind) => html`<label key=${kind}>
      <input type="checkbox" checked=${options.kinds.includes(kind)} onChange=${() => toggle(kind)} />${title(kind)}</label>`)}</fieldset>`}
    ${TABLE.test(source.name) && html`<div class="field"><label for="rows">${texts.import.rows}</label><select id="rows" value=${options.kind} onChange=${(event) => onChange({ ...options, kind: event.target.value })}>
      <option value="device">${title("device")}</option><option value="link">${title("link")}</option></select></div>`}
    <label class="check"><input type="checkbox" checked=${options.skip} onChange=${set("skip")} />${texts.import.skip}</label>
    <label class="check"><input type="checkbox" checked=${options.replace} onChange=${set("replace")} />${texts.import.replace}</label>
  </section>`;
}

/** Sends a bundle to the project library. A name that is taken gets a number. */
async function upload(file) {
  const stem = file.name.replace(/\.zip$/i, "");
  const projects = await get("/rest/migrate/projects").catch(() => ({ projects: [] }));
  const taken = new Set(projects.projects.map((project) => project.name));
  let name = stem;
  for (let number = 2; taken.has(name); number += 1) name = `${stem}-${number}`;
  await send("PUT", path(["rest", "migrate", "projects", name]), { body: file, type: "application/zip" });
  return name;
}

function requestOf(source, options, dryRun) {
  const common = { dry_run: dryRun, on_error: options.skip ? "skip" : "fail" };
  if (source.form === "workbook") {
    const body = new FormData();
    const fields = { ...common, replace: options.replace, ...(TABLE.test(source.name) ? { kind: options.kind } : {}) };
    for (const [name, value] of Object.entries(fields)) body.append(name, String(value));
    body.append("file", source.file, source.name);
    return ["/rest/topology/import", { body }];
  }
  const kinds = ORDER.filter((kind) => options.kinds.includes(kind));
  const json = { ...common, name: source.project || source.name, import_export_types: kinds, empty_database_before_import: options.replace };
  return ["/rest/migrate/import", { json }];
}

/** Undoes the import that was just made. */
function UndoButton({ operation }) {
  const [change, setChange] = useState(null);
  const [done, setDone] = useState(null);
  const open = async () => setChange((await get(path(["rest", "history"], { operation, limit: 1 })))[0]?.number ?? null);
  if (done) return html`<${Notice} kind="good">${done}<//>`;
  return html`<${Button} icon="undo-2" onClick=${open}>${texts.import.undo}<//>
    ${change !== null && html`<${UndoDialog} change=${change} onClose=${() => setChange(null)} onDone=${(summary) => { setChange(null); setDone(summary); }} />`}`;
}

export default function ImportPage() {
  const [source, setSource] = useState(null);
  const [options, setOptions] = useState(null);
  const [state, setState] = useState({});
  const choose = (chosen) => {
    setSource(chosen);
    setOptions({ kinds: chosen.kinds || [...ORDER], kind: "device", skip: false, replace: false });
    setState({});
  };
  const change = (next) => {
    setOptions(next);
    // A preview belongs to the options with which it was made.
    setState({});
  };
  const run = async (dryRun) => {
    setState({ job: {} });
    try {
      if (source.form === "bundle" && !source.project) source.project = await upload(source.file);
      const [address, request] = requestOf(source, options, dryRun);
      const report = await runJob(address, request, (job) => setState({ job }));
      setState(dryRun ? { preview: report } : { result: report });
      if (!dryRun) refreshCounts();
    } catch (error) {
      const report = rejectedReport(error);
      setState(report ? { preview: report } : { error });
    }
  };
  const { job, preview, result, error, isConfirmed } = state;
  const removed = preview ? removedIn(preview) : 0;
  const canApply = preview && preview.outcome === "dry_run" && (removed === 0 || isConfirmed);
  const again = html`<${Button} onClick=${() => choose(source)} disabled=${!!job}>${texts.import.again}<//><${Button} onClick=${() => setSource(null)} disabled=${!!job}>${texts.import.other}<//>`;
  return html`<${PageHead} icon="upload" title=${texts.pages.import}>${source ? html`<p><strong><${Text} value=${source.name} /></strong></p>` : html`<p class="quiet">${texts.import.intro}</p>`}<//>
    ${!source && html`<${Choose} onChosen=${choose} />`}
    ${source && html`<div class="column">
      ${!preview && !result && !job && html`<${Options} source=${source} options=${options} onChange=${change} />`}
      <${ErrorNotice} error=${error} />
      ${job && html`<${Progress} job=${job} />`}
      ${(preview || result) && html`<div class="column"><${Report} report=${preview || result} /></div>`}
      ${removed > 0 && preview.outcome === "dry_run" && html`<label class="check"><input type="checkbox" checked=${!!isConfirmed} onChange=${(event) => setState({ ...state, isConfirmed: event.target.checked })} />${texts.import.confirm(removed)}</label>`}
      ${!job && html`<div class="form-actions">
        ${!preview && !result && html`<${Button} kind="primary" icon="search" disabled=${source.form !== "workbook" && options.kinds.length === 0} onClick=${() => run(true)}>${texts.import.preview}<//>`}
        ${preview?.outcome === "dry_run" && html`<${Button} kind="primary" icon="check" disabled=${!canApply} onClick=${() => run(false)}>${texts.import.apply}<//>`}
        ${result && can("administer") && html`<${UndoButton} operation=${source.form === "workbook" ? "import_topology" : "import_project"} />`}${again}</div>`}
    </div>`}`;
}
