// The log-in page. It stands in the place of the page of the address, which is shown after it.

import { html, useEffect, useRef, useState } from "../core/html.js";
import { logIn, session } from "../core/session.js";
import { theme, toggleTheme } from "../core/theme.js";
import { Button, ErrorNotice, Notice } from "../parts/basics.js";
import { texts } from "../texts.js";

const LOGO = new URL("../icon.svg", import.meta.url).href;

export default function Login() {
  const { message, user = "" } = session.value;
  const [error, setError] = useState(null);
  const [isBusy, setBusy] = useState(false);
  const form = useRef(null);
  useEffect(() => {
    document.title = `${texts.login.title} · ${texts.name}`;
    const { name, password } = form.current.elements;
    (name.value ? password : name).focus();
  }, []);
  const submit = async (event) => {
    event.preventDefault();
    const { name, password } = form.current.elements;
    setBusy(true);
    setError(null);
    try {
      await logIn(name.value, password.value);
    } catch (failed) {
      setError(failed);
      setBusy(false);
      password.value = "";
      password.focus();
    }
  };
  const isDark = theme.value === "dark";
  return html`<main class="login" id="content">
    <form ref=${form} onSubmit=${submit} aria-labelledby="login-title">
      <img src=${LOGO} alt="" width="48" height="48" />
      <h1 id="login-title">${texts.login.title}</h1>
      ${message && !error && html`<${Notice} kind="info">${message}<//>`}
      <${ErrorNotice} error=${error} title=${error?.status === 401 ? texts.login.refused : undefined} />
      <label for="name">${texts.login.name}</label>
      <input id="name" name="name" autocomplete="username" required maxlength="255" autocapitalize="none" spellcheck=${false} defaultValue=${user} />
      <label for="password">${texts.login.password}</label>
      <input id="password" name="password" type="password" autocomplete="current-password" required />
      <button type="submit" class="button primary" disabled=${isBusy}>${isBusy ? texts.login.busy : texts.login.submit}</button>
    </form>
    <footer><a href="/docs/">${texts.shell.docs}</a>
      <${Button} kind="plain" icon=${isDark ? "sun" : "moon"} label=${isDark ? texts.shell.light : texts.shell.dark} onClick=${toggleTheme} /></footer>
  </main>`;
}
