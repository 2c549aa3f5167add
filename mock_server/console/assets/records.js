// What a space holds: a table for each kind of record, to be followed, changed, added to and taken from.

import {html, nothing} from './lit-html.js'
import {call, path} from './api.js'
import {app} from './main.js'
import {count, plain, short} from './text.js'

const PAGE = 100

const held = {kinds: null, rows: [], cursor: null, loading: false, editing: null}
let shownFor = null

const kind = () => held.kinds?.find(one => one.provider === app.parts[0] && one.kind === app.parts[1])

async function kinds() {
  const found = await app.attempt(() => call('GET', '/records', {query: {space: app.one}}))
  held.kinds = found?.kinds || []
  app.refresh()
}

async function load(more = false) {
  const one = kind()
  if (!one) return
  held.loading = true
  const asked = JSON.stringify([app.one, app.parts, app.query.get('text')])
  const query = {space: app.one, limit: PAGE, text: app.query.get('text') || '', cursor: more ? held.cursor : undefined}
  const found = await app.attempt(() => call('GET', path('records', one.provider, one.kind), {query}))
  held.loading = false
  // Somebody may have gone on to another table meanwhile.
  if (asked !== JSON.stringify([app.one, app.parts, app.query.get('text')])) return
  held.rows = more ? [...held.rows, ...(found?.records || [])] : found?.records || []
  held.cursor = found?.cursor ?? null
  app.refresh()
}

async function renew() {
  await Promise.all([kinds(), load()])
}

async function put(one, record) {
  const key = String(record[one.key] ?? '')
  const done = await app.attempt(() => call('PUT', path('records', one.provider, one.kind, key), {query: {space: app.one}, body: record}))
  if (done) await renew()
  return done
}

async function remove(one, record) {
  const key = String(record[one.key])
  const gone = await app.attempt(() => call('DELETE', path('records', one.provider, one.kind, key), {query: {space: app.one}}))
  if (gone === undefined) return
  app.say(`Removed ${one.kind} ${key}`)
  await renew()
}

// A new one is the like of one that is there: the fields are right, and only its names have to be others.
function sample(one) {
  const like = held.rows[0] || Object.fromEntries(one.fields.map(name => [name, null]))
  return {...like, ...Object.fromEntries([one.key, ...one.aliases].map(name => [name, '']))}
}

function edit(one, record, isNew) {
  app.ask(html`<h2>${isNew ? `Another of ${one.kind}` : html`<bdi>${short(record[one.key], 100)}</bdi>`}</h2>
    <p class="muted">${isNew ? html`Give it a <code>${one.key}</code> of its own.` : html`The whole record. Its <code>${one.key}</code> stays.`} What the spec forbids is refused.</p>
    <form @submit=${async event => {
      event.preventDefault()
      let given
      try {
        given = JSON.parse(new FormData(event.target).get('record'))
      } catch (error) {
        app.say(`This is no JSON: ${error.message}`)
        return
      }
      if (await put(one, given)) {
        app.close()
        app.say(`${isNew ? 'Added' : 'Changed'} ${one.kind} ${plain(given[one.key])}`)
      }
    }}><textarea class="code" name="record" rows="18" spellcheck="false" aria-label="The record as JSON" .value=${JSON.stringify(record, null, 2)}></textarea>
    <p class="row"><button class="main">${isNew ? 'Add' : 'Change'}</button></p></form>`)
}

async function change(one, record, name, text) {
  held.editing = null
  const old = record[name]
  let value = text
  if (typeof old !== 'string') {
    try {
      value = text === '' ? null : JSON.parse(text)
    } catch {
      value = text
    }
  }
  if (value === old) return app.refresh()
  if (await put(one, {...record, [name]: value})) app.say(`Changed ${name}`)
  app.refresh()
}

function cell(one, record, name) {
  const value = record[name]
  const key = `${record[one.key]} ${name}`
  if (held.editing === key) {
    return html`<td><input class="edit" aria-label=${name} .value=${plain(value)} @keydown=${event => {
      if (event.key === 'Enter') change(one, record, name, event.target.value)
      if (event.key === 'Escape') {
        held.editing = null
        app.refresh()
      }
    }} @blur=${event => held.editing === key && change(one, record, name, event.target.value)}></td>`
  }
  const target = one.references[name]
  const text = html`<bdi>${short(plain(value), 80)}</bdi>`
  if (target && typeof value === 'string' && value) {
    return html`<td><a href=${app.link('state', one.provider, target, {text: value})}>${text}</a></td>`
  }
  if (name === one.key) return html`<th scope="row">${text}</th>`
  return html`<td class=${value === null || value === undefined ? 'none' : ''} title="Twice to change it" @dblclick=${() => {
    held.editing = key
    app.refresh()
    requestAnimationFrame(() => requestAnimationFrame(() => document.querySelector('input.edit')?.select()))
  }}>${value === null || value === undefined ? '–' : text}</td>`
}

