// The page: where one is, which space one looks at, what went wrong, and the keys.

import {html, nothing, render} from './lit-html.js'
import {Refused, call, path, setToken} from './api.js'
import {count, marked, short} from './text.js'
import {requests} from './requests.js'
import {answers} from './answers.js'
import {records} from './records.js'
import {faults} from './faults.js'
import {calls} from './calls.js'
import {world} from './world.js'

const VIEWS = {requests, answers, state: records, faults, calls, world}
const ALL = '*'
const POLL = 2000
const SHORTCUTS = 'ringback-shortcuts'

export const app = {
  space: 'default',
  spaces: [],
  info: null,
  view: null,
  parts: [],
  query: new URLSearchParams(),
  locked: false,
  down: false,
  said: '',
  dialog: null,
  shortcuts: localStorage.getItem(SHORTCUTS) !== 'off',

  get all() {
    return this.space === ALL
  },
  // The space that something is written to: the default one where all are looked at.
  get one() {
    return this.all ? 'default' : this.space
  },

  refresh() {
    if (this.waiting) return
    this.waiting = true
    requestAnimationFrame(() => {
      this.waiting = false
      draw()
    })
  },

  link(view, ...rest) {
    const last = rest.at(-1)
    const more = last !== null && typeof last === 'object' ? rest.pop() : {}
    const given = {space: this.space, ...more}
    const query = new URLSearchParams(Object.entries(given).filter(([, value]) => value))
    return `#${path(view, ...rest)}?${query}`
  },

  go(...to) {
    location.hash = this.link(...to)
  },

  say(text) {
    this.said = text
    clearTimeout(this.saying)
    this.saying = setTimeout(() => {
      this.said = ''
      this.refresh()
    }, 6000)
    this.refresh()
  },

  // Does something that may be refused; what was refused is said, and nothing is returned.
  async attempt(act) {
    try {
      const done = await act()
      this.down = false
      return done
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      if (error.status === 401) this.locked = true
      else if (error.status === 0) this.down = true
      else this.say(error.reasons.length ? error.reasons.slice(0, 5).join(' · ') : error.message)
      this.refresh()
      return undefined
    }
  },

  async copy(text, what) {
    try {
      await navigator.clipboard.writeText(text)
      this.say(`Copied: ${what}`)
    } catch {
      // Without https, and beyond loopback, a browser lends nobody its clipboard.
      this.ask(html`<h2>${what}</h2><p class="muted">This browser lends its clipboard to pages of loopback or https only.</p>
        <textarea class="code" rows="8" readonly aria-label=${what} .value=${text}></textarea>`)
    }
  },

  ask(content) {
    this.dialog = content
    this.refresh()
  },

  close() {
    this.dialog = null
    this.refresh()
  },
}

