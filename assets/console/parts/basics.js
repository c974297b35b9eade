// Small parts of pages.

import { html, useEffect, useLayoutEffect, useRef, useState } from "../core/html.js";
import { relationTarget } from "../core/kinds.js";
import { valueText, visibleParts } from "../core/format.js";
import { link } from "../core/route.js";
import { texts } from "../texts.js";

const ICONS = new URL("../vendor/icons.svg", import.meta.url).href;

/** An icon of `vendor/icons.svg`. It is decoration; a label stands beside it, or the button has one. */
export function Icon({ name, size = 18 }) {
  return html`<svg class="icon" width=${size} height=${size} aria-hidden="true"><use href=${`${ICONS}#${name}`} /></svg>`;
}

/** A text of the inventory: characters that would not be seen are shown by their code. */
export function Text({ value }) {
  const parts = visibleParts(String(value));
  return html`<bdi>${parts.map((part) => (typeof part === "string" ? part : html`<span class="code-point">${part.code}</span>`))}</bdi>`;
}

/** A button with an icon alone has a `label` for screen readers, which is its tooltip too. */
export function Button({ icon, label, kind = "", children, ...rest }) {
  const iconOnly = !children;
  return html`<button type="button" class=${`button ${kind} ${iconOnly ? "icon-only" : ""}`}
    aria-label=${label} title=${iconOnly ? label : undefined} ...${rest}>
    ${icon && html`<${Icon} name=${icon} />`}${children && html`<span>${children}</span>`}</button>`;
}

/** A link that looks like a button. */
export function ButtonLink({ icon, kind = "", children, ...rest }) {
  return html`<a class=${`button ${kind}`} ...${rest}>${icon && html`<${Icon} name=${icon} />`}<span>${children}</span></a>`;
}

/** A message in a box. `kind`: `info`, `good`, `warning` or `error`. Errors are announced. */
export function Notice({ kind = "info", title, children }) {
  const icon = { info: "info", good: "check", warning: "triangle-alert", error: "circle-alert" }[kind];
  return html`<div class=${`notice ${kind}`} role=${kind === "error" ? "alert" : "status"}>
    <${Icon} name=${icon} /><div>${title && html`<strong>${title}</strong>`} ${children}</div></div>`;
}

/** The error of a call, with the server's explanation and the number of the request. */
export function ErrorNotice({ error, title }) {
  if (!error) return null;
  const { problem = {} } = error;
  const details = (problem.errors || []).map((entry) => entry.detail).filter((text) => text && text !== problem.detail);
  return html`<${Notice} kind="error" title=${title || problem.title}>
    <p>${error.message}</p>
    ${details.length > 0 && html`<ul>${details.slice(0, 20).map((text) => html`<li><${Text} value=${text} /></li>`)}</ul>`}
    ${problem.request_id && html`<p class="quiet small">${texts.errors.request(problem.request_id)}</p>`}
  <//>`;
}

export function Loading() {
  return html`<p class="loading" role="status">${texts.loading}</p>`;
}

/** The address of a record's page. */
export const recordLink = (kind, name, query) => link([kind, name], query);

/** A link to a record. A node is a device or a network: the page of devices looks for both. */
export function RecordLink({ kind, name, ...rest }) {
  return html`<a href=${recordLink(kind, name)} ...${rest}><${Text} value=${name} /></a>`;
}

/** A value of a property, as it stands in a table or on a record's page. */
export function Value({ kind, property, value, links = true, most = Infinity }) {
  if (value === null || value === undefined || value === "") return html`<span class="none">–</span>`;
  if (typeof value === "boolean") return html`<span class=${value ? "yes" : "no"}>${value ? texts.yes : texts.no}</span>`;
  const target = relationTarget(kind, property);
  if (target && Array.isArray(value)) {
    if (value.length === 0) return html`<span class="none">–</span>`;
    if (most !== Infinity) return html`<span>${value.length === 1 ? html`<${Text} value=${value[0]} />` : value.length}</span>`;
    return html`<ul class="names">${value.map((name) => html`<li><${RecordLink} kind=${target} name=${name} /></li>`)}</ul>`;
  }
  if (target && links && typeof value === "string") return html`<${RecordLink} kind=${target} name=${value} />`;
  if (typeof value === "object" && most === Infinity) {
    const isPlain = Array.isArray(value) && value.every((item) => typeof item !== "object");
    if (isPlain) return value.length === 0 ? html`<span class="none">–</span>` : html`<${Text} value=${valueText(value)} />`;
    return html`<pre class="tree">${JSON.stringify(value, null, 2)}</pre>`;
  }
  const text = valueText(value);
  return html`<${Text} value=${text.length > most ? `${text.slice(0, most)}…` : text} />`;
}

/** A dialog. It is closed by Escape, by its button, and by `onClose`. */
export function Dialog({ title, onClose, children, wide = false }) {
  const dialog = useRef(null);
  const opener = useRef(document.activeElement);
  useLayoutEffect(() => {
    dialog.current.showModal();
    return () => opener.current?.focus?.();
  }, []);
  return html`<dialog ref=${dialog} class=${wide ? "wide" : ""} aria-labelledby="dialog-title"
      onCancel=${(event) => { event.preventDefault(); onClose(); }}
      onMouseDown=${(event) => event.target === dialog.current && onClose()}>
    <div class="dialog">
      <header><h2 id="dialog-title">${title}</h2><${Button} icon="x" label=${texts.close} kind="plain" onClick=${onClose} /></header>
      ${children}
    </div>
  </dialog>`;
}

/** Tabs as links: each has an address. */
export function Tabs({ tabs, current, label }) {
  return html`<nav class="tabs" aria-label=${label}>${tabs.map(({ id, title, href, count }) => html`
    <a href=${href} aria-current=${id === current ? "page" : undefined}>${title}${count === undefined ? "" : html` <span class="count">${count}</span>`}</a>`)}
  </nav>`;
}

/** The heading of a page, with its actions. */
export function PageHead({ icon, title, above, actions, children }) {
  const heading = useRef(null);
  useEffect(() => {
    document.title = `${typeof title === "string" ? title : texts.name} · ${texts.name}`;
  }, [title]);
  return html`<header class="page-head">
    ${above && html`<p class="above">${above}</p>`}
    <div class="title-row">
      <h1 ref=${heading} tabindex="-1">${icon && html`<${Icon} name=${icon} size=${24} />`}<span><${Text} value=${title} /></span></h1>
      <div class="actions">${actions}</div>
    </div>
    ${children}
  </header>`;
}

/**
 * Loads something when `key` changes. Returns `{data, error, loading, reload}`. A result that arrives
 * late, after the key has changed, is ignored.
 */
export function useLoaded(load, key) {
  const [state, setState] = useState({ loading: true });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    setState((before) => ({ data: before.key === key ? before.data : undefined, key, loading: true }));
    load(abort.signal).then(
      (data) => !abort.signal.aborted && setState({ data, key, loading: false }),
      (error) => !abort.signal.aborted && setState({ error, key, loading: false }),
    );
    return () => abort.abort();
  }, [key, turn]);
  return { ...state, data: state.key === key ? state.data : undefined, reload: () => setTurn((before) => before + 1) };
}
