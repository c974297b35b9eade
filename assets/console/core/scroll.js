// The arithmetic of a table that draws only the rows that are seen.

/**
 * The largest height of the scrolled area in pixels. Browsers cap the height of an element: Chromium at
 * 33,554,428 and others at 16,777,200. Beyond this height, a pixel of the scroll bar is more than one of
 * the rows.
 */
export const HEIGHT_MAX = 8_000_000;

/** The rows above and below the seen ones that are drawn too, so that scrolling shows no gap. */
const SPARE_ROWS = 6;

/** Returns the height of the scrolled area. */
export const heightOf = (total, rowHeight) => Math.min(total * rowHeight, HEIGHT_MAX);

/** Returns the distance of the first pixel that is seen from the top of all rows. */
export function rowsTop({ scrollTop, total, rowHeight, viewHeight }) {
  const height = heightOf(total, rowHeight);
  const range = height - viewHeight;
  if (range <= 0) return 0;
  return (Math.min(scrollTop, range) / range) * (total * rowHeight - viewHeight);
}

/** Returns the scroll position that shows the rows from `top` on. */
export function scrollTopOf({ top, total, rowHeight, viewHeight }) {
  const range = heightOf(total, rowHeight) - viewHeight;
  const rows = total * rowHeight - viewHeight;
  return rows <= 0 ? 0 : (Math.max(0, Math.min(top, rows)) / rows) * Math.max(0, range);
}

/** Returns the first row to draw, the row after the last one, and the offset of row 0 in the area. */
export function drawn({ scrollTop, total, rowHeight, viewHeight }) {
  const top = rowsTop({ scrollTop, total, rowHeight, viewHeight });
  const first = Math.max(0, Math.floor(top / rowHeight) - SPARE_ROWS);
  const end = Math.min(total, Math.ceil((top + viewHeight) / rowHeight) + SPARE_ROWS);
  return { first, end, offset: scrollTop - top };
}

/** Returns the scroll position that shows a row, as near to the present one as possible. */
export function revealing({ row, scrollTop, total, rowHeight, viewHeight }) {
  const top = rowsTop({ scrollTop, total, rowHeight, viewHeight });
  const from = row * rowHeight;
  if (from < top) return scrollTopOf({ top: from, total, rowHeight, viewHeight });
  if (from + rowHeight > top + viewHeight) {
    return scrollTopOf({ top: from + rowHeight - viewHeight, total, rowHeight, viewHeight });
  }
  return scrollTop;
}