function parse() {
  const [where, query] = location.hash.replace(/^#\/?/, '').split('?')
  const parts = where.split('/').filter(Boolean).map(decodeURIComponent)
  const params = new URLSearchParams(query || '')
  const name = VIEWS[parts[0]] ? parts[0] : 'requests'
  const before = {view: app.view, space: app.space}
  app.space = params.get('space') || (before.view ? app.space : ALL)
  app.parts = parts.slice(1)
  app.query = params
  if (before.view !== name || before.space !== app.space) {
    if (before.view) VIEWS[before.view].leave?.()
    app.view = name
    VIEWS[name].enter?.()
    window.scrollTo(0, 0)
  }
  VIEWS[name].changed?.()
  document.title = `${VIEWS[name].title} · Ringback`
  app.refresh()
}

async function poll() {
  if (document.hidden || app.locked) return
  const found = await app.attempt(() => call('GET', '/spaces'))
  if (!found) return
  app.spaces = found.spaces
  if (!app.info) app.info = await app.attempt(() => call('GET', '/info'))
  await VIEWS[app.view].poll?.()
  app.refresh()
}

function option(space) {
  const more = [count(space.requests, 'request'), space.faults ? count(space.faults, 'rule') : '', space.frozen ? 'clock stopped' : '']
  return html`<option value=${space.name} ?selected=${space.name === app.space}>${short(space.name, 60)} · ${more.filter(Boolean).join(', ')}</option>`
}

function header() {
  const known = app.all || app.spaces.some(space => space.name === app.space)
  return html`<header class="top">
    <button class="skip" @click=${() => document.querySelector('main').focus()}>To the page</button>
    <a class="brand" href=${app.link('requests')}><img src="/_ringback/console/icon.svg" alt="" width="24" height="24">Ringback</a>
    <div class="switch">
      <label for="space">Space</label>
      <select id="space" .value=${app.space} @change=${event => app.go(app.view, {space: event.target.value})}>
        <option value=${ALL} ?selected=${app.all}>All spaces · ${count(app.spaces.length, 'world')}</option>
        ${known ? nothing : html`<option value=${app.space} selected>${short(app.space, 60)} · not open yet</option>`}
        ${app.spaces.map(option)}
      </select>
      <button class="quiet" @click=${newSpace}>New…</button>
    </div>
    <button class="quiet keys" @click=${help} aria-label="Keys and words">?</button>
    <p class="said" role="status" aria-live="polite">${app.said ? html`<span>${short(app.said, 600)}</span>` : nothing}</p>
  </header>`
}

function newSpace() {
  const from = app.one
  app.ask(html`<h2>A new space</h2>
    <p class="muted">A world of its own, opened by an API key that begins with <code>test_</code>. Clients open one by just using a new key.</p>
    <form @submit=${async event => {
      event.preventDefault()
      const given = Object.fromEntries(new FormData(event.target))
      const body = {name: given.name}
      if (given.from === 'fork') body.fork = from
      const made = await app.attempt(() => call('POST', '/spaces', {body}))
      if (!made) return
      app.close()
      app.go(app.view, {space: made.name})
      poll()
    }}>
      <label>Its key <input name="name" required pattern="test_[!-~]*" value="test_" autocomplete="off" spellcheck="false" autofocus></label>
      <label>It begins <select name="from"><option value="fixtures">with the fixtures</option><option value="fork">as a copy of ${short(from, 60)}</option></select></label>
      <p class="row"><button class="main">Open it</button></p>
    </form>`)
}

function help() {
  const keys = [
    ['/', 'search'], ['j', 'the next row'], ['k', 'the row before'], ['Enter', 'open the row'], ['Escape', 'close what is open'],
    ['s', 'choose the space'], ['p', 'stop and go on'], ['1 … 6', 'the six pages'], ['?', 'this'],
  ]
  app.ask(html`<h2>Keys</h2>
    <dl class="keys">${keys.map(([key, what]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${what}</dd></div>`)}</dl>
    <label class="check"><input type="checkbox" .checked=${app.shortcuts} @change=${event => {
      app.shortcuts = event.target.checked
      localStorage.setItem(SHORTCUTS, app.shortcuts ? 'on' : 'off')
    }}> Single keys do something here</label>
    ${app.info ? html`<h2>Words to search with</h2>
    <dl class="words">${Object.entries(app.info.search).map(([name, what]) => html`<div><dt><code>${name}:</code></dt><dd>${marked(what)}</dd></div>`)}</dl>
    <p class="muted">A word alone is looked for everywhere; a minus sign in front takes away; quotation marks keep words together.
      <code>ringback requests list</code> and <code>GET /_ringback/requests?q=</code> understand the same.</p>` : nothing}`)
}

function unlock() {
  return html`<main class="lock"><h1>A token, please</h1>
    <p>This server is reachable from other machines, so its control API wants the token of <code>ringback serve --control-token</code>.</p>
    <form @submit=${event => {
      event.preventDefault()
      setToken(new FormData(event.target).get('token'))
      app.locked = false
      VIEWS[app.view].leave?.()
      VIEWS[app.view].enter?.()
      VIEWS[app.view].changed?.()
      poll()
    }}><label>Token <input type="password" name="token" required autocomplete="off" autofocus></label>
    <p class="row"><button class="main">Open the console</button></p></form>
    <p class="muted">It stays in this tab and goes to this server only.</p></main>`
}

function draw() {
  const view = VIEWS[app.view]
  const page = app.locked ? unlock() : html`
    <nav aria-label="Pages"><ul>${Object.entries(VIEWS).map(([name, one]) => html`<li><a href=${app.link(name)}
      aria-current=${name === app.view ? 'page' : nothing}>${one.title}</a></li>`)}</ul></nav>
    <main class=${app.view} tabindex="-1">${view.draw()}</main>`
  render(html`${header()}
    ${app.down ? html`<p class="down" role="alert">The server does not answer. Start <code>ringback serve</code> again: this page goes on by itself.</p>` : nothing}
    ${page}
    <dialog aria-label="Details" @close=${() => app.close()} @click=${event => {
      if (event.target === event.currentTarget) event.currentTarget.close()
    }}>${app.dialog ? html`<div class="sheet">${app.dialog}<button class="quiet shut" aria-label="Close" @click=${() => app.close()}>×</button></div>` : nothing}</dialog>`, document.body)
  const dialog = document.querySelector('dialog')
  if (app.dialog && !dialog.open) dialog.showModal()
  if (!app.dialog && dialog.open) dialog.close()
  view.drawn?.()
}

document.addEventListener('keydown', event => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return
  if (event.key === 'Escape' && !app.dialog && VIEWS[app.view].escape?.()) return
  const typing = event.target.closest?.('input, textarea, select, [contenteditable], dialog')
  if (typing || !app.shortcuts || app.locked) return
  const pages = Object.keys(VIEWS)
  const act = {
    '/': () => document.querySelector('input[type=search]')?.focus(),
    s: () => document.getElementById('space')?.focus(),
    '?': help,
  }[event.key] || (/^[1-6]$/.test(event.key) ? () => app.go(pages[event.key - 1]) : () => VIEWS[app.view].key?.(event.key))
  if (act() !== false && '/s?123456jkp'.includes(event.key)) event.preventDefault()
})

window.addEventListener('hashchange', parse)
document.addEventListener('visibilitychange', poll)
parse()
poll()
setInterval(poll, POLL)
