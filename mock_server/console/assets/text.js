// What others wrote, made safe to look at: nothing hides, turns the line around or goes on for ever.

import {html, nothing} from './lit-html.js'

const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g
const MOST_LINES = 400

// Control characters, and those that change the direction of the text, are shown by their number.
export function shown(text) {
  return String(text).replace(HIDDEN, character => '\\u' + character.charCodeAt(0).toString(16).padStart(4, '0'))
}

export function short(text, most = 300) {
  const given = String(text)
  return shown(given.length > most ? given.slice(0, most) + '…' : given)
}

export function plain(value) {
  if (value === null || value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

export function pretty(value) {
  return typeof value === 'string' ? value : JSON.stringify(value, null, 2)
}

// A body, line by line; the top-level fields that nobody read are marked.
export function body(value, unread = []) {
  if (value === null || value === undefined || value === '') return html`<p class="muted">No body.</p>`
  const lines = pretty(value).split('\n')
  const cut = lines.length > MOST_LINES
  const marked = new Set(unread)
  return html`<pre class="body" tabindex="0"><code>${lines.slice(0, MOST_LINES).map(line => {
    const field = /^ {2}("(?:[^"\\]|\\.)*"):/.exec(line)
    const isUnread = field && marked.has(JSON.parse(field[1]))
    const text = short(line, 20000) + '\n'
    return isUnread ? html`<mark title="This operation does not read this field.">${text}</mark>` : text
  })}</code></pre>${cut ? html`<p class="muted">${lines.length - MOST_LINES} more lines; copy the request to see them.</p>` : nothing}`
}

// What stands between backticks is code.
export function marked(text) {
  return short(text, 2000).split('`').map((part, index) => (index % 2 ? html`<code>${part}</code>` : part))
}

export function clock(at) {
  return String(at).slice(11, 19)
}

export function moment(at) {
  return String(at).slice(0, 19).replace('T', ' ')
}

export function duration(milliseconds) {
  return milliseconds >= 100 ? `${Math.round(milliseconds)} ms` : `${milliseconds.toFixed(1)} ms`
}

export function statusClass(status) {
  if (!status) return 'status broken'
  return `status s${String(status)[0]}`
}

export function chip(status) {
  return html`<span class=${statusClass(status)}>${status || '---'}</span>`
}

export function count(number, one, many = one + 's') {
  return `${number.toLocaleString('en')} ${number === 1 ? one : many}`
}

// How a statement is known, with the page that it stands on.
export function grade(evidence, source) {
  const url = source && /^[a-z0-9.-]+\.[a-z]{2,}\//i.test(source) ? `https://${source}` : source && /^https?:\/\//.test(source) ? source : null
  return html`<span class="grade g-${evidence}">${evidence}</span>
    ${url ? html`<a class="source" href=${url} rel="noreferrer noopener" target="_blank">${short(source)}</a>` : source ? html`<span class="source muted">${short(source)}</span>` : nothing}`
}
