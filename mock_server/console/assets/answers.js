// Every documented answer as a button: brought about by the input that the pages name, or by force.

import {html, nothing} from './lit-html.js'
import {call} from './api.js'
import {app} from './main.js'
import {chip, count, grade, short} from './text.js'

let catalogue = null
let wanted = ''
const came = new Map()

const id = (one, answer) => `${one.provider}/${one.operation}/${answer.name}`

async function send(one, answer, way) {
  const body = {space: app.one, provider: one.provider, operation: one.operation, answer: answer.name, way}
  const done = await app.attempt(() => call('POST', '/provoke', {body}))
  if (!done) return
  came.set(id(one, answer), {...done, way})
  app.refresh()
}

async function nextTime(one, answer) {
  const body = {space: app.one, provider: one.provider, operation: one.operation, answer: {example: answer.name}, times: 1}
  const rule = await app.attempt(() => call('POST', '/faults', {body}))
  if (rule) app.say(`${rule.id}: the next ${one.operation} in ${app.one} is answered with ${answer.name}, once.`)
}

function outcome(done) {
  if (!done) return nothing
  const right = done.status === done.expected
  const number = html`<a href=${app.link('requests', String(done.number), {space: done.space, in: done.space})}>see it</a>`
  return html`<p class="came ${right ? 'good' : 'warn'}" role="status">${chip(done.status)}
    ${right ? 'came, as documented' : `came instead of ${done.expected}: this space is not as the pages assume. A new space is.`}
    ${done.requests > 1 ? `, after ${count(done.requests - 1, 'step')}` : ''} · ${number}</p>`
}

function answerOf(one, answer) {
  const natural = answer.how === 'natural'
  return html`<li class="answer">
    <div class="says">${chip(answer.status)} <b>${answer.name}</b> ${grade(answer.evidence, answer.source)}
      ${answer.summary ? html`<p class="muted">${short(answer.summary)}</p>` : nothing}
      ${outcome(came.get(id(one, answer)))}</div>
    <div class="do">
      ${natural ? html`<button class="main" @click=${() => send(one, answer, 'natural')} title="Sends what the pages name for it">Send</button>` : nothing}
      <button @click=${() => send(one, answer, 'forced')} title="Asks for it with the header Prefer">Force</button>
      <button @click=${() => nextTime(one, answer)} title="Writes a rule: your client's next request gets it">Next time</button>
      <button class="quiet" @click=${() => app.copy(answer.provoke.join('\n'), 'the shell lines')}>Copy</button>
    </div></li>`
}

function operation(one) {
  return html`<details class="operation" ?open=${wanted.length > 2}>
    <summary><b>${one.operation}</b> <span class="muted">${one.summary}</span> <code class="muted">${one.method} ${one.path}</code>
      <span class="chips">${[...new Set(one.answers.map(answer => answer.status))].map(chip)}</span></summary>
    <ul class="plain">${one.answers.map(answer => answerOf(one, answer))}</ul>
    ${one.magic.length ? html`<details class="magic"><summary>${count(one.magic.length, 'magic value')}</summary><ul>
      ${one.magic.map(magic => html`<li><code>${magic.at}</code> ${magic.values.map(value => html`<code>${value}</code> `)}: ${magic.gives}</li>`)}</ul></details>` : nothing}
  </details>`
}

export const answers = {
  title: 'Answers',
  async enter() {
    came.clear()
    if (!catalogue) catalogue = await app.attempt(() => call('GET', '/operations'))
    app.refresh()
  },
  changed() {
    wanted = (app.query.get('q') || '').toLowerCase()
  },
  draw() {
    const vendors = [...new Set((catalogue || []).map(one => one.provider))]
    const fits = one => wanted.split(/\s+/).every(word => `${one.provider} ${one.operation} ${one.path} ${one.summary} ${one.answers.map(answer => `${answer.name} ${answer.status}`).join(' ')}`.toLowerCase().includes(word))
    const found = (catalogue || []).filter(fits)
    return html`<h1>Answers</h1>
      <p class="lead">Everything the vendors document, ready to be seen. <b>Send</b> does what the pages say brings it about, <b>Force</b> asks for it outright,
        <b>Next time</b> keeps it for your client's next request. All of it happens in the space <code>${short(app.one, 60)}</code>.</p>
      <form class="bar" role="search" @submit=${event => {
        event.preventDefault()
        app.go('answers', {q: new FormData(event.target).get('q').trim()})
      }}><input type="search" name="q" .value=${wanted} aria-label="Search answers" placeholder="teli 429, agent-not-found, create…" autocomplete="off" spellcheck="false"><button>Search</button></form>
      ${!catalogue ? html`<p class="empty muted">Looking…</p>` : nothing}
      ${catalogue && !found.length ? html`<div class="empty"><h2>Nothing fits</h2><p><a href=${app.link('answers')}>Show all of them</a></p></div>` : nothing}
      ${vendors.map(vendor => {
        const here = found.filter(one => one.provider === vendor)
        return here.length ? html`<section><h2>${app.info?.providers[vendor]?.title || vendor} <small class="muted">${count(here.length, 'operation')}</small></h2>${here.map(operation)}</section>` : nothing
      })}`
  },
}
