// The table of a kind. The filter (`q`), the order (`o`) and the columns (`c`) are in the address.

import { html, useEffect, useMemo, useRef, useState } from "../core/html.js";
import { criteriaOf, parseFilter, without } from "../core/filter.js";
import { defaultColumns, icon, title } from "../core/kinds.js";
import { go, link, route, setQuery } from "../core/route.js";
import { can, counts } from "../core/session.js";
import { keep, kept } from "../core/storage.js";
import { Button, ButtonLink, Icon, Notice, PageHead, Text } from "../parts/basics.js";
import { ColumnsDialog } from "../parts/columns.js";
import { Grid } from "../parts/grid.js";
import { texts } from "../texts.js";

/** How long the table waits for the next key, in milliseconds, before it filters. */
const TYPING_MS = 300;

function FilterHelp() {
  return html`<details class="filter-help"><summary>${texts.filter.help}</summary>
    <div><table><tbody>${texts.filter.lines.map(([term, meaning]) => html`<tr><td><code>${term}</code></td><td>${meaning}</td></tr>`)}</tbody></table>
    <p>${texts.filter.all}</p></div></details>`;
}

function Filter({ text, terms, error }) {
  const input = useRef(null);
  const waiting = useRef(0);
  // The field follows the address, except while it is typed in.
  useEffect(() => {
    if (document.activeElement !== input.current) input.current.value = text;
  }, [text]);
  useEffect(() => {
    const focus = (event) => {
      if (event.key !== "/" || event.target.closest("input, textarea, select, dialog")) return;
      event.preventDefault();
      input.current.focus();
    };
    document.addEventListener("keydown", focus);
    return () => document.removeEventListener("keydown", focus);
  }, []);
  const apply = (value) => {
    clearTimeout(waiting.current);
    setQuery({ q: value });
  };
  const typed = () => {
    clearTimeout(waiting.current);
    waiting.current = setTimeout(() => apply(input.current.value), TYPING_MS);
  };
  const replace = (value) => {
    input.current.value = value;
    apply(value);
    input.current.focus();
  };
  return html`<div class="filter">
    <form role="search" onSubmit=${(event) => { event.preventDefault(); apply(input.current.value); }}>
      <${Icon} name="search" />
      <input ref=${input} type="search" aria-label=${texts.filter.label} placeholder=${texts.filter.placeholder} defaultValue=${text}
        aria-invalid=${error ? "true" : undefined} aria-describedby=${error ? "filter-error" : undefined}
        autocomplete="off" spellcheck=${false} maxlength="1000" onInput=${typed} />
    </form>
    ${terms.length > 0 && html`<ul class="chips">${terms.map((term) => html`<li key=${term.text}><span><${Text} value=${term.text} /></span>
      <${Button} icon="x" kind="plain" label=${texts.filter.remove(term.text)} onClick=${() => replace(without(terms, term))} /></li>`)}
      ${terms.length > 1 && html`<li class="clear"><${Button} kind="plain" onClick=${() => replace("")}>${texts.filter.clear}<//></li>`}</ul>`}
    ${error && html`<p id="filter-error" class="field-error" role="alert">${error}</p>`}
    <${FilterHelp} />
  </div>`;
}

/** Returns the columns of the address, of this browser, or the standard ones; always with the name. */
function chosenColumns(kind, query) {
  const columns = query.c ? query.c.split(",").filter(Boolean) : kept(`columns.${kind}`, defaultColumns(kind));
  return ["name", ...columns.filter((column) => column !== "name")];
}

export default function TablePage({ kind }) {
  const { query } = route.value;
  const [total, setTotal] = useState(null);
  const [turn, setTurn] = useState(0);
  const [isChoosing, setChoosing] = useState(false);
  const columns = chosenColumns(kind, query);
  const { terms, criteria, error } = useMemo(() => {
    try {
      const found = parseFilter(query.q || "");
      return { terms: found, criteria: criteriaOf(found) };
    } catch (malformed) {
      return { terms: [], criteria: null, error: malformed.message };
    }
  }, [query.q]);
  const choose = (next) => {
    keep(`columns.${kind}`, next);
    const isStandard = next.join() === defaultColumns(kind).join();
    setQuery({ c: isStandard ? "" : next.join(",") });
  };
  const all = counts.value[kind];
  const isFiltered = terms.length > 0;
  const count = total === null ? "" : isFiltered && all !== undefined ? texts.table.matching(total, all, kind) : texts.table.count(total, kind);
  return html`<div class="table-page">
    <${PageHead} icon=${icon(kind)} title=${title(kind)} actions=${html`
      ${can("edit") && html`<${ButtonLink} icon="plus" href=${link(["new", kind])}>${texts.edit.newButton}<//>`}
      <${Button} icon="refresh-cw" label=${texts.table.refresh} onClick=${() => setTurn(turn + 1)} />
      <${Button} icon="columns-3" onClick=${() => setChoosing(true)}>${texts.table.columns}<//>`} />
    <div class="table-tools"><${Filter} key=${kind} text=${query.q || ""} terms=${terms} error=${error} /><p class="total" role="status">${count}</p></div>
    ${total === 0 && !error && html`<${Notice}>${isFiltered ? texts.table.noMatch : texts.table.none(kind)}<//>`}
    ${!error && html`<${Grid} kind=${kind} columns=${columns} order=${query.o} criteria=${criteria} turn=${turn}
      id=${link([kind], query)} onOrder=${(order) => setQuery({ o: order === "name" ? "" : order })}
      onOpen=${(name) => go([kind, name])} onTotal=${setTotal} />`}
    ${isChoosing && html`<${ColumnsDialog} kind=${kind} columns=${columns} onChange=${choose} onClose=${() => setChoosing(false)} />`}
  </div>`;
}
