// The entry of the console: shows the log-in page, or the page of the address in its frame.

import { html, render, useEffect, useState } from "./core/html.js";
import { KINDS } from "./core/model.js";
import { route } from "./core/route.js";
import { can, session, start } from "./core/session.js";
import "./core/theme.js";
import { FIRST, PAGES } from "./pages.js";
import { ErrorNotice, Loading, Notice, PageHead } from "./parts/basics.js";
import { Shell } from "./parts/shell.js";
import { texts } from "./texts.js";

/** The module of a page, loaded when the page is first opened. */
const modules = {
  login: () => import("./pages/login.js"),
  table: () => import("./pages/table.js"),
  record: () => import("./pages/record.js"),
  ...Object.fromEntries(PAGES.map((page) => [page.id, page.load])),
};

const loaded = {};

function Module({ name, ...rest }) {
  const [, setTurn] = useState(0);
  const [error, setError] = useState(null);
  useEffect(() => {
    let isShown = true;
    if (!loaded[name]) {
      modules[name]().then(
        (module) => {
          loaded[name] = module.default;
          if (isShown) setTurn((turn) => turn + 1);
        },
        () => isShown && setError(new Error(texts.errors.updated)),
      );
    }
    return () => { isShown = false; };
  }, [name]);
  if (error) return html`<${ErrorNotice} error=${error} title=${texts.errors.pageTitle} />`;
  const Page = loaded[name];
  return Page ? html`<${Page} ...${rest} />` : html`<${Loading} />`;
}

function Page() {
  const { segments } = route.value;
  const [first = FIRST, name] = segments;
  // A node is a device or a network; only its record has a page.
  if (Object.hasOwn(KINDS, first) || (first === "node" && name !== undefined)) {
    return name === undefined
      ? html`<${Module} name="table" key=${first} kind=${first} />`
      : html`<${Module} name="record" key=${`${first}/${name}`} kind=${first} name_=${name} />`;
  }
  const page = PAGES.find((entry) => entry.id === first);
  if (page && (!page.right || can(page.right))) return html`<${Module} name=${first} key=${first} rest=${segments.slice(1)} />`;
  return page
    ? html`<${PageHead} title=${texts.noRight.title} /><${Notice} kind="warning">${texts.noRight.text(page.right)}<//>`
    : html`<${PageHead} title=${texts.unknownPage.title} /><${Notice} kind="warning">${texts.unknownPage.text}<//>`;
}

function App() {
  const { state } = session.value;
  if (state === "starting") return html`<div class="starting"><${Loading} /></div>`;
  if (state === "out") return html`<${Module} name="login" key="login" />`;
  return html`<${Shell}><${Page} /><//>`;
}

const root = document.getElementById("app");
root.replaceChildren();
render(html`<${App} />`, root);
start();
// The modules of the first page are loaded while the server is asked who is logged in.
modules.table();
