// express + express-session, set up as its documentation recommends.
import { RedisStore } from "connect-redis"
import express from "express"
import session from "express-session"
import { createClient } from "redis"
import { cart, token, user } from "./session.mjs"

const stores = {
  memory: () => new session.MemoryStore(),
  redis: async (url) => new RedisStore({ client: await createClient({ url }).connect() })
}

export const serve = async (store, url) => {
  const app = express()
  if (store === undefined) {
    let visits = 0
    app.get("/read", (_, response) => response.json({ name: user.name, visits }))
    app.get("/write", (_, response) => response.json({ visits: ++visits }))
  } else {
    const secret = "32 characters that nobody guesses"
    app.use(session({ secret, resave: false, saveUninitialized: false, store: await stores[store](url) }))
    app.get("/login", (request, response) => {
      Object.assign(request.session, { user, cart, token, visits: 0 })
      response.json({ name: user.name })
    })
    app.get("/read", (request, response) =>
      response.json({ name: request.session.user.name, visits: request.session.visits })
    )
    app.get("/write", (request, response) => {
      request.session.visits++
      response.json({ visits: request.session.visits })
    })
  }
  app.get("/untouched", (_, response) => response.json({ hello: "world" }))
  return new Promise((resolve) => {
    const server = app.listen(0, "127.0.0.1", () => resolve(server.address().port))
  })
}
