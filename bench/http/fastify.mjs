// fastify + @fastify/session, with the options that cost least: nothing is written unless the session changed.
import cookie from "@fastify/cookie"
import session from "@fastify/session"
import { RedisStore } from "connect-redis"
import fastify from "fastify"
import { createClient } from "redis"
import { cart, token, user } from "./session.mjs"

const stores = {
  memory: () => new session.MemoryStore(),
  redis: async (url) => new RedisStore({ client: await createClient({ url }).connect() })
}

export const serve = async (store, url) => {
  const app = fastify()
  if (store === undefined) {
    let visits = 0
    app.get("/read", async () => ({ name: user.name, visits }))
    app.get("/write", async () => ({ visits: ++visits }))
  } else {
    app.register(cookie)
    app.register(session, {
      secret: "32 characters that nobody guesses",
      cookie: { secure: false },
      rolling: false,
      saveUninitialized: false,
      store: await stores[store](url)
    })
    app.get("/login", async ({ session }) => {
      Object.assign(session, { user, cart, token, visits: 0 })
      return { name: user.name }
    })
    app.get("/read", async ({ session }) => ({ name: session.user.name, visits: session.visits }))
    app.get("/write", async ({ session }) => {
      session.visits++
      return { visits: session.visits }
    })
  }
  app.get("/untouched", async () => ({ hello: "world" }))
  await app.listen({ host: "127.0.0.1", port: 0 })
  return app.server.address().port
}
