// The control API, as this page asks it; beyond loopback with a token, which the page keeps until its tab is closed.

const ROOT = '/_ringback'
const TOKEN = 'ringback-token'

export class Refused extends Error {
  constructor(status, title, detail, reasons) {
    super(detail || title)
    this.status = status
    this.title = title
    this.reasons = reasons || []
  }
}

export function setToken(token) {
  sessionStorage.setItem(TOKEN, token)
}

function headers(more) {
  const token = sessionStorage.getItem(TOKEN)
  return token ? {...more, Authorization: `Bearer ${token}`} : {...more}
}

function address(path, query) {
  const given = Object.entries(query || {}).filter(([, value]) => value !== undefined && value !== null && value !== '')
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()
  return ROOT + path + (text ? `?${text}` : '')
}

// A path of which every part is a name that somebody else chose.
export function path(...parts) {
  return '/' + parts.map(encodeURIComponent).join('/')
}

async function refused(answer) {
  let problem = {}
  try {
    problem = await answer.json()
  } catch {
    problem = {title: `Status ${answer.status}`}
  }
  return new Refused(answer.status, problem.title, problem.detail, problem.reasons)
}

export async function call(method, where, {query, body} = {}) {
  let answer
  try {
    answer = await fetch(address(where, query), {
      method,
      headers: headers(body === undefined ? {} : {'Content-Type': 'application/json'}),
      body: body === undefined ? undefined : JSON.stringify(body),
    })
  } catch {
    throw new Refused(0, 'Nobody answers', 'The server does not answer; is ringback serve still running?')
  }
  if (!answer.ok) throw await refused(answer)
  return answer.status === 204 ? null : answer.json()
}

// Calls on(name, data, id) for every event until the signal ends it. EventSource could not send the token.
export async function events(query, signal, on, opened) {
  const answer = await fetch(address('/events', query), {headers: headers({Accept: 'text/event-stream'}), signal})
  if (!answer.ok) throw await refused(answer)
  opened()
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  for (;;) {
    const {done, value} = await reader.read()
    if (done) return
    rest += value
    let end
    while ((end = rest.indexOf('\n\n')) >= 0) {
      const block = rest.slice(0, end)
      rest = rest.slice(end + 2)
      const fields = {}
      for (const line of block.split('\n')) {
        const at = line.indexOf(':')
        if (at > 0) fields[line.slice(0, at)] = line.slice(at + 1).trimStart()
      }
      if (fields.data) on(fields.event, JSON.parse(fields.data), fields.id)
    }
  }
}
