// The app on express, once for each way to set express-session, all on one store.
import express from "express"
import session from "express-session"
import { maxAge, pathOf, places, secret, settings } from "./places.mjs"

const routes = (pass) => {
  const app = express.Router()
  app.get("/keys", ({ session }, response) => response.json(Object.keys(session).filter((key) => key !== "cookie")))
  app.get("/visit", ({ session }, response) => {
    session.visits = (session.visits ?? 0) + 1
    response.send("ok")
  })
  app.get("/read", async ({ query, session }, response) => {
    await pass(query.gate)
    response.send(`${session.visits}`)
  })
  app.get("/write", async ({ query, session }, response) => {
    await pass(query.gate)
    session[query.key] = true
    response.send("ok")
  })
  app.get("/destroy", ({ session }, response, next) =>
    session.destroy((error) => (error ? next(error) : response.send("ok")))
  )
  app.get("/regenerate", (request, response, next) =>
    request.session.regenerate((error) => {
      request.session.user = "ada"
      error ? next(error) : response.send("ok")
    })
  )
  return app
}

export const serve = async (place, url, pass) => {
  const app = express()
  const store = await places[place].theirs(url)
  for (const setting of settings) {
    app.use(pathOf(setting), session({ ...setting, secret, store, cookie: { maxAge } }), routes(pass))
  }
  return new Promise((resolve) => {
    const server = app.listen(0, "127.0.0.1", () => resolve(server.address().port))
  })
}
