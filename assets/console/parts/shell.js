// The frame around every page: navigation, user, theme.

import { html, useEffect, useState } from "../core/html.js";
import { numberText } from "../core/format.js";
import { icon, ORDER, title } from "../core/kinds.js";
import { link, route } from "../core/route.js";
import { counts, logOut, session } from "../core/session.js";
import { theme, toggleTheme } from "../core/theme.js";
import { FIRST, PAGES } from "../pages.js";
import { texts } from "../texts.js";
import { Button, Icon, Text } from "./basics.js";

const LOGO = new URL("../icon.svg", import.meta.url).href;

function Entry({ href, icon: name, text, count, current }) {
  return html`<li><a href=${href} aria-current=${current ? "page" : undefined}>
    <${Icon} name=${name} /><span class="entry">${text}</span>
    ${count !== undefined && html`<span class="count">${numberText(count)}</span>`}</a></li>`;
}

function Navigation() {
  const [page = FIRST] = route.value.segments;
  const { rights = [] } = session.value;
  const shown = PAGES.filter((entry) => !entry.right || rights.includes(entry.right));
  const group = (id) => shown.filter((entry) => entry.group === id).map((entry) => html`
    <${Entry} href=${link([entry.id])} icon=${entry.icon} text=${texts.pages[entry.id]} current=${page === entry.id} />`);
  return html`<nav class="navigation" aria-label=${texts.shell.navigation}>
    ${shown.some((entry) => entry.group === "top") && html`<ul>${group("top")}</ul>`}
    <h2>${texts.shell.inventory}</h2>
    <ul>${ORDER.map((kind) => html`<${Entry} href=${link([kind])} icon=${icon(kind)} text=${title(kind)}
      count=${counts.value[kind]} current=${page === kind} />`)}</ul>
    ${shown.some((entry) => entry.group === "operate") && html`<h2>${texts.shell.operate}</h2><ul>${group("operate")}</ul>`}
  </nav>`;
}

function UserMenu() {
  const { user, administrator } = session.value;
  const isDark = theme.value === "dark";
  return html`<div class="user" role="region" aria-label=${texts.shell.user}>
    <div class="who"><${Icon} name="user-round" /><span class="user-name"><${Text} value=${user} /></span>
      <span class="quiet small">${administrator ? texts.shell.administrator : texts.shell.reader}</span></div>
    <div class="user-buttons">
      <a class="docs-link" href="/docs/">${texts.shell.docs}</a>
      <${Button} kind="plain" icon=${isDark ? "sun" : "moon"} label=${isDark ? texts.shell.light : texts.shell.dark} onClick=${toggleTheme} />
      <${Button} kind="plain" icon="log-out" label=${texts.shell.logOut} onClick=${logOut} />
    </div>
  </div>`;
}

export function Shell({ children }) {
  const [isOpen, setOpen] = useState(false);
  const { segments } = route.value;
  // A page that was opened from the menu of a phone takes its place.
  useEffect(() => setOpen(false), [segments.join("/")]);
  useEffect(() => {
    const close = (event) => event.key === "Escape" && setOpen(false);
    document.addEventListener("keydown", close);
    return () => document.removeEventListener("keydown", close);
  }, []);
  const skip = (event) => {
    event.preventDefault();
    document.getElementById("content").focus();
  };
  return html`<div class=${`shell ${isOpen ? "menu-open" : ""}`}>
    <a class="skip" href="#content" onClick=${skip}>${texts.shell.skip}</a>
    <header class="bar">
      <a class="brand" href=${link([])}><img src=${LOGO} alt="" width="26" height="26" />${texts.name}</a>
      <button type="button" class="button plain menu-button" aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}>
        <${Icon} name=${isOpen ? "x" : "menu"} /><span>${texts.shell.menu}</span></button>
    </header>
    <div class="side">
      <${Navigation} />
      <${UserMenu} />
    </div>
    <main id="content" tabindex="-1">${children}</main>
  </div>`;
}
