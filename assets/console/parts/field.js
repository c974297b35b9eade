// A field of a form for one property, by the property's type.

import { records } from "../core/api.js";
import { html, useId, useRef, useState } from "../core/html.js";
import { label } from "../core/format.js";
import { fieldForm, fieldText, fieldValue } from "../core/edit.js";
import { relationTarget } from "../core/kinds.js";
import { texts } from "../texts.js";
import { Button, Text } from "./basics.js";

/** The names that a field of a relation proposes. */
const PROPOSALS = 20;

async function namesLike(target, text) {
  const kinds = target === "node" ? ["device", "network"] : [target];
  const criteria = text ? { name: text, name_filter: "inclusion" } : undefined;
  const what = { start: 0, limit: PROPOSALS, columns: ["name"], criteria };
  const found = await Promise.all(kinds.map((kind) => records(kind, what).catch(() => ({ rows: [] }))));
  return found.flatMap(({ rows }) => rows.map((row) => row.name));
}

/** A field that proposes the names of records while one types. */
function NameInput({ id, target, value, onInput, onPick, ...rest }) {
  const [names, setNames] = useState([]);
  const asked = useRef(0);
  const propose = async (text) => {
    asked.current += 1;
    const turn = asked.current;
    const found = await namesLike(target, text);
    if (turn === asked.current) setNames(found);
  };
  const typed = (event) => {
    const { value: text } = event.target;
    onInput(text);
    if (names.includes(text) && onPick) onPick(text);
    else propose(text);
  };
  return html`<input id=${id} type="text" list=${`${id}-names`} autocomplete="off" spellcheck=${false} value=${value}
      onFocus=${() => names.length === 0 && propose(value)} onInput=${typed} ...${rest} />
    <datalist id=${`${id}-names`}>${names.map((name) => html`<option key=${name} value=${name} />`)}</datalist>`;
}

function NamesField({ id, target, names, onChange, title }) {
  const [text, setText] = useState("");
  const add = (name) => {
    if (name && !names.includes(name)) onChange([...names, name]);
    setText("");
  };
  const pressed = (event) => {
    if (event.key !== "Enter") return;
    // Enter in this field adds a name; it does not save the form.
    event.preventDefault();
    add(text);
  };
  return html`<div class="names-field">
    ${names.length > 0 && html`<ul class="chips">${names.map((name) => html`<li key=${name}><span><${Text} value=${name} /></span>
      <${Button} icon="x" kind="plain" label=${texts.edit.removeName(name)} onClick=${() => onChange(names.filter((other) => other !== name))} /></li>`)}</ul>`}
    <div class="with-button"><${NameInput} id=${id} target=${target} value=${text} onInput=${setText} onPick=${add} onKeyDown=${pressed} placeholder=${texts.edit.addName} />
      <${Button} icon="plus" label=${texts.edit.add(title)} onClick=${() => add(text)} disabled=${!text} /></div>
  </div>`;
}

/**
 * @param {{kind: string, property: string, value: any, original: any, error?: string, onChange: (value: any, error?: string) => void}} properties
 */
export function Field({ kind, property, value, original, error, onChange }) {
  const id = useId();
  const form = fieldForm(kind, property, original);
  const [text, setText] = useState(fieldText(form, value));
  const title = label(property);
  const typed = (event) => {
    setText(event.target.value);
    try {
      onChange(fieldValue(form, event.target.value));
    } catch {
      onChange(undefined, form === "json" ? texts.edit.noJson : texts.edit.noNumber);
    }
  };
  const described = error ? { "aria-invalid": "true", "aria-describedby": `${id}-error` } : {};
  const inputs = {
    text: () => html`<input id=${id} type="text" spellcheck=${false} value=${text} onInput=${typed} ...${described} />`,
    long: () => html`<textarea id=${id} rows="6" spellcheck=${false} value=${text} onInput=${typed} ...${described} />`,
    json: () => html`<textarea id=${id} rows="6" spellcheck=${false} value=${text} onInput=${typed} ...${described} />`,
    number: () => html`<input id=${id} type="text" inputmode="decimal" value=${text} onInput=${typed} ...${described} />`,
    secret: () => html`<input id=${id} type="password" autocomplete="new-password" placeholder=${texts.edit.secret} value=${text} onInput=${typed} ...${described} />`,
    boolean: () => html`<input id=${id} type="checkbox" checked=${!!value} onChange=${(event) => onChange(event.target.checked)} />`,
    one: () => html`<${NameInput} id=${id} target=${relationTarget(kind, property)} value=${value ?? ""} onInput=${(name) => onChange(name)} ...${described} />`,
    many: () => html`<${NamesField} id=${id} title=${title} target=${relationTarget(kind, property)} names=${value || []} onChange=${onChange} />`,
  };
  return html`<div class="field"><label for=${id}>${title}</label><div>${inputs[form]()}
    ${error && html`<p class="field-error" id=${`${id}-error`}>${error}</p>`}</div></div>`;
}
