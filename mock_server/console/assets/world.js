// The space as a whole: its time, its chance, copies of it, and its end.

import {html, nothing} from './lit-html.js'
import {call, path} from './api.js'
import {app} from './main.js'
import {count, moment, short} from './text.js'

let snapshots = null

async function look() {
  const found = await app.attempt(() => call('GET', '/snapshots'))
  snapshots = found?.snapshots || []
  app.refresh()
}

const here = () => app.spaces.find(space => space.name === app.one)

async function act(method, where, body, said, query = {space: app.one}) {
  const done = await app.attempt(() => call(method, where, {query, body}))
  if (done === undefined) return undefined
  if (said) app.say(said)
  const found = await app.attempt(() => call('GET', '/spaces'))
  if (found) app.spaces = found.spaces
  await look()
  return done ?? true
}

const given = event => {
  event.preventDefault()
  return Object.fromEntries(new FormData(event.target))
}

function time(space) {
  const on = seconds => act('POST', '/clock/advance', {seconds}).then(done => done && app.say(`It is ${moment(done.now)} now; ${count(done.played, 'step')} fell due.`))
  return html`<section class="card"><h2>Clock</h2>
    <p class="big">${moment(space.now)} <span class="tag">${space.frozen ? 'stands still' : 'runs'}</span></p>
    <p class="row"><button @click=${() => act('PUT', '/clock', {frozen: !space.frozen})}>${space.frozen ? 'Let it run' : 'Stop it'}</button>
      <button @click=${() => on(60)}>+ 1 min</button><button @click=${() => on(3600)}>+ 1 h</button><button @click=${() => on(86400)}>+ 1 day</button>
      <button class="quiet" @click=${() => act('PUT', '/clock', {now: null}, 'Real time again.')}>Real time</button></p>
    <form class="fields" @submit=${event => act('PUT', '/clock', {now: given(event).now}, 'The clock is set.')}>
      <label class="wide">Set it to <input name="now" required placeholder=${String(space.now).slice(0, 19)} autocomplete="off"></label><p class="row"><button>Set</button></p></form></section>`
}

function chance(space) {
  return html`<section class="card"><h2>Chance</h2><p class="muted">The same seed and the same requests give the same ids and numbers.</p>
    <form class="fields" @submit=${event => act('PUT', '/seed', {seed: Number(given(event).seed)}, 'Chance begins anew.')}>
      <label class="wide">Seed <input name="seed" type="number" required .value=${String(space.seed)}></label><p class="row"><button>Begin anew</button></p></form></section>`
}

function copies() {
  return html`<section class="card wide"><h2>Snapshots</h2>
    <form class="fields" @submit=${event => act('POST', '/snapshots', {name: given(event).name, space: app.one}, 'Kept.', {})}>
      <label class="wide">Keep this space as <input name="name" required pattern="[A-Za-z0-9._\\-]+" placeholder="before-the-port" autocomplete="off"></label><p class="row"><button class="main">Keep</button></p></form>
    ${snapshots?.length ? html`<div class="scroll" tabindex="0" role="region" aria-label="Snapshots"><table><thead><tr><th scope="col">name</th><th scope="col">of</th><th scope="col">taken</th><th scope="col" class="n">bytes</th><th scope="col"><span class="hidden">Use it</span></th></tr></thead>
      <tbody>${snapshots.map(one => html`<tr><th scope="row">${one.name}</th><td><bdi>${short(one.space, 60)}</bdi></td><td>${moment(one.taken)}</td><td class="n">${one.bytes.toLocaleString('en')}</td>
        <td class="do"><button class="quiet" @click=${() => act('POST', path('snapshots', one.name, 'restore'), undefined, `${one.name} is back.`)}>Put back</button>
        <button class="quiet" @click=${() => act('DELETE', path('snapshots', one.name), undefined, 'Forgotten.', {})}>Forget</button></td></tr>`)}</tbody></table></div>`
    : html`<p class="muted">None yet. <code>ringback snapshots take before-the-port --space ${short(app.one, 60)}</code> keeps one too.</p>`}</section>`
}

function ends() {
  const fork = async event => {
    const {name} = given(event)
    if (await act('POST', '/spaces', {name, fork: app.one}, `${name} is a copy.`, {})) app.go('world', {space: name})
  }
  return html`<section class="card"><h2>Fork</h2><p class="muted">Another world that begins as a copy of this one.</p>
    <form class="fields" @submit=${fork}><label class="wide">Its key <input name="name" required pattern="test_[!-~]*" placeholder="test_what_if" autocomplete="off"></label><p class="row"><button>Fork</button></p></form></section>
  <section class="card"><h2>Begin again</h2><p class="muted">Back to the fixtures: records, journal, rules, clock and chance. There is no way back but a snapshot.</p>
    <p class="row"><button class="bad" @click=${() => act('POST', '/reset', undefined, 'As on the first day.')}>Reset</button>
    ${app.one === 'default' ? nothing : html`<button class="bad" @click=${async () => {
      if (await act('DELETE', path('spaces', app.one), undefined, 'Closed.', {})) app.go('world', {space: 'default'})
    }}>Close the space</button>`}</p></section>`
}

export const world = {
  title: 'Space',
  enter: look,
  poll: look,
  draw() {
    const space = here()
    return html`<h1><bdi>${short(app.one, 80)}</bdi></h1>
      ${space ? html`<p class="lead">${count(space.requests, 'request')} kept, ${count(space.faults, 'rule')}.
        ${app.one === 'default' ? html`The documented placeholders, <code>YOUR_API_KEY</code> among them, open it.` : html`The API key <code>${short(app.one, 80)}</code> opens it.`}
        ${app.all ? 'All spaces are looked at; this page is about the default one.' : ''}</p>
      <div class="cards">${time(space)}${chance(space)}${ends()}${copies()}</div>`
    : html`<div class="empty"><h2>Not open yet</h2><p>The first request with this key opens it. So does this:</p><pre class="body" tabindex="0"><code>ringback spaces create ${short(app.one, 80)}</code></pre></div>`}`
  },
}
