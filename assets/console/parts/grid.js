// A table of records that asks the server only for the rows that are seen.

import { PAGE_ROWS, records } from "../core/api.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../core/html.js";
import { label } from "../core/format.js";
import { oneTitle, title, typeOf } from "../core/kinds.js";
import { drawn, heightOf, revealing } from "../core/scroll.js";
import { texts } from "../texts.js";
import { ErrorNotice, Icon, recordLink, Text, Value } from "./basics.js";

/** The pages of rows that stay in memory. */
const PAGES_KEPT = 40;

/** How long the table waits, in milliseconds, before it asks for rows while it is scrolled. */
const SETTLE_MS = 60;

/** The rows of one view of a table: pages that are loaded when they are needed. */
class Rows {
  constructor(view, changed) {
    this.view = view;
    this.changed = changed;
    this.pages = new Map();
    this.total = null;
    this.error = null;
    this.abort = new AbortController();
  }

  row(index) {
    return this.pages.get(Math.floor(index / PAGE_ROWS))?.[index % PAGE_ROWS];
  }

  /** Loads the pages of rows from `first` to `end`. */
  need(first, end) {
    const last = Math.floor(Math.max(first, end - 1) / PAGE_ROWS);
    for (let page = Math.floor(first / PAGE_ROWS); page <= last; page += 1) {
      if (!this.pages.has(page)) this.load(page);
    }
  }

  async load(page) {
    // An empty list marks a page that is being loaded.
    this.pages.set(page, []);
    try {
      const { kind, columns, order, criteria } = this.view;
      const what = { start: page * PAGE_ROWS, limit: PAGE_ROWS, columns, order, criteria };
      const { rows, total } = await records(kind, what, this.abort.signal);
      this.pages.set(page, rows);
      this.total = total;
      if (this.pages.size > PAGES_KEPT) this.pages.delete(this.pages.keys().next().value);
    } catch (error) {
      if (this.abort.signal.aborted) return;
      this.pages.delete(page);
      this.error = error;
    }
    this.changed();
  }
}

/** Where each view was left: the scroll position and the active row, for the way back from a record. */
const left = new Map();

/** Returns the least width of a column in pixels, and its share of the rest of the window. */
function widthOf(kind, column) {
  const type = typeOf(kind, column);
  if (column === "name") return [190, 2];
  if (type === "boolean" || type === "integer" || type === "number") return [95, 0.6];
  if (type.startsWith("many") || type.startsWith("inverse")) return [105, 0.8];
  return column === "ip_address" ? [150, 1] : [135, 1];
}

function Head({ columns, order, onOrder }) {
  const property = order?.replace(/^-/, "");
  return html`<div class="grid-head" role="row" aria-rowindex="1">${columns.map((column, at) => {
    const isSorted = column === property;
    const isDescending = isSorted && order.startsWith("-");
    const next = isSorted && !isDescending ? `-${column}` : column;
    return html`<div role="columnheader" key=${column} class=${at === 0 ? "cell first" : "cell"} aria-colindex=${at + 1}
        aria-sort=${isSorted ? (isDescending ? "descending" : "ascending") : "none"}>
      <button type="button" onClick=${() => onOrder(next)} title=${texts.table.sort(column)}>${label(column)}
        ${isSorted && html`<${Icon} name=${isDescending ? "arrow-down" : "arrow-up"} size=${14} />`}</button></div>`;
  })}</div>`;
}

function Row({ kind, columns, index, row, top, isActive, onOpen, onActivate }) {
  const open = (event) => {
    if (event.target.closest("a") || !row) return;
    // Text that was selected in a cell is meant to be copied.
    if (String(window.getSelection())) return;
    onActivate(index);
    onOpen(row.name);
  };
  return html`<div role="row" id=${`row-${index}`} class=${`grid-row ${isActive ? "active" : ""}`} aria-rowindex=${index + 2}
      aria-selected=${isActive} style=${{ transform: `translateY(${top}px)` }} onClick=${open}>
    ${columns.map((column, at) => html`<div role="gridcell" key=${column} class=${at === 0 ? "cell first" : "cell"} aria-colindex=${at + 1}>
      ${!row ? html`<span class="pending">…</span>`
        : column === "name" ? html`<a tabindex="-1" href=${recordLink(kind, row.name)} onClick=${() => onActivate(index)}><${Text} value=${row.name} /></a>`
          : html`<${Value} kind=${kind} property=${column} value=${row[column]} links=${false} most=${120} />`}</div>`)}
  </div>`;
}

/**
 * @param {{kind: string, columns: string[], order?: string, criteria?: any, id: string, turn: number,
 *   onOrder: (order: string) => void, onOpen: (name: string) => void, onTotal: (total: number | null) => void}} properties
 */
