// The app of the races on express-session, as its documentation recommends it.
import express from "express"
import session from "express-session"
import { pass } from "./gates.mjs"
import { SlowStore } from "./stores.mjs"

const keysOf = (session) => Object.keys(session).filter((key) => key !== "cookie")

export const serve = (latency) => {
  const app = express()
  const secret = "32 characters that nobody guesses"
  app.use(session({ secret, resave: false, saveUninitialized: false, store: new SlowStore(latency) }))

  app.get("/start", (request, response) => {
    request.session.started = true
    response.send("ok")
  })
  app.get("/keys", (request, response) => response.json(keysOf(request.session)))
  app.get("/read", async (request, response) => {
    await pass(request.query.gate)
    response.json(keysOf(request.session))
  })
  app.get("/write", async (request, response) => {
    await pass(request.query.gate)
    request.session[request.query.key] = true
    response.send("ok")
  })
  app.get("/logout", (request, response, next) => {
    request.session.destroy((error) => (error ? next(error) : response.send("ok")))
  })
  app.get("/redirect", (request, response) => {
    request.session.started = true
    response.redirect("/keys")
  })

  return new Promise((resolve) => {
    const server = app.listen(0, "127.0.0.1", () =>
      resolve({ port: server.address().port, close: () => server.close().closeAllConnections() })
    )
  })
}
