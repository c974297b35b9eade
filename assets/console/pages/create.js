// A new record.

import { html } from "../core/html.js";
import { icon, title } from "../core/kinds.js";
import { KINDS } from "../core/model.js";
import { go, link } from "../core/route.js";
import { refreshCounts } from "../core/session.js";
import { Notice, PageHead } from "../parts/basics.js";
import { Editor } from "../parts/editor.js";
import { texts } from "../texts.js";

export default function Create({ rest: [kind] }) {
  if (!Object.hasOwn(KINDS, kind || "")) return html`<${PageHead} title=${texts.unknownPage.title} /><${Notice} kind="warning">${texts.unknownPage.text}<//>`;
  const saved = (name) => {
    refreshCounts();
    go([kind, name]);
  };
  return html`<${PageHead} icon=${icon(kind)} title=${texts.edit.newTitle(kind)} above=${html`<a href=${link([kind])}>${title(kind)}</a>`} />
    <${Editor} kind=${kind} onSaved=${saved} onCancel=${() => go([kind])} />`;
}