export function Grid({ kind, columns, order, criteria, id, turn, onOrder, onOpen, onTotal }) {
  const [, draw] = useState(0);
  const redraw = () => draw((before) => before + 1);
  const view = useRef(null);
  const rows = useRef(null);
  const place = useRef({ scrollTop: 0, viewHeight: 600, rowHeight: 36 });
  const [active, setActive] = useState(left.get(id)?.active ?? 0);
  const key = JSON.stringify([kind, columns, order, criteria, turn]);

  useEffect(() => {
    const loading = new Rows({ kind, columns, order, criteria }, () => {
      onTotal(loading.total);
      redraw();
    });
    rows.current = loading;
    place.current.scrollTop = left.get(id)?.scrollTop ?? 0;
    setActive(left.get(id)?.active ?? 0);
    const { first, end } = drawn({ ...place.current, total: Math.max(left.get(id)?.total ?? 0, 1) });
    loading.need(first, end);
    redraw();
    return () => loading.abort.abort();
  }, [key]);

  const total = rows.current?.total ?? 0;
  const { rowHeight, viewHeight, scrollTop } = place.current;

  const measure = () => {
    const element = view.current;
    if (!element) return;
    const head = element.querySelector(".grid-head");
    place.current.rowHeight = parseFloat(getComputedStyle(element).getPropertyValue("--row")) || 36;
    place.current.viewHeight = Math.max(100, element.clientHeight - (head?.offsetHeight ?? 0));
  };
  useLayoutEffect(() => {
    measure();
    const observer = new ResizeObserver(() => { measure(); redraw(); });
    observer.observe(view.current);
    return () => observer.disconnect();
  }, []);

  // After the rows are there, the table is where it was left.
  useLayoutEffect(() => {
    if (total > 0 && view.current.scrollTop !== place.current.scrollTop) view.current.scrollTop = place.current.scrollTop;
  }, [total]);

  const settle = useRef(0);
  const remember = (changes) => left.set(id, { active, total, scrollTop: place.current.scrollTop, ...left.get(id), ...changes });
  const scrolled = () => {
    place.current.scrollTop = view.current.scrollTop;
    remember({ scrollTop: view.current.scrollTop, total });
    redraw();
    clearTimeout(settle.current);
    settle.current = setTimeout(() => {
      const now = drawn({ ...place.current, total: rows.current.total ?? 0 });
      rows.current.need(now.first, now.end);
    }, SETTLE_MS);
  };
  const activate = (index) => {
    setActive(index);
    remember({ active: index });
  };
  const move = (to) => {
    const row = Math.max(0, Math.min(total - 1, to));
    activate(row);
    view.current.scrollTop = revealing({ row, ...place.current, total });
  };
  const pressed = (event) => {
    if (event.target !== view.current || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(viewHeight / rowHeight) - 1);
    const to = {
      ArrowDown: active + 1, ArrowUp: active - 1, j: active + 1, k: active - 1, PageDown: active + page,
      PageUp: active - page, Home: 0, End: total - 1,
    }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      move(to);
    } else if (event.key === "Enter") {
      const row = rows.current.row(active);
      if (row) onOpen(row.name);
    }
  };

  const { first, end, offset } = drawn({ scrollTop, viewHeight, rowHeight, total });
  const shown = [];
  for (let index = first; index < end; index += 1) shown.push(index);
  // The active row stays in the page, because the table refers to it.
  if (total > 0 && active < total && (active < first || active >= end)) shown.push(active);
  const widths = columns.map((column) => widthOf(kind, column));
  const style = {
    "--columns": widths.map(([least, share]) => `minmax(${least}px, ${share}fr)`).join(" "),
    "--width": `${widths.reduce((sum, [least]) => sum + least, 0)}px`,
  };
  const error = rows.current?.error;
  return html`
    ${error && html`<${ErrorNotice} error=${error} />`}
    <div class="grid" role="grid" ref=${view} tabindex="0" aria-label=${title(kind)} aria-rowcount=${total + 1}
      aria-colcount=${columns.length} aria-activedescendant=${total > 0 ? `row-${Math.min(active, total - 1)}` : undefined}
      aria-describedby="grid-help" style=${style} onScroll=${scrolled} onKeyDown=${pressed} hidden=${!!error}>
      <${Head} columns=${columns} order=${order} onOrder=${onOrder} />
      <div class="grid-body" role="rowgroup" style=${{ height: `${heightOf(total, rowHeight)}px` }}>
        ${shown.map((index) => html`<${Row} key=${index} kind=${kind} columns=${columns} index=${index} row=${rows.current.row(index)}
          top=${offset + index * rowHeight} isActive=${index === active} onOpen=${onOpen} onActivate=${activate} />`)}
      </div>
    </div>
    <p id="grid-help" class="unseen">${texts.table.keys(oneTitle(kind).toLowerCase())}</p>`;
}
