// One app three times, on the same sessions: on express with passport, on fastify, and here.
import type { Server } from "node:http"
import { createRequire } from "node:module"
import type { AddressInfo } from "node:net"
import fastifyCookie from "@fastify/cookie"
import fastifySession from "@fastify/session"
import { type SessionConfig, SessionHttp, type SessionProvider, SessionStore } from "effect-session"
import * as Express from "effect-session/express"
import express from "express"
import expressSession from "express-session"
import { fastify } from "fastify"
import * as Context from "#effect/Context"
import * as Effect from "#effect/Effect"
import * as HttpServer from "#effect/http/HttpServer"
import * as HttpServerRequest from "#effect/http/HttpServerRequest"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Redacted from "#effect/Redacted"
import * as Schema from "#effect/Schema"
import type * as Scope from "#effect/Scope"
import * as HttpRouter from "#test/HttpRouter"
import * as NodeHttpServer from "#test/NodeHttpServer"

const require = createRequire(import.meta.url)
const { Passport } = require("passport")
const { Strategy } = require("passport-local")

/** What the other app is asked for; how long its sessions last is in milliseconds. */
export interface Options {
  readonly secrets?: ReadonlyArray<string>
  readonly maxAge?: number
  readonly genid?: () => string
  readonly resave?: boolean
  readonly rolling?: boolean
  readonly saveUninitialized?: boolean
}

/** What the app here is asked for. */
export type OwnOptions = Pick<Options, "maxAge" | "secrets"> & Pick<SessionConfig.Options, "id">

/** Of 32 characters at least, as fastify wants them. */
export const secrets = ["a secret that both of the apps know", "another secret that both of them know"] as const

export interface Framework {
  readonly name: string
  /** Its cookie, as it names it by itself. */
  readonly cookieName: string
  readonly valuePrefix: string
  /** Serves the other app. */
  readonly serve: (store: expressSession.Store, options: Options) => Effect.Effect<string, never, Scope.Scope>
}

const listening = (start: () => Promise<{ readonly url: string; readonly close: () => void }>) =>
  Effect.map(
    Effect.acquireRelease(Effect.promise(start), ({ close }) => Effect.sync(close)),
    ({ url }) => url
  )

const urlOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`

/** Sessions are objects that apps put into whatever they like. */
type Values = Record<string, any>

const valuesOf = ({ cookie: _, ...values }: Values): Values => values

const expressApp = (store: expressSession.Store, options: Options): express.Express => {
  const app = express()
  app.use(
    expressSession({
      store,
      secret: [...(options.secrets ?? secrets)],
      resave: options.resave ?? false,
      rolling: options.rolling ?? false,
      saveUninitialized: options.saveUninitialized ?? false,
      cookie: options.maxAge === undefined ? {} : { maxAge: options.maxAge },
      ...(options.genid === undefined ? {} : { genid: options.genid })
    })
  )
  const passport = new Passport()
  passport.use(
    new Strategy((username: string, password: string, done: Function) =>
      done(null, password === "secret" && { name: username })
    )
  )
  passport.serializeUser((user: { name: string }, done: Function) => done(null, user.name))
  passport.deserializeUser((name: string, done: Function) => done(null, { name }))
  app.use(passport.session())
  app.use(express.json())
  const user = (req: express.Request) => (req as Values)["user"]?.name ?? "anonymous"
  const values = (req: express.Request): Values => req.session as Values

  app.get("/me", (req, res) => void res.send(user(req)))
  app.post("/login", passport.authenticate("local", { keepSessionInfo: true }), (req, res) => {
    const lasts = req.query["lasts"]
    if (lasts === "browser") {
      req.session.cookie.expires = false as never
    } else if (lasts !== undefined) {
      req.session.cookie.maxAge = Number(lasts)
    }
    res.send("signed in")
  })
  app.post("/logout", (req, res, next) =>
    (req as Values)["logout"]({ keepSessionInfo: true }, (error: unknown) => (error ? next(error) : res.send("out")))
  )
  app.post("/destroy", (req, res, next) => req.session.destroy((error) => (error ? next(error) : res.send("gone"))))
  app.post("/regenerate", (req, res, next) => {
    const kept = valuesOf(values(req))
    req.session.regenerate((error) => {
      Object.assign(req.session, kept)
      error ? next(error) : res.send("regenerated")
    })
  })
  app.post("/visits", (req, res) => {
    values(req)["visits"] = (values(req)["visits"] ?? 0) + 1
    res.send(`${values(req)["visits"]}`)
  })
  app.get("/values", (req, res) => void res.json(valuesOf(values(req))))
  app.post("/values", (req, res) => {
    const before = valuesOf(values(req))
    Object.assign(req.session, req.body)
    res.json(before)
  })
  return app
}

export const onExpress: Framework = {
  name: "express",
  cookieName: "connect.sid",
  valuePrefix: "s:",
  serve: (store, options) =>
    listening(
      () =>
        new Promise((resolve) => {
          const server = expressApp(store, options).listen(0, "127.0.0.1", () =>
            resolve({ url: urlOf(server), close: () => server.close() })
          )
        })
    )
}

const fastifyApp = async (store: expressSession.Store, options: Options) => {
  const app = fastify({ onProtoPoisoning: "ignore", onConstructorPoisoning: "ignore", forceCloseConnections: true })
  app.register(fastifyCookie)
  app.register(fastifySession, {
    store: store as never,
    secret: [...(options.secrets ?? secrets)],
    rolling: options.rolling ?? true,
    saveUninitialized: options.saveUninitialized ?? false,
    cookie: { secure: false, ...(options.maxAge === undefined ? {} : { maxAge: options.maxAge }) },
    ...(options.genid === undefined ? {} : { idGenerator: options.genid })
  })
  const values = (req: unknown): Values => (req as { readonly session: Values }).session
  const user = (req: unknown) => values(req)["passport"]?.user ?? "anonymous"
  /** All but what fastify itself has in it. */
  const kept = (req: unknown) => Object.keys(valuesOf(values(req)))

  app.get("/me", async (req) => user(req))
  app.post<{ Querystring: Values }>("/login", async (req) => {
    await values(req)["regenerate"](kept(req))
    values(req)["passport"] = { user: req.query["username"] }
    if (req.query["lasts"] !== undefined) {
      values(req)["cookie"].maxAge = Number(req.query["lasts"])
    }
    return "signed in"
  })
  app.post("/logout", async (req) => {
    delete values(req)["passport"]
    await values(req)["regenerate"](kept(req))
    return "out"
  })
  app.post("/destroy", async (req) => {
    await values(req)["destroy"]()
    return "gone"
  })
  app.post("/regenerate", async (req) => {
    await values(req)["regenerate"](kept(req))
    return "regenerated"
  })
  app.post("/visits", async (req) => {
    values(req)["visits"] = (values(req)["visits"] ?? 0) + 1
    return `${values(req)["visits"]}`
  })
  const entries = (req: unknown) => Object.fromEntries(kept(req).map((key) => [key, values(req)[key]]))
  app.get("/values", async (req) => entries(req))
  app.post("/values", async (req) => {
    const before = entries(req)
    Object.assign(values(req), req.body)
    return before
  })
  await app.listen({ port: 0, host: "127.0.0.1" })
  return { url: urlOf(app.server), close: () => void app.close() }
}

export const onFastify: Framework = {
  name: "fastify",
  cookieName: "sessionId",
  valuePrefix: "",
  serve: (store, options) => listening(() => fastifyApp(store, options))
}

class Visitor extends SessionStore.Tag<Visitor>()("Visitor", {
  passport: Express.passport(Schema.String),
  visits: SessionStore.field(Schema.Int, { default: () => 0 }),
  bag: Schema.Unknown
}) {}

const text = HttpServerResponse.text
const session = Effect.flatMap(Visitor, Effect.succeed)

const me = Effect.gen(function* () {
  const passport = yield* (yield* session).get("passport")
  return text(Option.getOrUndefined(passport)?.user ?? "anonymous")
})

const login = Effect.gen(function* () {
  const { username } = yield* HttpServerRequest.schemaSearchParams(Schema.Struct({ username: Schema.String }))
  const { regenerate, set } = yield* session
  yield* regenerate
  yield* set("passport", { user: username })
  return text("signed in")
})

const logout = Effect.gen(function* () {
  const visitor = yield* session
  yield* visitor.regenerate
  yield* visitor.delete("passport")
  return text("out")
})

const destroy = Effect.as(
  Effect.flatMap(session, ({ destroy }) => destroy),
  text("gone")
)

const regenerate = Effect.as(
  Effect.flatMap(session, ({ regenerate }) => regenerate),
  text("regenerated")
)

const touch = Effect.as(
  Effect.flatMap(session, ({ touch }) => touch),
  text("touched")
)

const visits = Effect.map(
  Effect.flatMap(session, ({ update }) => update("visits", (visits) => visits + 1)),
  (visits) => text(`${visits}`)
)

const getBag = Effect.map(
  Effect.flatMap(session, ({ get }) => get("bag")),
  (bag) => text(JSON.stringify(Option.isNone(bag) ? {} : { bag: bag.value }))
)

const setBag = Effect.gen(function* () {
  const before = yield* getBag
  const values = JSON.parse(yield* (yield* HttpServerRequest.HttpServerRequest).text)
  if ("bag" in values) {
    yield* (yield* session).set("bag", values.bag)
  }
  return before
})

const app = HttpRouter.empty.pipe(
  HttpRouter.get("/me", me),
  HttpRouter.post("/login", login),
  HttpRouter.post("/logout", logout),
  HttpRouter.post("/destroy", destroy),
  HttpRouter.post("/regenerate", regenerate),
  HttpRouter.post("/touch", touch),
  HttpRouter.post("/visits", visits),
  HttpRouter.get("/values", getBag),
  HttpRouter.post("/values", setBag),
  HttpRouter.use(SessionHttp.middleware(Visitor))
)

/** Serves the app that is made with this library. */
export const serveOurs = (
  { cookieName: name, valuePrefix }: Pick<Framework, "cookieName" | "valuePrefix">,
  provider: Layer.Layer<SessionProvider.SessionProvider, unknown>,
  options: OwnOptions
): Effect.Effect<string, never, Scope.Scope> => {
  const { id, maxAge } = options
  const sessions = Express.layer(provider, {
    secrets: (options.secrets ?? secrets).map((secret) => Redacted.make(secret)),
    cookie: { name, valuePrefix, secure: false, maxAge },
    id
  })
  return Effect.map(
    Layer.build(Layer.provideMerge(HttpServer.serve(app), Layer.merge(NodeHttpServer.layerTest, sessions))),
    (context) => {
      const { address } = Context.get(context, HttpServer.HttpServer)
      return "port" in address ? `http://127.0.0.1:${address.port}` : ""
    }
  ).pipe(Effect.orDie)
}
