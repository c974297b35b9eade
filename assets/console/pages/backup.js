// Backups: made, downloaded, verified, uploaded, restored with a preview.

import { call, get, path, send } from "../core/api.js";
import { html, useRef, useState } from "../core/html.js";
import { agoText, bytesText, numberText, timeText } from "../core/format.js";
import { runJob } from "../core/job.js";
import { can, refreshCounts } from "../core/session.js";
import { Button, ButtonLink, Dialog, ErrorNotice, Loading, Notice, PageHead, Text, useLoaded } from "../parts/basics.js";
import { Progress } from "../parts/progress.js";
import { rejectedReport, removedIn, Report } from "../parts/report.js";
import { texts } from "../texts.js";

const fileOf = (name) => path(["rest", "backups", name]);

function Make({ onRun }) {
  const submit = (event) => {
    event.preventDefault();
    const { name, history } = event.target.elements;
    const json = { history: history.checked };
    if (name.value.trim()) json.name = name.value.trim();
    onRun(() => ["/rest/backup", { json }], (report) => texts.backup.made(report.backup, bytesText(report.bytes)));
    event.target.reset();
  };
  return html`<section class="card"><h2>${texts.backup.make}</h2><p class="quiet">${texts.backup.makeText}</p>
    <form onSubmit=${submit}><div class="field"><label for="backup-name">${texts.backup.name}</label><input id="backup-name" name="name" maxlength="200" placeholder=${texts.backup.namePlaceholder} /></div>
      <label class="check"><input type="checkbox" name="history" defaultChecked />${texts.backup.history}</label>
      <p class="actions"><button type="submit" class="button primary">${texts.backup.makeButton}</button>
        <${ButtonLink} icon="download" href="/rest/backup" download>${texts.backup.sendNow}<//></p></form></section>`;
}

function Upload({ onDone, onFailed }) {
  const input = useRef(null);
  const take = async (event) => {
    const [file] = event.target.files;
    event.target.value = "";
    if (!file) return;
    const name = file.name.replace(/\.zip$/i, "");
    try {
      await send("PUT", fileOf(name), { body: file, type: "application/zip" });
      onDone(texts.backup.uploaded(name));
    } catch (error) {
      onFailed(error);
    }
  };
  return html`<${Button} icon="upload" onClick=${() => input.current.click()}>${texts.backup.upload}<//>
    <input ref=${input} type="file" class="unseen" tabindex="-1" accept=".zip" aria-label=${texts.backup.upload} onChange=${take} />`;
}

function RestoreDialog({ backup, onDone, onClose }) {
  const [state, setState] = useState({});
  const run = async (plan) => {
    setState({ job: {} });
    try {
      const json = plan ? { backup: backup.name, plan } : { backup: backup.name, dry_run: true };
      const report = await runJob("/rest/restore", { json }, (job) => setState({ job }));
      if (!plan) setState({ preview: report });
      else {
        refreshCounts();
        onDone(report.summary);
      }
    } catch (error) {
      const report = rejectedReport(error);
      setState(report ? { preview: report } : { error });
    }
  };
  const { job, preview, error, isConfirmed } = state;
  const removed = preview ? removedIn(preview) : 0;
  return html`<${Dialog} title=${texts.backup.restoreTitle(backup.name)} onClose=${onClose} wide>
    <div class="dialog-body column">
      ${!preview && !job && html`<p>${texts.backup.restoreText}</p>`}
      <${ErrorNotice} error=${error} />${job && html`<${Progress} job=${job} />`}
      ${preview && html`<div class="column"><${Report} report=${preview} /></div>`}
      ${removed > 0 && html`<label class="check"><input type="checkbox" checked=${!!isConfirmed} onChange=${(event) => setState({ ...state, isConfirmed: event.target.checked })} />${texts.import.confirm(removed)}</label>`}
    </div>
    <footer class="dialog-actions"><${Button} onClick=${onClose}>${texts.cancel}<//>
      ${preview?.plan ? html`<${Button} kind="primary" icon="rotate-ccw" disabled=${removed > 0 && !isConfirmed} onClick=${() => run(preview.plan)}>${texts.backup.restoreApply}<//>`
        : html`<${Button} kind="primary" icon="search" disabled=${!!job} onClick=${() => run(null)}>${texts.import.preview}<//>`}</footer>
  <//>`;
}

