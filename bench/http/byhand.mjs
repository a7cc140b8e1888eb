// The limit: a session made by hand on bare node:http, which is what any library has to do at least: find the cookie, hash the
// id, parse the JSON under it, and write it if it changed. No attributes are checked, nothing expires, nothing is atomic.
import { createHash, randomBytes } from "node:crypto"
import { createServer } from "node:http"
import { cart, token, user } from "./session.mjs"

const stores = {
  memory: () => {
    const sessions = new Map()
    return { get: (key) => sessions.get(key), set: (key, bytes) => sessions.set(key, bytes) }
  },
  redis: async (url) => {
    const { Redis } = await import("ioredis")
    const client = new Redis(url)
    return { get: (key) => client.getBuffer(key), set: (key, bytes) => client.set(key, bytes, "PX", 1_800_000) }
  }
}

const hash = (id) => createHash("sha256").update(id).digest("base64url")

const answer = (response, body) => {
  response.writeHead(200, { "content-type": "application/json" })
  response.end(JSON.stringify(body))
}

const withoutSessions = () => {
  let visits = 0
  return (path) =>
    path === "/read" ? { name: user.name, visits } : path === "/write" ? { visits: ++visits } : { hello: "world" }
}

const withSessions =
  ({ get, set }) =>
  async (path, request, response) => {
    if (path === "/untouched") return { hello: "world" }
    if (path === "/login") {
      const id = randomBytes(32).toString("base64url")
      await set(hash(id), Buffer.from(JSON.stringify({ user, cart, token, visits: 0 })))
      response.setHeader("set-cookie", `id=${id}; Path=/; HttpOnly; SameSite=Lax`)
      return { name: user.name }
    }
    const key = hash(/(?:^|; )id=([^;]*)/.exec(request.headers.cookie ?? "")?.[1] ?? "")
    const found = get(key)
    const session = JSON.parse(found instanceof Promise ? await found : found)
    if (path === "/read") return { name: session.user.name, visits: session.visits }
    session.visits++
    const stored = set(key, Buffer.from(JSON.stringify(session)))
    if (stored instanceof Promise) await stored
    return { visits: session.visits }
  }

export const serve = async (store, url) => {
  const handle = store === undefined ? withoutSessions() : withSessions(await stores[store](url))
  const server = createServer((request, response) => {
    const body = handle(request.url, request, response)
    if (body instanceof Promise) body.then((body) => answer(response, body))
    else answer(response, body)
  })
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve))
  return server.address().port
}
