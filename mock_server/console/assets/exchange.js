// One exchange: what was asked and answered, why, how that is known, and what to do with it next.

import {html, nothing} from './lit-html.js'
import {call, path} from './api.js'
import {app} from './main.js'
import {body, chip, duration, grade, marked, moment, shown, short} from './text.js'

let found = null

function headers(all) {
  const rows = Object.entries(all)
  if (!rows.length) return nothing
  return html`<details><summary>${rows.length} headers</summary><table class="pairs"><caption class="hidden">Headers</caption><tbody>
    ${rows.map(([name, value]) => html`<tr><th scope="row">${short(name, 100)}</th><td><bdi>${short(value, 2000)}</bdi></td></tr>`)}</tbody></table></details>`
}

// What was asked stands above it already.
const meant = (hint, one) => (hint.startsWith(`${one.method} ${one.path}: `) ? hint.slice(one.method.length + one.path.length + 3) : hint)

async function again(rule) {
  const written = await app.attempt(() => call('POST', '/faults', {body: rule}))
  if (written) app.say(`${written.id} answers the next ${rule.operation} so, once.`)
}

export const exchange = {
  number: null,
  space: '',

  async open(number, space) {
    if (number === this.number && space === this.space) return
    Object.assign(this, {number, space})
    found = null
    if (!number) return
    const one = await app.attempt(() => call('GET', path('requests', String(number)), {query: {space}}))
    if (this.number !== number || this.space !== space) return
    found = one || {missing: true}
    app.refresh()
  },

  draw() {
    const back = app.link('requests', {q: app.query.get('q') || ''})
    const close = html`<a class="quiet button shut" href=${back} aria-label="Close this request">×</a>`
    if (!found) return html`<article class="detail" aria-label="Request">${close}<p class="muted">Looking…</p></article>`
    if (found.missing) return html`<article class="detail" aria-label="Request">${close}<h2>No longer kept</h2><p>The journal keeps the newest exchanges; this one is gone.</p></article>`
    const one = found
    const why = one.explained
    return html`<article class="detail" aria-label="Request">
      ${close}
      <p class="muted over">${one.provider} · ${moment(one.at)} · ${duration(one.milliseconds)} · <a href=${app.link('requests', {space: one.space})}><bdi>${short(one.space, 80)}</bdi></a></p>
      <h2>${chip(one.status)} <bdi>${short(one.operation || 'Nobody understood this')}</bdi></h2>
      <p class="asked"><code><bdi>${short(one.method)} ${short(one.path, 500)}${one.query ? `?${short(one.query, 500)}` : ''}</bdi></code></p>
      <section class="why" aria-label="Why this answer">
        ${why.why.map(text => html`<p>${shown(text)}</p>`)}
        ${why.summary ? html`<p class="muted">${shown(why.summary)}</p>` : nothing}
        <p>${grade(why.evidence, why.source)}</p>
        ${why.hints.length ? html`<ul class="hints">${why.hints.map(hint => html`<li><bdi>${marked(meant(hint, one))}</bdi></li>`)}</ul>` : nothing}
        ${why.unread.length && !why.hints.length ? html`<p class="warn">Sent, and not read: ${why.unread.map((name, index) => html`${index ? ', ' : ''}<code>${short(name, 100)}</code>`)}</p>` : nothing}
      </section>
      <p class="row">
        <button @click=${() => app.copy(why.curl, 'the request as curl')}>Copy as curl</button>
        ${why.rule ? html`<button @click=${() => app.copy(JSON.stringify(why.rule, null, 2), 'a rule that answers so')}>Copy as fault rule</button>
        <button @click=${() => again(why.rule)}>Answer so next time</button>` : nothing}
      </p>
      <section aria-label="Asked"><h3>Asked</h3>${body(one.request_body, why.unread)}${headers(one.request_headers)}</section>
      <section aria-label="Answered"><h3>Answered ${one.answer ? html`<code class="muted">${short(one.answer)}</code>` : nothing}</h3>
        ${one.status ? body(one.response_body) : html`<p class="muted">Nothing: the connection was broken.</p>`}</section>
    </article>`
  },
}
