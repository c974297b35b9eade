// Who can do what: the own password, sessions and tokens; for administrators the users.

import { call, get, path, post, records } from "../core/api.js";
import { html, useRef, useState } from "../core/html.js";
import { agoText, timeText } from "../core/format.js";
import { link } from "../core/route.js";
import { session, start } from "../core/session.js";
import { Button, ErrorNotice, Loading, Notice, PageHead, RecordLink, Text, useLoaded } from "../parts/basics.js";
import { Copyable } from "../parts/copyable.js";
import { texts } from "../texts.js";

/** The scopes of tokens, each with the right that its user needs. */
const SCOPES = [["read", "read"], ["feeds", "feeds"], ["backup", "backup"], ["import", "import"], ["admin", "administer"]];
const USERS = 200;

function Password() {
  const [error, setError] = useState(null);
  const [isDone, setDone] = useState(false);
  const form = useRef(null);
  const save = async (event) => {
    event.preventDefault();
    const { password, next, again } = form.current.elements;
    setDone(false);
    if (next.value !== again.value) {
      setError(new Error(texts.access.different));
      return;
    }
    try {
      await call("PUT", "/rest/password", { json: { password: password.value, new_password: next.value } });
      form.current.reset();
      setError(null);
      setDone(true);
      start();
    } catch (failed) {
      setError(failed);
    }
  };
  return html`<section class="card"><h2>${texts.access.password}</h2>
    <p class="quiet">${texts.access.passwordText}</p>
    <${ErrorNotice} error=${error} />${isDone && html`<${Notice} kind="good">${texts.access.passwordDone}<//>`}
    <form ref=${form} onSubmit=${save}>
      <input type="text" name="username" autocomplete="username" value=${session.value.user} hidden readonly />
      <div class="field"><label for="password">${texts.access.present}</label><input id="password" name="password" type="password" required autocomplete="current-password" /></div>
      <div class="field"><label for="next">${texts.access.next}</label><input id="next" name="next" type="password" required minlength="10" autocomplete="new-password" /></div>
      <div class="field"><label for="again">${texts.access.again}</label><input id="again" name="again" type="password" required autocomplete="new-password" /></div>
      <button type="submit" class="button primary">${texts.access.change}</button>
    </form></section>`;
}

/** A table with a heading for each column. */
function List({ heads, rows, label: name }) {
  return html`<div class="scroll" tabindex="0" role="group" aria-label=${name}><table class="list"><thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}<td></td></tr></thead>
    <tbody>${rows.map(({ key, cells, action }) => html`<tr key=${key}>${cells.map((cell) => html`<td>${cell}</td>`)}<td>${action}</td></tr>`)}</tbody></table></div>`;
}

function Sessions() {
  const { data, error, reload } = useLoaded((signal) => get("/rest/sessions", { signal }), "sessions");
  const [failed, setFailed] = useState(null);
  const end = async (id) => {
    try {
      await call("DELETE", path(["rest", "sessions", id]));
      reload();
    } catch (problem) {
      setFailed(problem);
    }
  };
  const rows = (data?.sessions || []).map((entry) => ({
    key: entry.id,
    cells: [html`<${Text} value=${entry.user} />`, entry.address, html`<${Text} value=${entry.client} />`, timeText(entry.since), agoText(entry.last_used)],
    action: entry.current ? html`<span class="quiet">${texts.access.thisSession}</span>` : html`<${Button} onClick=${() => end(entry.id)}>${texts.access.end}<//>`,
  }));
  return html`<section class="card"><h2>${texts.access.sessions}</h2><${ErrorNotice} error=${error || failed} />
    ${data ? html`<${List} label=${texts.access.sessions} heads=${texts.access.sessionHeads} rows=${rows} />` : !error && html`<${Loading} />`}</section>`;
}

