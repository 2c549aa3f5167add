// Calls and what was delivered of them: numbers are rung here, and an application is told.

import {html, nothing} from './lit-html.js'
import {call, path} from './api.js'
import {app} from './main.js'
import {body, chip, clock, count, duration, plain, short} from './text.js'

const held = {calls: null, deliveries: [], webhooks: []}
// What is unfolded, by name: the lists grow at their top, and what one reads or presses must not become another's.
const unfolded = new Set()

async function look() {
  const query = {space: app.one}
  const [placed, sent, directed] = await Promise.all([
    app.attempt(() => call('GET', '/calls', {query: {...query, limit: 1000, order: 'newest'}})),
    app.attempt(() => call('GET', '/deliveries', {query: {...query, limit: 1000, order: 'newest'}})),
    app.attempt(() => call('GET', '/webhooks', {query})),
  ])
  held.calls = placed?.calls || []
  held.deliveries = sent?.deliveries || []
  held.webhooks = directed?.webhooks || []
  app.refresh()
}

async function dial(event) {
  event.preventDefault()
  const given = Object.fromEntries([...new FormData(event.target)].filter(([, value]) => value))
  const placed = await app.attempt(() => call('POST', '/calls', {body: {space: app.one, ...given}}))
  if (!placed) return
  app.say(plain(placed.why) || 'It rings.')
  look()
}

async function hangUp(one) {
  await app.attempt(() => call('POST', path('calls', one.id, 'hangup'), {query: {space: app.one}}))
  look()
}

async function replay(one) {
  const done = await app.attempt(() => call('POST', path('deliveries', String(one.number), 'replay'), {query: {space: app.one}}))
  if (done) app.say(`Sent again: ${done.state}`)
  look()
}

async function direct(event) {
  event.preventDefault()
  const given = Object.fromEntries(new FormData(event.target))
  const done = await app.attempt(() => call('PUT', path('webhooks', given.provider), {query: {space: app.one}, body: {url: given.url}}))
  if (done) app.say(`${given.provider}'s events go to ${given.url}`)
  look()
}

async function undirect(name) {
  await app.attempt(() => call('DELETE', path('webhooks', name), {query: {space: app.one}}))
  look()
}

// A part of a row that opens and shuts, and stays with its row.
function folds(name, title, content) {
  return html`<details .open=${unfolded.has(name)}><summary @click=${event => {
    event.preventDefault()
    if (!unfolded.delete(name)) unfolded.add(name)
    app.refresh()
  }}>${title}</summary>${content}</details>`
}

function placed() {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Calls"><table><thead><tr><th scope="col">began</th><th scope="col">vendor</th><th scope="col">from</th><th scope="col">to</th><th scope="col">state</th><th scope="col">why</th><th scope="col"><span class="hidden">End it</span></th></tr></thead>
    <tbody>${held.calls.map(one => html`<tr><td>${clock(one.created_at)}</td><td>${one.provider}</td><td><bdi>${short(plain(one.from), 40)}</bdi></td><td><bdi>${short(plain(one.to), 40)}</bdi></td>
      <td><span class="tag ${one.state}">${one.state}</span> ${short(plain(one.outcome), 40)}</td><td><bdi>${short(plain(one.why), 200)}</bdi>${one.transcript?.length ? folds(`call ${one.id}`, `${count(one.transcript.length, 'line')} said`, one.transcript.map(line => html`<p><b>${short(line.speaker, 20)}</b> <bdi>${short(line.text, 500)}</bdi></p>`)) : nothing}</td>
      <td class="do">${one.state === 'ended' ? nothing : html`<button class="quiet" @click=${() => hangUp(one)}>Hang up</button>`}</td></tr>`)}</tbody></table></div>`
}

function sent() {
  return html`<ul class="plain deliveries">${held.deliveries.map(one => html`<li>${folds(`delivery ${one.number}`, html`<span class="muted">${clock(one.at)}</span> <b>${one.event}</b> <span class="muted">${one.provider}</span>
    <span class="tag ${one.state}">${one.state}</span> ${one.attempts.map(tried => chip(tried.status))} <bdi class="muted">${short(one.url, 100)}</bdi>`, html`
    ${one.reason ? html`<p class="warn">${short(one.reason)}</p>` : nothing}
    ${one.attempts.map(tried => html`<p class="muted">${clock(tried.at)} ${chip(tried.status)} ${duration(tried.milliseconds)} ${short(plain(tried.error) || plain(tried.body), 300)}</p>`)}
    ${body(one.body)}<p class="row"><button @click=${() => replay(one)}>Send it again</button></p>`)}</li>`)}</ul>`
}

export const calls = {
  title: 'Calls',
  enter() {
    held.calls = null
    unfolded.clear()
    look()
  },
  poll: look,
  draw() {
    const vendors = Object.keys(app.info?.providers || {})
    const telling = vendors.filter(name => app.info.providers[name].events.length)
    return html`<h1>Calls</h1>
      <p class="lead">Ring a number of the space <code>${short(app.one, 60)}</code>; its calls move with the space's clock, and your application is told.</p>
      <section class="card"><h2>Ring</h2><form class="fields" @submit=${dial}>
        <label>Number <input name="to" required placeholder="+14155551234" autocomplete="off"></label>
        <label>Vendor <select name="provider"><option value="">whoever has it</option>${vendors.map(name => html`<option>${name}</option>`)}</select></label>
        <label>What happens <select name="outcome"><option value="">what would</option>${['answered', 'no-answer', 'busy', 'voicemail', 'failed'].map(name => html`<option>${name}</option>`)}</select></label>
        <p class="row"><button class="main">Ring it</button></p></form></section>
      <section class="card"><h2>Webhooks</h2>
        ${held.webhooks.length ? html`<ul>${held.webhooks.map(one => html`<li>${one.provider}: <bdi>${short(one.url)}</bdi> <button class="quiet" @click=${() => undirect(one.provider)}>Send them nowhere</button></li>`)}</ul>` : nothing}
        <form class="fields" @submit=${direct}><label>Vendor <select name="provider">${telling.map(name => html`<option>${name}</option>`)}</select></label>
          <label class="wide">Its events go to <input name="url" type="url" required placeholder="http://127.0.0.1:3000/events"></label><p class="row"><button>Send them there</button></p></form></section>
      <section><h2>Calls</h2>${!held.calls ? html`<p class="empty muted">Looking…</p>` : held.calls.length ? placed() : html`<div class="empty"><h3>Nobody has called yet</h3>
        <p>Ring a number above, or from a terminal:</p><pre class="body" tabindex="0"><code>ringback dial +14155551234 --space ${short(app.one, 60)}</code></pre></div>`}</section>
      <section><h2>Deliveries</h2>
        ${held.deliveries.length ? sent() : html`<div class="empty"><h3>Nothing was delivered</h3><p>Say above where a vendor's events go, or from a terminal, and ring:</p>
          <pre class="body" tabindex="0"><code>ringback webhooks set vogent http://127.0.0.1:3000/events --space ${short(app.one, 60)}</code></pre></div>`}</section>`
  },
}
