// What the server is asked, live: a list of any length of which only what is seen is drawn.

import {html, nothing} from './lit-html.js'
import {Refused, call, events} from './api.js'
import {app} from './main.js'
import {exchange} from './exchange.js'
import {chip, clock, count, duration, short, statusClass} from './text.js'

const KEPT = 5000
const FIRST = 500
const AHEAD = 8

const list = {rows: [], held: [], skipped: 0, last: 0, wrong: '', live: false, paused: false, loading: true, rate: 0, top: 0, height: 0}
let abort = null
let pending = []
let seen = 0
let applied = null
// The row that the keys have come to, until it has the focus: whoever types quickly is ahead of the picture.
let aim = null

const rowHeight = () => (window.innerWidth < 700 ? 56 : 36)

async function start() {
  abort?.abort()
  abort = new AbortController()
  const {signal} = abort
  const query = {space: app.space, q: app.query.get('q') || '', brief: true}
  applied = JSON.stringify([query.space, query.q])
  Object.assign(list, {rows: [], held: [], skipped: 0, wrong: '', live: false, loading: true, cursor: null})
  pending = []
  app.refresh()
  for (let pause = 500; !signal.aborted; pause = Math.min(pause * 2, 5000)) {
    try {
      if (list.loading) await first(query, signal)
      if (signal.aborted) return
      const stream = {q: query.q, brief: true, after: list.last, space: app.all ? '' : query.space}
      await events(stream, signal, took, () => {
        list.live = true
        app.down = false
        pause = 500
        app.refresh()
      })
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof Refused && error.status === 401) app.locked = true
      if (error instanceof Refused && error.status === 400) {
        list.wrong = error.message
        list.loading = false
        app.refresh()
        return
      }
      // A space that nobody has opened yet has no requests, and may have some soon.
      if (error instanceof Refused && error.status === 404) list.loading = false
      if (app.locked) return
    }
    list.live = false
    app.refresh()
    await new Promise(done => setTimeout(done, pause))
  }
}

async function first(query, signal) {
  const found = await call('GET', '/requests', {query: {...query, order: 'newest', limit: FIRST}})
  if (signal.aborted) return
  list.rows = found.requests
  list.last = found.newest
  list.loading = false
}

function took(name, data, id) {
  if (name === 'skipped') list.skipped += data.count
  if (name !== 'requests') return
  list.last = Number(id)
  seen += data.length
  pending.push(...data)
  if (pending.length > KEPT) {
    list.skipped += pending.length - KEPT
    pending = pending.slice(-KEPT)
  }
  app.refresh()
}

// What came since the last picture, in one go.
function flush() {
  if (!pending.length) return
  const fresh = pending.reverse()
  pending = []
  if (list.paused) {
    list.held = [...fresh, ...list.held].slice(0, KEPT)
    return
  }
  list.rows = [...fresh, ...list.rows].slice(0, KEPT)
  // Who has scrolled away stays with what he reads.
  if (list.top > 0) {
    list.top += fresh.length * rowHeight()
    list.push = true
  }
}

function pause() {
  list.paused = !list.paused
  if (!list.paused) {
    list.rows = [...list.held, ...list.rows].slice(0, KEPT)
    list.held = []
  }
  app.refresh()
}

function find(event) {
  event.preventDefault()
  app.go('requests', {q: new FormData(event.target).get('q').trim()})
}

async function clear() {
  await app.attempt(() => call('DELETE', '/requests', {query: {space: app.space}}))
  start()
}

// Two spaces of a shared store may have the same number.
const where = one => ['requests', String(one.number), {q: app.query.get('q') || '', in: one.space}]
const isOpen = one => one.number === exchange.number && (!exchange.space || one.space === exchange.space)

const linkOf = one => document.querySelector(`[data-number="${one.number}"][data-space="${CSS.escape(one.space)}"]`)

function row(one, index) {
  const open = isOpen(one)
  const asked = one.operation || `${one.method} ${one.path}`
  return html`<div role="row" class="r ${open ? 'open' : ''}" aria-rowindex=${index + 2}>
    <span role="cell" class="time">${clock(one.at)}</span>
    <span role="cell"><span class=${statusClass(one.status)}>${one.status || '---'}</span></span>
    <span role="cell" class="vendor">${one.provider}</span>
    <span role="cell" class="what"><a href=${app.link(...where(one))} data-number=${one.number} data-space=${one.space} aria-current=${open ? 'true' : nothing}><bdi>${short(asked)}</bdi></a>
      ${one.operation ? html`<bdi class="path">${short(`${one.method} ${one.path}`)}</bdi>` : html`<span class="path warn">nobody understood this</span>`}</span>
    <span role="cell" class="chosen">${one.findings ? html`<span class="tag">${one.findings.length ? count(one.findings.length, 'finding') : 'endpoint'}</span>` : one.fault ? html`<span class="tag">${short(one.fault, 40)}</span>` : one.status >= 400 && one.answer ? short(one.answer, 60) : ''}</span>
    <span role="cell" class="in"><bdi>${app.all ? short(one.space, 60) : ''}</bdi></span>
    <span role="cell" class="ms">${duration(one.milliseconds)}</span>
  </div>`
}

