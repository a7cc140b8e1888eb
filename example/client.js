// The script of the demo's first page: it fills the panel from the server's events, and sends 50 visits at once.
const meanings = {
  Created: "stored for the first time, with the first change",
  Saved: "changes stored",
  Conflict: "another request saved first, so the change was made again on top of that",
  Regenerated: "a new id for the same data; the old id is dead",
  Touched: "lifetime renewed",
  Destroyed: "ended, here and on the server",
  Gone: "changes dropped, since the session had ended",
  Unknown: "a request came with an id of no session"
}

const mostRequests = 4

const element = (id) => document.getElementById(id)

/** Sets a text, unless it is there: a screen reader would read it again. */
const say = (id, text) => {
  if (element(id).textContent !== text) element(id).textContent = text
}

const row = (title, text) => {
  const item = document.createElement("li")
  for (const [name, content] of [
    ["b", title],
    ["span", text]
  ]) {
    item.append(Object.assign(document.createElement(name), { textContent: content }))
  }
  return item
}

/** How often each kind of event has happened. */
const tally = new Map()
let requests = []

const show = () => {
  element("requests").replaceChildren(
    ...requests.map(({ calls, method, path }) =>
      row(
        `${method} ${path}`,
        calls.map(({ millis, operation }) => `${operation} ${millis.toFixed(2)} ms`).join(" · ") || "no call"
      )
    )
  )
  element("events").replaceChildren(
    ...[...tally].map(([kind, times]) => row(times === 1 ? kind : `${kind} × ${times}`, meanings[kind] ?? ""))
  )
}

let drawing = false
/** Fifty requests are drawn once. */
const draw = () => {
  if (drawing) return
  drawing = true
  requestAnimationFrame(() => {
    drawing = false
    show()
  })
}

let source
/** What the server said last when the page was connected. */
let last
let lost
/** Who waits for the server to say hello. */
let waiting = []

/** Resolves when the server has said hello. */
const connect = () => {
  source?.close()
  source = new EventSource("/events")
  source.addEventListener("hello", ({ data }) => hello(JSON.parse(data)))
  source.addEventListener("request", ({ data }) => {
    requests = [JSON.parse(data), ...requests].slice(0, mostRequests)
    draw()
  })
  source.addEventListener("session", ({ data }) => {
    const { kind, times } = JSON.parse(data)
    tally.set(kind, times)
    draw()
  })
  source.addEventListener("error", () => {
    lost ??= setTimeout(() => say("news", "The demo does not answer. This page tries again by itself."), 2_500)
    // A browser gives up after some errors, as while a server starts.
    if (source.readyState === EventSource.CLOSED && !document.hidden) setTimeout(connect, 1_000)
  })
  return new Promise((resolve) => waiting.push(resolve))
}

const stateOf = ({ session }) =>
  session === undefined
    ? "Nothing is stored for you: no cookie and no session before the first change."
    : `Live. In logs your session has the name ${session}, which tells nothing of its id.`

const hello = async (now) => {
  clearTimeout(lost)
  lost = undefined
  tally.clear()
  requests = []
  draw()
  const before = last
  last = now
  const isRestarted = before !== undefined && before.start !== now.start
  const isOver = before?.session !== undefined && now.session !== before.session
  say("live", stateOf(now))
  if (isRestarted) {
    const fate =
      isOver || now.session === undefined ? "A new session begins with your next change." : "Your session goes on."
    say("news", `The demo was restarted with sessions in ${now.backend}. ${fate}`)
  } else {
    say("news", isOver && now.session === undefined ? "Your session has ended." : "")
  }
  for (const resolve of waiting) resolve()
  waiting = []
  // If the demo is gone again, the next hello brings it.
  if (isRestarted || isOver) await refresh().catch(() => {})
}

/** Brings the rest of the page up to date, and leaves what was typed and where the keyboard was. */
const refresh = async () => {
  const response = await fetch("/")
  if (!response.ok) return
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("main")
  const old = document.querySelector("main")
  const controls = (main) => [...main.querySelectorAll("a, button, input")]
  const focused = controls(old).indexOf(document.activeElement)
  for (const { name, value } of old.querySelectorAll("input:not([type=checkbox])")) {
    const input = fresh.querySelector(`input[name="${name}"]`)
    if (input !== null) input.value = value
  }
  old.replaceWith(fresh)
  controls(fresh)[focused]?.focus()
}

const visits = async (path, method) => {
  const response = await fetch(path, { method })
  if (!response.ok) throw new Error(`${response.status}`)
  return response.json()
}

const burst = async () => {
  // Without a cookie, fifty requests would begin fifty sessions.
  const before = await visits("/begin", "POST")
  if (last?.session === undefined) await connect()
  const began = performance.now()
  const answers = await Promise.allSettled(Array.from({ length: 50 }, () => visits("/visits?slow", "POST")))
  const seconds = ((performance.now() - began) / 1_000).toFixed(2)
  const after = await visits("/visits", "GET")
  const counted = after.visits - before.visits
  const replayed = answers.filter(({ value }) => value !== undefined && value.visits !== value.expected).length
  element("visits").textContent = after.visits
  say(
    "counted",
    `${counted} of 50 counted in ${seconds} seconds. ` +
      (last.backend === "cookie"
        ? "The browser holds this session, so no server can join its changes: the last response wins. Take another backend to count."
        : `${replayed} had read a count that another request changed before they saved: they were replayed on top of it.`)
  )
}

document.documentElement.classList.add("js")
document.addEventListener("click", async ({ target }) => {
  if (target.id !== "burst" || target.ariaDisabled === "true") return
  // Not `disabled`, which would take the keyboard's place on the page.
  target.ariaDisabled = "true"
  say("counted", "Sending.")
  await burst().catch(() => say("counted", "The demo did not answer every request. Try again."))
  target.ariaDisabled = null
})
// A browser has six connections for a site: a page that nobody sees leaves its own to others.
document.addEventListener("visibilitychange", () => (document.hidden ? source.close() : connect()))
connect()
