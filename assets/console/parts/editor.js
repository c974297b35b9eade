// The form of a record, new or existing. Only the changed properties are sent, and only if the record is
// still the one that was read.

import { path, send } from "../core/api.js";
import { html, useEffect, useRef, useState } from "../core/html.js";
import { editable, isEqual, patchOf } from "../core/edit.js";
import { label } from "../core/format.js";
import { defaultColumns, grouped } from "../core/kinds.js";
import { KINDS } from "../core/model.js";
import { texts } from "../texts.js";
import { Button, ErrorNotice, Notice, Value } from "./basics.js";
import { Field } from "./field.js";

/** The values of several people for the same record: what to keep is chosen property by property. */
function Conflict({ kind, base, now, patch, onKeep }) {
  const both = Object.keys(patch).filter((name) => !isEqual(now[name], base[name]));
  const others = Object.keys(now).filter((name) => !patch[name] && !isEqual(now[name], base[name]) && !/^last_modified/.test(name));
  return html`<${Notice} kind="warning" title=${texts.edit.conflictTitle}>
    <p>${texts.edit.conflict(others.map(label))}</p>
    ${both.length > 0 && html`<div class="scroll" tabindex="0" role="group" aria-label=${texts.edit.conflictTitle}><table class="differences"><thead><tr>
      <th scope="col">${texts.history.property}</th><th scope="col">${texts.edit.theirs}</th><th scope="col">${texts.edit.mine}</th><td></td></tr></thead>
      <tbody>${both.map((name) => html`<tr key=${name}><th scope="row">${label(name)}</th>
        <td><${Value} kind=${kind} property=${name} value=${now[name]} /></td><td><${Value} kind=${kind} property=${name} value=${patch[name]} /></td>
        <td><${Button} onClick=${() => onKeep(name)}>${texts.edit.keepTheirs(label(name))}<//></td></tr>`)}</tbody></table></div>`}
  <//>`;
}

function CustomProperty({ taken, onAdd }) {
  const [name, setName] = useState("");
  const add = () => {
    onAdd(name.trim());
    setName("");
  };
  return html`<div class="field"><label for="custom-name">${texts.edit.custom}</label>
    <div class="with-button"><input id="custom-name" type="text" spellcheck=${false} value=${name} placeholder=${texts.edit.customName} onInput=${(event) => setName(event.target.value)} />
      <${Button} icon="plus" label=${texts.edit.addCustom} disabled=${!name.trim() || taken.includes(name.trim())} onClick=${add} /></div></div>`;
}

/** Returns the message of the server for each property, from the pointers of its problem. */
function serverErrors(error) {
  const entries = (error?.problem.errors || []).filter((entry) => entry.pointer);
  return Object.fromEntries(entries.map((entry) => [entry.pointer.split("/")[1], entry.detail]));
}

/** The groups of fields. A new record shows the usual properties first. */
function groupsOf(kind, record, isNew, added) {
  const names = [...editable(kind, record), ...added];
  const secrets = names.filter((name) => KINDS[kind].properties[name] === "secret");
  const isShown = (name) => names.includes(name) && !secrets.includes(name);
  const shape = Object.fromEntries(names.map((name) => [name, null]));
  const groups = isNew
    ? [[texts.edit.usual, defaultColumns(kind).filter(isShown)], [texts.edit.others, names.filter((name) => isShown(name) && !defaultColumns(kind).includes(name))]]
    : [...grouped(kind, shape), [texts.record.relations, names]];
  const taken = new Set();
  const once = groups.map(([title, members]) => [title, members.filter((name) => isShown(name) && !taken.has(name) && taken.add(name))]);
  return [...once, [texts.edit.secrets, secrets]].filter(([, members]) => members.length > 0);
}

export function Editor({ kind, record, etag, onSaved, onCancel }) {
  const isNew = !record;
  const [base, setBase] = useState({ record: record || {}, etag });
  const [values, setValues] = useState({});
  const [name, setName] = useState(record?.name || "");
  const [errors, setErrors] = useState({});
  const [error, setError] = useState(null);
  const [now, setNow] = useState(null);
  const [added, setAdded] = useState([]);
  const [isBusy, setBusy] = useState(false);
  const first = useRef(null);
  const patch = patchOf(values, base.record);
  const isChanged = Object.keys(patch).length > 0 || name !== base.record.name;
  useEffect(() => first.current?.focus(), []);
  useEffect(() => {
    const warn = (event) => event.preventDefault();
    if (isChanged) window.addEventListener("beforeunload", warn);
    return () => window.removeEventListener("beforeunload", warn);
  }, [isChanged]);

  const change = (property) => (value, wrong) => {
    setErrors((before) => ({ ...before, [property]: wrong }));
    if (!wrong) setValues((before) => ({ ...before, [property]: value }));
  };
  const save = async (event) => {
    event.preventDefault();
    if (Object.values(errors).some(Boolean)) return;
    setBusy(true);
    setError(null);
    try {
      const body = { ...patch, name: isNew ? name : base.record.name };
      if (!isNew && name !== base.record.name) body.new_name = name;
      // A new record must not change one that exists already.
      const headers = isNew ? { "If-None-Match": "*" } : base.etag ? { "If-Match": base.etag } : {};
      await send("POST", path(["rest", "instance", kind]), { json: body, headers });
      onSaved(name);
    } catch (failed) {
      if (failed.status === 412 && !isNew) await readAgain(failed);
      else setError(failed);
      setBusy(false);
    }
  };
  const readAgain = async (failed) => {
    try {
      const response = await send("GET", path(["rest", "instance", kind, base.record.name]));
      const record = await response.json();
      setNow({ record, base: base.record });
      setBase({ record, etag: response.headers.get("ETag") });
    } catch {
      // The record is gone: the first error says more.
      setError(failed);
    }
  };
  const keepTheirs = (property) => setValues((before) => ({ ...before, [property]: base.record[property] }));
  const wrong = { ...serverErrors(error), ...errors };
  const exists = error?.status === 412 && isNew;
  return html`<form class="editor" onSubmit=${save}>
    ${exists ? html`<${Notice} kind="error">${texts.edit.exists(name)}<//>` : html`<${ErrorNotice} error=${error} />`}
    ${now && html`<${Conflict} kind=${kind} base=${now.base} now=${now.record} patch=${patch} onKeep=${keepTheirs} />`}
    <section class="card"><div class="field"><label for="record-name">${label("name")}</label>
      <input id="record-name" ref=${first} type="text" required maxlength="255" spellcheck=${false} value=${name} onInput=${(event) => setName(event.target.value)} /></div></section>
    ${groupsOf(kind, base.record, isNew, added).map(([title, members]) => html`<section class="card" key=${title}><h2>${title}</h2>
      ${members.map((property) => html`<${Field} key=${`${property} ${now && !(property in patch) ? base.etag : ""}`} kind=${kind} property=${property} original=${base.record[property]}
        value=${property in values ? values[property] : base.record[property]} error=${wrong[property]} onChange=${change(property)} />`)}</section>`)}
    <section class="card"><${CustomProperty} taken=${[...editable(kind, base.record), ...added]} onAdd=${(property) => setAdded([...added, property])} /></section>
    <div class="form-actions">
      <button type="submit" class="button primary" disabled=${isBusy || !isChanged || (isNew && !name)}>${isNew ? texts.edit.create : texts.edit.save(Object.keys(patch).length + (name !== base.record.name ? 1 : 0))}</button>
      <${Button} onClick=${onCancel}>${texts.cancel}<//>
    </div>
  </form>`;
}
