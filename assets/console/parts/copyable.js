// A text with a button that copies it.

import { html, useRef, useState } from "../core/html.js";
import { texts } from "../texts.js";
import { Button } from "./basics.js";

/** The text is selected and copied from the page: the newer way needs TLS or this machine. */
export function Copyable({ text, label: name }) {
  const field = useRef(null);
  const [isCopied, setCopied] = useState(false);
  const copy = () => {
    const range = document.createRange();
    range.selectNodeContents(field.current);
    const selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    setCopied(document.execCommand("copy"));
  };
  return html`<div class="copyable"><pre class="code" ref=${field} tabindex="0" role="group" aria-label=${name}>${text}</pre>
    <${Button} icon=${isCopied ? "check" : undefined} onClick=${copy}>${isCopied ? texts.record.copied : texts.record.copy}<//></div>`;
}