function DeleteDialog({ backup, onDone, onClose }) {
  const [error, setError] = useState(null);
  const apply = () => call("DELETE", fileOf(backup.name)).then(onDone, setError);
  return html`<${Dialog} title=${texts.remove.title(backup.name)} onClose=${onClose}>
    <div class="dialog-body"><${ErrorNotice} error=${error} /><p>${texts.backup.deleteText}</p></div>
    <footer class="dialog-actions"><${Button} onClick=${onClose}>${texts.cancel}<//><${Button} kind="danger" icon="trash-2" onClick=${apply}>${texts.backup.delete}<//></footer><//>`;
}

function Backup({ backup, isBusy, onVerify, onRestore, onDelete }) {
  const { manifest, verified, problem } = backup;
  const records = manifest?.parts?.filter((part) => part.name.endsWith(".yaml")).reduce((sum, part) => sum + (part.records || 0), 0);
  const facts = manifest && [texts.backup.madeBy(timeText(manifest.made), agoText(manifest.made), manifest.made_by), texts.backup.records(records),
    bytesText(backup.bytes), manifest.history ? texts.backup.withHistory : texts.backup.withoutHistory];
  return html`<li class="card"><h2><${Text} value=${backup.name} /></h2>
    ${facts && html`<p class="quiet">${facts.join(" · ")}</p>`}
    ${problem && html`<${Notice} kind="error">${problem}<//>`}
    ${verified ? html`<p class=${verified.whole ? "good-text" : "bad-text"}>${verified.summary} <span class="quiet">(${agoText(verified.time)})</span></p>` : html`<p class="quiet">${texts.backup.notVerified}</p>`}
    <p class="actions"><${ButtonLink} icon="download" href=${fileOf(backup.name)} download>${texts.backup.download}<//>
      <${Button} icon="list-checks" disabled=${isBusy} onClick=${onVerify}>${texts.backup.verify}<//>
      ${can("administer") && html`<${Button} icon="rotate-ccw" disabled=${isBusy} onClick=${onRestore}>${texts.backup.restore}<//>
        <${Button} icon="trash-2" label=${texts.backup.delete} onClick=${onDelete} />`}</p></li>`;
}

export default function BackupPage() {
  const { data, error, reload } = useLoaded((signal) => get("/rest/backups", { signal }), "backups");
  const [state, setState] = useState({});
  const [dialog, setDialog] = useState(null);
  const run = async (request, textOf) => {
    setState({ job: {} });
    try {
      const report = await runJob(...request(), (job) => setState({ job }));
      setState({ done: textOf(report), isBad: report.whole === false });
    } catch (failed) {
      setState({ error: failed });
    }
    reload();
  };
  const finished = (done) => {
    setDialog(null);
    setState({ done });
    reload();
  };
  const verify = (backup) => run(() => [path(["rest", "backups", backup.name, "verify"]), {}], (report) => report.summary);
  const { job, done, isBad } = state;
  const backups = [...(data?.backups || [])].sort((a, b) => String(b.manifest?.made || "").localeCompare(String(a.manifest?.made || "")));
  return html`<${PageHead} icon="archive" title=${texts.pages.backup} actions=${can("administer") && html`<${Upload} onDone=${finished} onFailed=${(failed) => setState({ error: failed })} />`} />
    <${ErrorNotice} error=${error || state.error} />
    ${done && html`<${Notice} kind=${isBad ? "error" : "good"}>${done}<//>`}
    <div class="column">${job ? html`<${Progress} job=${job} />` : html`<${Make} onRun=${run} />`}
    ${!data && !error && html`<${Loading} />`}
    ${data && html`<h2>${texts.backup.stored(numberText(backups.length))}</h2>`}
    <ul class="changes">${backups.map((backup) => html`<${Backup} key=${backup.name} backup=${backup} isBusy=${!!job} onVerify=${() => verify(backup)}
      onRestore=${() => setDialog({ restore: backup })} onDelete=${() => setDialog({ remove: backup })} />`)}</ul></div>
    ${dialog?.restore && html`<${RestoreDialog} backup=${dialog.restore} onDone=${finished} onClose=${() => setDialog(null)} />`}
    ${dialog?.remove && html`<${DeleteDialog} backup=${dialog.remove} onDone=${() => finished(texts.backup.deleted(dialog.remove.name))} onClose=${() => setDialog(null)} />`}`;
}
