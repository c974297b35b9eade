// The progress of a job.

import { cancelJob } from "../core/job.js";
import { html } from "../core/html.js";
import { numberText } from "../core/format.js";
import { texts } from "../texts.js";
import { Button } from "./basics.js";

export function Progress({ job }) {
  const { step, done = 0, total, id, cancellable } = job || {};
  const count = total ? texts.job.of(numberText(done), numberText(total)) : done ? numberText(done) : "";
  return html`<div class="progress card" role="status"><p><strong>${texts.job.step[step] || texts.job.starting}</strong> <span class="quiet">${count}</span></p>
    <progress max=${total || undefined} value=${total ? done : undefined} aria-label=${texts.job.progress}></progress>
    ${cancellable && html`<${Button} onClick=${() => cancelJob(id).catch(() => {})}>${texts.job.cancel}<//>`}</div>`;
}
