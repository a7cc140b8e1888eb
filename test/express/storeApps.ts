// The same small app on express and on fastify, with their own sessions on a store.
import { once } from "node:events"
import type { AddressInfo, Server } from "node:net"
import fastifyCookie from "@fastify/cookie"
import fastifySession from "@fastify/session"
import type { ExpressStore } from "effect-session/express-store"
import express from "express"
import session from "express-session"
import fastify from "fastify"
import * as Effect from "#effect/Effect"
import { jar, request } from "../support/cookies.js"

/** Holds requests until a test lets them go on. */
export class Gate {
  private waiting: Array<() => void> = []
  private arrived: (() => void) | undefined

  pass(): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.push(resolve)
      this.arrived?.()
    })
  }

  /** Waits until so many requests are held. */
  async holds(count: number): Promise<void> {
    while (this.waiting.length < count) {
      await new Promise<void>((resolve) => {
        this.arrived = resolve
      })
    }
  }

  open(): void {
    for (const go of this.waiting.splice(0)) go()
  }
}

/** What both apps do with a session. */
interface Visit {
  readonly values: any
  readonly query: any
  readonly regenerate: () => Promise<unknown>
  readonly destroy: () => Promise<unknown>
}

const shown = (values: object) => {
  const { cookie: _, ...rest } = JSON.parse(JSON.stringify(values))
  return JSON.stringify(rest)
}

const routes = (gate: Gate): Record<string, (visit: Visit) => Promise<string>> => ({
  "/count": async ({ values }) => {
    values.visits = (values.visits ?? 0) + 1
    return `${values.visits}`
  },
  "/show": async ({ values }) => shown(values),
  "/set": async ({ query, values }) => {
    if ("held" in query) await gate.pass()
    values[query.key] = query.value
    return "set"
  },
  // Reads, and changes nothing.
  "/held": async ({ values }) => {
    await gate.pass()
    return shown(values)
  },
  "/lasts": async ({ query, values }) => {
    values.cookie.maxAge = Number(query.ms)
    values.lasts = query.ms
    return "set"
  },
  "/login": async ({ query, regenerate }) => {
    const fresh: any = await regenerate()
    fresh.user = query.user
    return "signed in"
  },
  "/logout": async ({ destroy }) => {
    await destroy()
    return "signed out"
  }
})

export interface App {
  readonly url: string
  readonly gate: Gate
  readonly close: () => Promise<void>
}

const address = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`

/** The app on express. */
export const onExpress = async (store: ExpressStore, options: Partial<session.SessionOptions> = {}): Promise<App> => {
  const gate = new Gate()
  const app = express()
  app.use(session({ store, secret: "keyboard cat", resave: false, saveUninitialized: false, ...options }))
  for (const [path, route] of Object.entries(routes(gate))) {
    app.get(path, async (req, res) => {
      const settled = (call: (done: (error: unknown) => void) => void) =>
        new Promise((resolve, reject) => call((error) => (error ? reject(error) : resolve(req.session))))
      res.end(
        await route({
          values: req.session,
          query: req.query,
          regenerate: () => settled((done) => req.session.regenerate(done)),
          destroy: () => settled((done) => req.session.destroy(done))
        })
      )
    })
  }
  const failed: express.ErrorRequestHandler = (error, _req, res, _next) => {
    // What fails when the response is under way comes here too.
    if (!res.headersSent) res.status(500).end(String(error.message))
  }
  app.use(failed)
  const server = app.listen(0, "127.0.0.1")
  await once(server, "listening")
  return {
    url: address(server),
    gate,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, "close")
    }
  }
}

/** The app on fastify. */
export const onFastify = async (
  store: ExpressStore,
  options: Partial<fastifySession.FastifySessionOptions> = {}
): Promise<App> => {
  const gate = new Gate()
  const app = fastify({ forceCloseConnections: true })
  await app.register(fastifyCookie)
  await app.register(fastifySession, {
    store,
    secret: "a secret of at least thirty-two characters",
    cookie: { secure: false },
    saveUninitialized: false,
    ...options
  })
  for (const [path, route] of Object.entries(routes(gate))) {
    app.get(path, (request) =>
      route({
        values: request.session,
        query: request.query,
        regenerate: () => request.session.regenerate().then(() => request.session),
        destroy: () => request.session.destroy()
      })
    )
  }
  await app.listen({ port: 0, host: "127.0.0.1" })
  return { url: address(app.server), gate, close: () => app.close() }
}

/** A visitor's browser, which goes to any of the apps, since these are on one host. */
export const browser = () => {
  const { cookies, header, keep } = jar()
  const get = async ({ url }: App, path: string): Promise<string> => {
    const answer = await Effect.runPromise(request({ url }, path, header()))
    keep(answer)
    return answer.status === 200 ? answer.body : `${answer.status}: ${answer.body}`
  }
  /** The id in the cookie, as the app has signed it. */
  const id = () => {
    const [value] = cookies.values()
    return decodeURIComponent(value ?? "")
      .replace(/^s:/, "")
      .split(".")[0]!
  }
  return { cookies, get, id, header }
}
