// The app of the races on @fastify/session, with its defaults.
import cookie from "@fastify/cookie"
import session from "@fastify/session"
import fastify from "fastify"
import { pass } from "./gates.mjs"
import { SlowStore } from "./stores.mjs"

const keysOf = (session) => Object.keys(session).filter((key) => key !== "cookie")

export const serve = async (latency) => {
  const app = fastify({ forceCloseConnections: true })
  app.register(cookie)
  app.register(session, {
    secret: "32 characters that nobody guesses",
    cookie: { secure: false },
    store: new SlowStore(latency)
  })

  app.get("/start", async ({ session }) => {
    session.started = true
    return "ok"
  })
  app.get("/keys", async ({ session }) => keysOf(session))
  app.get("/read", async ({ query, session }) => {
    await pass(query.gate)
    return keysOf(session)
  })
  app.get("/write", async ({ query, session }) => {
    await pass(query.gate)
    session[query.key] = true
    return "ok"
  })
  app.get("/logout", async ({ session }) => {
    await session.destroy()
    return "ok"
  })
  app.get("/redirect", async ({ session }, reply) => {
    session.started = true
    return reply.redirect("/keys")
  })

  await app.listen({ host: "127.0.0.1", port: 0 })
  return { port: app.server.address().port, close: () => app.close() }
}