function NewToken({ onMade }) {
  const [made, setMade] = useState(null);
  const [error, setError] = useState(null);
  const make = async (event) => {
    event.preventDefault();
    const { name, scope, days, from } = event.target.elements;
    const json = { name: name.value, scope: scope.value, expires_days: Number(days.value) };
    if (from.value.trim()) json.from = from.value.trim();
    try {
      setMade(await post("/rest/tokens", json));
      setError(null);
      event.target.reset();
      onMade();
    } catch (failed) {
      setError(failed);
    }
  };
  const scopes = SCOPES.filter(([, right]) => session.value.rights.includes(right));
  return html`<${ErrorNotice} error=${error} />
    ${made && html`<${Notice} kind="good" title=${texts.access.tokenMade(made.name)}><p>${texts.access.tokenOnce}</p><${Copyable} label=${texts.access.token} text=${made.token} /><//>`}
    <details class="more"><summary>${texts.access.newToken}</summary><form onSubmit=${make}>
      <div class="field"><label for="token-name">${texts.access.tokenName}</label><input id="token-name" name="name" required maxlength="255" /></div>
      <div class="field"><label for="token-scope">${texts.access.scope}</label><select id="token-scope" name="scope">${scopes.map(([scope]) => html`<option value=${scope}>${texts.access.scopes[scope]}</option>`)}</select></div>
      <div class="field"><label for="token-days">${texts.access.days}</label><input id="token-days" name="days" type="number" min="1" max="3650" defaultValue="90" required /></div>
      <div class="field"><label for="token-from">${texts.access.from}</label><input id="token-from" name="from" placeholder="10.0.0.0/8" /></div>
      <button type="submit" class="button primary">${texts.access.make}</button></form></details>`;
}

function Tokens() {
  const { data, error, reload } = useLoaded((signal) => get("/rest/tokens", { signal }), "tokens");
  const [failed, setFailed] = useState(null);
  const revoke = async (key) => {
    try {
      await call("DELETE", path(["rest", "tokens", key]));
      reload();
    } catch (problem) {
      setFailed(problem);
    }
  };
  const rows = (data?.tokens || []).map((token) => ({
    key: token.key,
    cells: [html`<${Text} value=${token.name} />`, html`<${Text} value=${token.user} />`, token.scope, token.from || "–", timeText(token.expires)],
    action: html`<${Button} onClick=${() => revoke(token.key)}>${texts.access.revoke}<//>`,
  }));
  return html`<section class="card"><h2>${texts.access.tokens}</h2><p class="quiet">${texts.access.tokensText}</p>
    <${ErrorNotice} error=${error || failed} />
    ${rows.length > 0 && html`<${List} label=${texts.access.tokens} heads=${texts.access.tokenHeads} rows=${rows} />`}
    <${NewToken} onMade=${reload} /></section>`;
}

function Users() {
  const columns = ["name", "is_admin", "authentication", "groups", "email"];
  const { data, error } = useLoaded((signal) => records("user", { start: 0, limit: USERS, columns }, signal), "users");
  const { data: state } = useLoaded((signal) => get("/rest/state", { signal }), "state");
  const rightsText = texts.access.rightsModels[state?.rights] || "";
  const rows = (data?.rows || []).map((user) => ({
    key: user.name,
    cells: [html`<${RecordLink} kind="user" name=${user.name} />`, user.is_admin ? texts.yes : texts.no, user.authentication, (user.groups || []).join(", ") || "–", user.email || "–"],
  }));
  return html`<section class="card"><h2>${texts.access.users}</h2><p class="quiet">${texts.access.usersText} ${rightsText} <a href=${link(["user"])}>${texts.access.allUsers}</a></p>
    <${ErrorNotice} error=${error} />${data && html`<${List} label=${texts.access.users} heads=${texts.access.userHeads} rows=${rows} />`}</section>`;
}

export default function Access() {
  const { rights, administrator } = session.value;
  return html`<${PageHead} icon="shield-check" title=${texts.pages.access}><p class="quiet">${texts.access.rights(rights.join(", "))}</p><//>
    <div class="column"><${Password} /><${Sessions} /><${Tokens} />${administrator && html`<${Users} />`}</div>`;
}