function table(one) {
  const used = one.fields.filter(name => name !== one.key && held.rows.some(row => row[name] !== null && row[name] !== undefined))
  const more = [...new Set(held.rows.flatMap(Object.keys))].filter(name => !one.fields.includes(name) && name !== one.key)
  const rank = name => (one.references[name] ? 0 : /name|status|label/i.test(name) ? 1 : one.aliases.includes(name) ? 2 : 3)
  const names = [one.key, ...used.sort((a, b) => rank(a) - rank(b)), ...more]
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${one.provider} ${one.kind}"><table class="records">
    <thead><tr>${names.map(name => html`<th scope="col">${short(name, 60)}</th>`)}<th scope="col" class="do"><span class="hidden">Change</span></th></tr></thead>
    <tbody>${held.rows.map(record => html`<tr>${names.map(name => cell(one, record, name))}
      <td class="do"><button class="quiet" aria-label="Edit ${short(record[one.key], 60)}" @click=${() => edit(one, record, false)}>Edit</button>
      <button class="quiet" aria-label="Remove ${short(record[one.key], 60)}" @click=${() => remove(one, record)}>Remove</button></td></tr>`)}</tbody></table></div>`
}

// Where the kinds lie over the table, they make room for it.
function chosen(event) {
  if (window.innerWidth <= 900) event.currentTarget.closest('details').open = false
}

export const records = {
  title: 'State',
  enter() {
    shownFor = null
    held.kinds = null
    kinds().then(() => this.changed())
  },
  changed() {
    const wanted = JSON.stringify([app.space, app.parts, app.query.get('text')])
    if (!held.kinds || wanted === shownFor) return
    shownFor = wanted
    if (!kind()) {
      const best = held.kinds.find(one => one.provider === 'teli' && one.kind === 'numbers') || held.kinds.find(one => one.count) || held.kinds[0]
      if (best) location.replace(app.link('state', best.provider, best.kind))
      return
    }
    held.rows = []
    held.editing = null
    load()
  },
  draw() {
    const one = kind()
    const text = app.query.get('text') || ''
    const vendors = [...new Set((held.kinds || []).map(each => each.provider))]
    return html`<h1>State</h1>
      <div class="aside">
      <nav aria-label="Kinds of record" class="kinds"><details ?open=${window.innerWidth > 900}><summary>${one ? html`${one.provider} ${one.kind} <span class="muted">${one.count}</span>` : 'Choose a kind of record'}</summary>${vendors.map(vendor => html`<h2>${vendor}</h2><ul>${held.kinds.filter(each => each.provider === vendor).map(each => html`<li>
        <a href=${app.link('state', each.provider, each.kind)} aria-current=${each === one ? 'true' : nothing} @click=${chosen}>${each.kind} <span class="muted">${each.count}</span></a></li>`)}</ul>`)}</details></nav>
      <section class="holds" aria-label="Records">${one ? html`
        <form class="bar" role="search" @submit=${event => {
          event.preventDefault()
          app.go('state', one.provider, one.kind, {text: new FormData(event.target).get('text').trim()})
        }}><input type="search" name="text" .value=${text} aria-label="Search ${one.kind}" placeholder="a name, a number, an id…" autocomplete="off" spellcheck="false"><button>Search</button>
        <button type="button" class="main" @click=${() => edit(one, sample(one), true)}>Add</button>
        <button type="button" class="quiet" @click=${renew}>Look again</button></form>
        ${held.rows.length ? table(one) : held.loading ? html`<p class="empty muted">Looking…</p>` : html`<div class="empty"><h2>${text ? 'Nothing fits' : `No ${one.kind} yet`}</h2>
          <p>${text ? html`<a href=${app.link('state', one.provider, one.kind)}>Show all of them</a>` : html`Let your client make one, <b>Add</b> one here, or put them into a fixtures file for <code>ringback serve --fixtures</code>.`}</p></div>`}
        <p class="foot muted">${held.rows.length ? html`${held.rows.length} of ${count(one.count, 'record')} in <bdi>${short(app.one, 60)}</bdi>` : ''}
          ${held.cursor ? html`<button class="quiet" @click=${() => load(true)}>Show more</button>` : nothing}</p>` : nothing}</section></div>`
  },
  escape() {
    if (!held.editing) return false
    held.editing = null
    app.refresh()
    return true
  },
}