function table() {
  const height = rowHeight()
  const begin = Math.max(0, Math.floor(list.top / height) - AHEAD)
  const end = Math.min(list.rows.length, begin + Math.ceil((list.height || 800) / height) + 2 * AHEAD)
  return html`<div role="table" class="table" aria-label="Requests, newest first" aria-rowcount=${list.rows.length + 1}>
    <div role="rowgroup" class="head"><div role="row" class="r" aria-rowindex="1">
      ${['time', 'status', 'vendor', 'asked', 'answer', app.all ? 'space' : '', 'took'].map(title => html`<span role="columnheader">${title || html`<span class="hidden">space</span>`}</span>`)}
    </div></div>
    <div class="rows" role="rowgroup" tabindex="0" aria-label="Requests" @scroll=${event => {
      list.top = event.target.scrollTop
      app.refresh()
    }}>
      <div role="presentation" class="tall" .style=${`height:${list.rows.length * height}px`}>
        <div role="presentation" class="seen" .style=${`transform:translateY(${begin * height}px)`}>
          ${list.rows.slice(begin, end).map((one, index) => row(one, begin + index))}
        </div>
      </div>
    </div>
  </div>`
}

function empty() {
  if (list.loading) return html`<p class="empty muted">Looking…</p>`
  if (app.query.get('q')) return html`<div class="empty"><h2>Nothing fits</h2><p>No request that is kept fits <code>${short(app.query.get('q'))}</code>.</p>
    <p><a href=${app.link('requests')}>Show all of them</a></p></div>`
  const key = app.all || app.space === 'default' ? 'test_me' : app.space
  const line = `curl -X POST ${location.origin}/teli/v1/voice/phone-numbers/+14155551234/update-agent \\
  -H 'X-API-Key: ${key}' -H 'Content-Type: application/json' \\
  -d '{"inbound_agent_id": "agent_abc123"}'`
  return html`<div class="empty"><h2>It is quiet here</h2>
    <p>Point your client at this server, or paste this into a terminal. It shows up here at once.</p>
    <pre class="body" tabindex="0"><code>${line}</code></pre>
    <p class="row"><button @click=${() => app.copy(line, 'the command')}>Copy</button>
    <a href=${app.link('answers')}>or choose an answer to see</a></p></div>`
}

function state() {
  if (list.paused) return html`<span class="dot held"></span>stopped${list.held.length ? `, ${count(list.held.length, 'new one')} wait` : ''}`
  if (list.live) return html`<span class="dot"></span>live${list.rate >= 1 ? `, ${list.rate.toLocaleString('en')} a second` : ''}`
  return html`<span class="dot off"></span>${list.loading || list.wrong ? 'not live' : 'connecting…'}`
}

setInterval(() => {
  const rate = seen
  seen = 0
  if (list.rate !== rate) {
    list.rate = rate
    app.refresh()
  }
}, 1000)

export const requests = {
  title: 'Requests',
  enter: () => {
    applied = null
  },
  leave: () => {
    abort?.abort()
  },
  changed() {
    const wanted = JSON.stringify([app.space, app.query.get('q') || ''])
    if (wanted !== applied) start()
    exchange.open(app.parts[0] ? Number(app.parts[0]) : null, app.query.get('in') || '')
  },
  draw() {
    flush()
    const open = exchange.number
    const query = app.query.get('q') || ''
    return html`<h1 class="hidden">Requests</h1>
    <form class="bar" role="search" @submit=${find}>
      <input type="search" name="q" .value=${query} aria-label="Search requests" autocomplete="off" spellcheck="false"
        placeholder="teli status:500 op:updatePhoneAgent -fault:* body.area_code:415" @search=${event => event.target.form.requestSubmit()}>
      <button>Search</button>
      <span class="state">${state()}</span>
      <button type="button" @click=${pause} aria-pressed=${String(list.paused)}>${list.paused ? 'Go on' : 'Stop'}</button>
      <button type="button" class="quiet" @click=${clear}>Forget all</button>
    </form>
    ${list.wrong ? html`<p class="wrong" role="alert">${short(list.wrong, 600)}</p>` : nothing}
    <div class="split ${open ? 'two' : ''}">
      <section class="listed" aria-label="List">
        ${list.rows.length ? table() : list.wrong ? nothing : empty()}
        <p class="foot muted">${list.rows.length ? count(list.rows.length, 'request') : ''}${list.rows.length >= KEPT ? ', the newest' : ''}${list.skipped
    ? ` · ${count(list.skipped, 'more')} went by too quickly to be shown` : ''}</p>
      </section>
      ${open ? exchange.draw() : nothing}
    </div>`
  },
  drawn() {
    const rows = document.querySelector('.rows')
    if (!rows) return
    if (list.push) {
      rows.scrollTop = list.top
      list.push = false
    }
    if (rows.clientHeight !== list.height) {
      list.height = rows.clientHeight
      app.refresh()
    }
  },
  escape() {
    if (!exchange.number) return false
    const back = list.rows.find(isOpen)
    app.go('requests', {q: app.query.get('q') || ''})
    requestAnimationFrame(() => back && linkOf(back)?.focus())
    return true
  },
  key(key) {
    if (key === 'p') return pause()
    if (key !== 'j' && key !== 'k') return false
    const {number, space} = document.activeElement?.dataset || {}
    const at = aim || (number ? {number: Number(number), space} : exchange)
    const index = list.rows.findIndex(one => one.number === at.number && (!at.space || one.space === at.space))
    const next = list.rows[index < 0 ? 0 : Math.max(0, Math.min(list.rows.length - 1, index + (key === 'j' ? 1 : -1)))]
    if (!next) return true
    const rows = document.querySelector('.rows')
    const place = list.rows.indexOf(next) * rowHeight()
    if (place < rows.scrollTop || place > rows.scrollTop + rows.clientHeight - rowHeight()) rows.scrollTop = place
    list.top = rows.scrollTop
    aim = next
    app.refresh()
    requestAnimationFrame(() => requestAnimationFrame(() => {
      if (aim !== next) return
      aim = null
      linkOf(next)?.focus({preventScroll: true})
    }))
    if (exchange.number) app.go(...where(next))
    return true
  },
}

window.addEventListener('resize', () => app.refresh())
