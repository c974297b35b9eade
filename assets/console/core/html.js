// The view library: Preact with templates in plain JavaScript (htm).

import { h } from "../vendor/preact.js";
import htm from "../vendor/htm.js";

export { Component, Fragment, createRef, render } from "../vendor/preact.js";
export { useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "../vendor/hooks.js";
export { batch, computed, effect, signal } from "../vendor/signals.js";

export const html = htm.bind(h);
