// The rules that answer in place of the truth, how often they were hit, and a form for another one.

import {html, nothing} from './lit-html.js'
import {call, path} from './api.js'
import {app} from './main.js'
import {plain, short} from './text.js'

let rules = null
let catalogue = null
const form = {provider: 'teli', operation: '*', gives: ''}

async function look() {
  const found = await app.attempt(() => call('GET', '/faults', {query: {space: app.space}}))
  rules = found?.faults || []
  app.refresh()
}

async function add(event) {
  event.preventDefault()
  const given = Object.fromEntries(new FormData(event.target))
  const body = {space: app.one, provider: given.provider, operation: given.operation}
  const [what, name] = [given.gives.slice(0, 1), given.gives.slice(2)]
  if (what === 'e') body.answer = {example: name}
  if (what === 'f') body.fault = name
  if (what === 's') body.answer = {status: Number(given.status || 500)}
  if (given.delay) body.delay_ms = Number(given.delay)
  if (given.times) body.times = Number(given.times)
  if (given.after) body.after = Number(given.after)
  if (given.probability) body.probability = Number(given.probability) / 100
  if (given.match) {
    const [place, ...value] = given.match.split('=')
    body.match = {[place.trim()]: value.join('=').trim()}
  }
  const written = await app.attempt(() => call('POST', '/faults', {body}))
  if (written) {
    app.say(`${written.id} is written.`)
    look()
  }
}

async function remove(rule) {
  if ((await app.attempt(() => call('DELETE', path('faults', rule.id), {query: {space: rule.space}}))) !== undefined) look()
}

async function clear() {
  if ((await app.attempt(() => call('DELETE', '/faults', {query: {space: app.space}}))) !== undefined) look()
}

function gives(rule) {
  const parts = [rule.answer?.example, rule.answer?.status, rule.fault].filter(Boolean)
  if (rule.delay_ms) parts.push(typeof rule.delay_ms === 'number' ? `${rule.delay_ms} ms late` : `${rule.delay_ms.p50} to ${rule.delay_ms.p99} ms late`)
  return parts.join(', ')
}

function when(rule) {
  const parts = Object.entries(rule.match || {}).map(([place, value]) => `${place} = ${plain(value)}`)
  if (rule.after) parts.push(`after ${rule.after}`)
  if (rule.every !== 1) parts.push(`every ${rule.every}th`)
  if (rule.times) parts.push(rule.times === 1 ? 'once' : `${rule.times} times`)
  if (rule.probability !== 1) parts.push(`${Math.round(rule.probability * 100)} %`)
  return parts.join(', ') || 'always'
}

function table() {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Rules"><table><thead><tr><th scope="col">rule</th>${app.all ? html`<th scope="col">space</th>` : nothing}
    <th scope="col">vendor</th><th scope="col">operation</th><th scope="col">gives</th><th scope="col">when</th><th scope="col" class="n">hits</th><th scope="col"><span class="hidden">Remove</span></th></tr></thead>
    <tbody>${rules.map(rule => html`<tr><th scope="row">${rule.id}</th>${app.all ? html`<td><bdi>${short(rule.space, 60)}</bdi></td>` : nothing}
      <td>${rule.provider}</td><td>${rule.operation === '*' ? 'every operation' : rule.operation}</td><td><b>${short(gives(rule))}</b></td><td><bdi>${short(when(rule))}</bdi></td>
      <td class="n" title="${rule.hits} taken of ${rule.seen} seen">${rule.hits ? html`<a href=${app.link('requests', {q: `fault:${rule.fault || rule.id}`, space: rule.space})}>${rule.hits}</a>` : 0} / ${rule.seen}</td>
      <td class="do"><button class="quiet" aria-label="Remove ${rule.id}" @click=${() => remove(rule)}>Remove</button></td></tr>`)}</tbody></table></div>`
}

function another() {
  const vendors = Object.keys(app.info?.providers || {})
  const operations = (catalogue || []).filter(one => one.provider === form.provider)
  const named = new Map()
  for (const one of form.operation === '*' ? operations : operations.filter(each => each.operation === form.operation)) {
    for (const answer of one.answers) named.set(answer.name, answer.status)
  }
  const keep = name => event => {
    form[name] = event.target.value
    app.refresh()
  }
  return html`<section class="card"><h2>Another rule</h2>
    <form class="fields" @submit=${add}>
      <label>Vendor <select name="provider" @change=${keep('provider')}>${vendors.map(name => html`<option ?selected=${name === form.provider}>${name}</option>`)}</select></label>
      <label>Operation <select name="operation" @change=${keep('operation')}><option value="*">every one</option>${operations.map(one => html`<option>${one.operation}</option>`)}</select></label>
      <label>Gives <select name="gives" @change=${keep('gives')}>
        <optgroup label="Any status"><option value="s">a status…</option></optgroup>
        <optgroup label="Documented answers">${[...named].sort((a, b) => a[1] - b[1]).map(([name, status]) => html`<option value="e ${name}">${status} ${name}</option>`)}</optgroup>
        <optgroup label="A broken connection">${(app.info?.faults || []).map(name => html`<option value="f ${name}">${name}</option>`)}</optgroup>
        <optgroup label="The truth"><option value="-">its own answer, late</option></optgroup></select></label>
      ${form.gives === '' || form.gives === 's' ? html`<label>Status <input name="status" type="number" min="200" max="599" value="500"></label>` : nothing}
      <label>Late, in ms <input name="delay" type="number" min="0" max="120000" placeholder="0"></label>
      <label>Times <input name="times" type="number" min="1" placeholder="always"></label>
      <label>After <input name="after" type="number" min="0" placeholder="0"></label>
      <label>Chance, in % <input name="probability" type="number" min="0" max="100" placeholder="100"></label>
      <label class="wide">Only where <input name="match" placeholder="body.area_code=415" autocomplete="off" spellcheck="false"></label>
      <p class="row"><button class="main">Write it</button></p>
    </form></section>`
}

export const faults = {
  title: 'Faults',
  async enter() {
    rules = null
    look()
    if (!catalogue) catalogue = await app.attempt(() => call('GET', '/operations'))
    app.refresh()
  },
  leave() {},
  poll: look,
  draw() {
    return html`<h1>Faults</h1>
      <p class="lead">Rules that answer in place of the truth. New ones go into the space <code>${short(app.one, 60)}</code>.</p>
      ${!rules ? html`<p class="empty muted">Looking…</p>` : rules.length ? html`${table()}<p class="row"><button class="quiet" @click=${clear}>Remove all</button></p>` : html`<div class="empty"><h2>Everything is answered truly</h2>
        <p>Write a rule below, or from a terminal:</p><pre class="body" tabindex="0"><code>ringback faults add teli createPhoneNumber --example no-numbers --times 2 --space ${short(app.one, 60)}</code></pre></div>`}
      ${another()}`
  },
}
