// The long texts of a device: its configuration and its operational data, with their versions.

import { get, path, send } from "../core/api.js";
import { html, useState } from "../core/html.js";
import { bytesText, label, timeText } from "../core/format.js";
import { KINDS } from "../core/model.js";
import { texts } from "../texts.js";
import { ErrorNotice, Loading, Notice, useLoaded } from "./basics.js";
import { TextDifferences } from "./difference.js";

/** The lines that are drawn. A longer text is cut; it can be searched as a whole. */
const LINES_MAX = 5000;

function Lines({ text }) {
  const [sought, setSought] = useState("");
  const lines = text.replace(/\n$/, "").split("\n");
  const numbered = lines.map((line, at) => [at + 1, line]);
  const wanted = sought.toLowerCase();
  const found = wanted ? numbered.filter(([, line]) => line.toLowerCase().includes(wanted)) : numbered;
  const shown = found.slice(0, LINES_MAX);
  return html`<div class="text-tools"><input type="search" aria-label=${texts.configuration.find} placeholder=${texts.configuration.find}
      value=${sought} onInput=${(event) => setSought(event.target.value)} />
      <span class="quiet" role="status">${wanted ? texts.configuration.found(found.length) : texts.configuration.lines(lines.length)}</span></div>
    <pre class="code numbered" tabindex="0" role="group" aria-label=${texts.configuration.text}>${shown.map(([number, line]) => html`<span class="line"><span class="number" aria-hidden="true">${number}</span>${line}${"\n"}</span>`)}</pre>
    ${shown.length < found.length && html`<p class="quiet">${texts.configuration.cut(LINES_MAX, found.length)}</p>`}`;
}

async function load(name, property, signal) {
  const address = (last, parameters) => path(["rest", "configuration", name, ...last], { property, ...parameters });
  const response = await send("GET", address([]), { signal, headers: { Accept: "text/plain" } });
  const [text, versions] = await Promise.all([response.text(), get(address(["history"]), { signal })]);
  return { text, versions };
}

function Differences({ name, property, number }) {
  const address = path(["rest", "configuration", name, "diff"], { property, to: number });
  const get_ = (signal) => send("GET", address, { signal, headers: { Accept: "text/plain" } }).then((response) => response.text());
  const { data, error } = useLoaded(get_, address);
  if (error) return html`<${ErrorNotice} error=${error} />`;
  return data === undefined ? html`<${Loading} />` : html`<${TextDifferences} text=${data} />`;
}

export function Configuration({ name }) {
  const [property, setProperty] = useState(KINDS.device.texts[0]);
  const [number, setNumber] = useState("");
  const { data, error } = useLoaded((signal) => load(name, property, signal), `${name}/${property}`);
  const changed = (set) => (event) => set(event.target.value);
  const versions = data?.versions || [];
  return html`<div class="configuration">
    <div class="fields">
      <label>${texts.configuration.property}<select value=${property} onChange=${(event) => { setProperty(event.target.value); setNumber(""); }}>
        ${KINDS.device.texts.map((text) => html`<option value=${text}>${label(text)}</option>`)}</select></label>
      ${versions.length > 0 && html`<label>${texts.configuration.show}<select value=${number} onChange=${changed(setNumber)}>
        <option value="">${texts.configuration.present}</option>
        ${versions.map((version) => html`<option value=${version.number}>${texts.configuration.versionDifference(version.number, timeText(version.time), version.principal, bytesText(version.bytes))}</option>`)}</select></label>`}
    </div>
    <${ErrorNotice} error=${error} />
    ${!data && !error && html`<${Loading} />`}
    ${data && (number ? html`<h2>${texts.configuration.difference}</h2><${Differences} name=${name} property=${property} number=${number} />`
      : data.text === "" ? html`<${Notice}>${texts.configuration.none}<//>` : html`<${Lines} text=${data.text} />`)}
  </div>`;
}
