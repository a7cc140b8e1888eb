/**
 * The OpenAPI document that a server sends names what carries its sessions.
 */
import { SessionConfig, type SessionError, SessionHttp, type SessionManager } from "effect-session"
import * as Effect from "#effect/Effect"
import * as HttpLayerRouter from "#effect/http/HttpRouter"
import * as HttpApi from "#effect/http-api/HttpApi"
import * as HttpApiBuilder from "#effect/http-api/HttpApiBuilder"
import * as HttpApiGroup from "#effect/http-api/HttpApiGroup"
import * as HttpApiSecurity from "#effect/http-api/HttpApiSecurity"
import * as OpenApi from "#effect/http-api/OpenApi"
import * as Layer from "#effect/Layer"
import * as Schema from "#effect/Schema"
import {
  type AnyApi,
  failures,
  get,
  layerGuarding,
  layerOfStore,
  middleware,
  neededByAll,
  neededTogether,
  routes,
  serveDocumented,
  status
} from "#test/api"
import { describe, expect, it } from "#test/vitest"
import { AppSession, managerLayer } from "../support/http.js"
import { build } from "../support/mounts.js"

class Visitor extends middleware<Visitor>()("Visitor", {
  provides: AppSession,
  error: failures,
  security: { session: SessionHttp.security({ name: "sid", optional: true }) }
}) {}

class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", {}, status(401)) {}

class SignedIn extends middleware<SignedIn>()("SignedIn", {
  error: [Unauthorized, ...failures],
  security: { session: SessionHttp.security({ name: "sid" }) }
}) {}

class Signed extends middleware<Signed>()("Signed", { security: { bearer: HttpApiSecurity.bearer } }) {}

class Api extends HttpApi.make("api")
  .add(
    HttpApiGroup.make("all")
      .add(get("open", "/open"))
      .add(get("visitor", "/visitor/:id", { params: Schema.Struct({ id: Schema.String }) }).middleware(Visitor))
      .add(get("any", "/any/:id").middleware(Visitor))
      .add(get("both", "/both").middleware(Visitor).middleware(SignedIn))
      .add(get("signed", "/signed").middleware(Signed))
      .add(get("mixed", "/mixed").middleware(Signed).middleware(Visitor))
      .add(get("strict", "/strict").middleware(Signed).middleware(SignedIn))
  )
  .annotate(OpenApi.Transform, (spec) => ({ ...spec, "x-own": Object.keys(spec.components.securitySchemes) })) {}

class Everywhere extends HttpApi.make("everywhere")
  .add(HttpApiGroup.make("whole").add(get("here", "/here")))
  .middleware(Visitor) {}

const implemented = Layer.mergeAll(
  HttpApiBuilder.group(Api, "all", (handlers) =>
    handlers
      .handle("open", () => Effect.void)
      .handle("visitor", () => Effect.void)
      .handle("any", () => Effect.void)
      .handle("both", () => Effect.void)
      .handle("signed", () => Effect.void)
      .handle("mixed", () => Effect.void)
      .handle("strict", () => Effect.void)
  ),
  HttpApiBuilder.group(Everywhere, "whole", (handlers) => handlers.handle("here", () => Effect.void))
).pipe(
  Layer.provideMerge(
    Layer.mergeAll(
      layerOfStore(Visitor, AppSession),
      layerGuarding(SignedIn, Effect.void),
      layerGuarding(Signed, Effect.void)
    )
  )
)

const document = (options: SessionConfig.Options, api: AnyApi = Api) =>
  Effect.gen(function* () {
    const { send } = yield* build(serveDocumented(api, implemented), undefined, options)
    const spec = JSON.parse((yield* send("/openapi.json")).body)
    const [, shown] = (yield* send("/docs")).body.match(
      /id="swagger-spec" type="application\/json">\s*(.*?)\s*<\/script>/s
    )!
    expect(JSON.parse(shown!)).toEqual(spec)
    return spec
  })

const cookie = (name: string) => ({ session: { type: "apiKey", in: "cookie", name } })

describe("the document that is served", () => {
  it.effect("names the cookie of the configuration, also if two servers of one API have two", () =>
    Effect.gen(function* () {
      const { bearer, ...named } = (yield* document({ cookie: { name: "shop" } })).components.securitySchemes
      expect(bearer).toBeDefined()
      expect(named).toEqual(cookie("shop"))
      expect((yield* document({})).components.securitySchemes).toMatchObject(cookie("__Host-id"))
      expect((yield* document(SessionConfig.localHttp)).components.securitySchemes).toMatchObject(cookie("id"))
    })
  )

  it.effect("says where a session is optional, and where it is not", () =>
    Effect.gen(function* () {
      const { paths, security } = yield* document({})
      expect(security).toEqual([])
      expect(paths["/open"].get.security).toEqual([])
      expect(paths["/visitor/{id}"].get.security).toEqual([{}, { session: [] }])
      // A parameter without a Schema.
      const [any] = Object.keys(paths).filter((path) => path.startsWith("/any"))
      expect(paths[any!].get.security).toEqual([{}, { session: [] }])
      expect(paths["/both"].get.security).toEqual([{ session: [] }])
      expect(paths["/signed"].get.security).toEqual([{ bearer: [] }])
      // The bearer's token is needed, and the session is not enough.
      expect(paths["/mixed"].get.security).toEqual([{ bearer: [] }])
    })
  )

  it.effect("says that a session is needed beside another scheme", () =>
    Effect.gen(function* () {
      const { paths } = yield* document({ header: "x-session" })
      const sessions = [{ session: [] }, { "session.header": [] }]
      expect(paths["/strict"].get.security).toEqual(neededTogether<object>({ bearer: [] }, sessions))
    })
  )

  it.effect("tells the errors, each with its status and with the reasons that it can have", () =>
    Effect.gen(function* () {
      const { components, paths } = yield* document({})
      const named = ({ $ref }: { $ref: string }) => components.schemas[$ref.replace("#/components/schemas/", "")]
      /** The errors of an endpoint with a status, each by its tag and with its reasons. */
      const errorsOf = (path: string, status: number) => {
        const { schema } = paths[path].get.responses[status].content["application/json"]
        return (schema.anyOf ?? [schema]).map(named).map(({ properties: { _tag, reason } }: any) => ({
          [_tag.enum[0]]: reason === undefined ? [] : (reason.enum ?? reason.anyOf.flatMap((one: any) => one.enum))
        }))
      }
      for (const path of ["/visitor/{id}", "/both", "/strict"]) {
        for (const [status, reasons] of [
          [503, ["Unavailable", "Conflict", "Gone"]],
          [403, ["TooManySessions", "CrossOrigin"]],
          [429, ["NotAdmitted"]],
          [500, ["NotFound", "InvalidValue", "TooLarge", "HeadersSent", "Unsupported", "InvalidConfig"]]
        ] as const) {
          expect(errorsOf(path, status)).toEqual([{ SessionError: reasons }])
        }
      }
      const signInNeeded = { SessionError: ["SignInNeeded"] }
      expect(errorsOf("/visitor/{id}", 401)).toEqual([signInNeeded])
      // Beside the app's own.
      expect(errorsOf("/strict", 401)).toEqual(expect.arrayContaining([signInNeeded, { Unauthorized: [] }]))
      expect(errorsOf("/strict", 401)).toHaveLength(2)
      expect(Object.keys(paths["/open"].get.responses)).not.toContain("503")
    })
  )

  it.effect("leaves alone what an app's own transform has left out, and adds what the whole API needs", () =>
    Effect.gen(function* () {
      const documentOf = (api: AnyApi) => {
        let spec: OpenApi.OpenAPISpec | undefined
        const seen = (api: AnyApi) =>
          Layer.effectDiscard(Effect.sync(() => (spec = OpenApi.fromApi(api as typeof Api))))
        return Effect.map(
          Layer.build(Layer.provide(SessionHttp.layerOpenApi(api as typeof Api, seen), managerLayer())),
          () => spec!.paths["/here"]?.get?.security
        )
      }
      const endpoint = get("here", "/here").middleware(Visitor)
      const api = (endpoint: any) => HttpApi.make("small").add(HttpApiGroup.make("all").add(endpoint as never))
      const silent = endpoint.annotate(OpenApi.Transform, ({ security: _, ...operation }) => operation)
      expect(yield* documentOf(api(silent))).toBeUndefined()
      expect(yield* documentOf(api(endpoint))).toEqual([{}, { session: [] }])
      expect(yield* documentOf(api(endpoint).middleware(Signed))).toEqual([{ bearer: [] }])
    })
  )

  it.effect("names a header, and each of several that can carry the id", () =>
    Effect.gen(function* () {
      const header = yield* document({ cookie: false, header: "x-session" })
      expect(header.components.securitySchemes.session).toEqual({ type: "apiKey", in: "header", name: "x-session" })
      const all = yield* document({ header: "x-session", query: "sid" })
      expect(all.components.securitySchemes).toMatchObject({
        ...cookie("__Host-id"),
        "session.header": { type: "apiKey", in: "header", name: "x-session" },
        "session.query": { type: "apiKey", in: "query", name: "sid" }
      })
      expect(all.paths["/both"].get.security).toEqual([
        { session: [] },
        { "session.header": [] },
        { "session.query": [] }
      ])
    })
  )

  it.effect("a session of the whole API is one of each operation", () =>
    Effect.gen(function* () {
      const { components, paths, security } = yield* document({ cookie: { name: "shop" } }, Everywhere)
      expect(components.securitySchemes).toEqual(cookie("shop"))
      expect(security).toEqual(neededByAll([{}, { session: [] }]))
      expect(paths["/here"].get.security).toEqual([{}, { session: [] }])
    })
  )

  it.effect("the API's own transformation comes after", () =>
    Effect.gen(function* () {
      const spec = yield* document({ header: "x-session" })
      expect(spec["x-own"]).toContain("session.header")
    })
  )

  it.effect("of an HttpLayerRouter too", () =>
    Effect.gen(function* () {
      const { send } = yield* build(
        HttpLayerRouter.serve(
          SessionHttp.layerOpenApi(Api, (api) => routes(api, { openapiPath: "/openapi.json" })).pipe(
            Layer.provide(implemented)
          ),
          { disableLogger: true, disableListenLog: true }
        ),
        undefined,
        { cookie: { name: "shop" } }
      )
      expect((yield* send("/visitor/1")).status).toBe(204)
      const spec = JSON.parse((yield* send("/openapi.json")).body)
      expect(spec.components.securitySchemes).toMatchObject(cookie("shop"))
      expect(spec.paths["/visitor/{id}"].get.security).toEqual([{}, { session: [] }])
    })
  )
})

describe("a document that one manager cannot describe", () => {
  const scheme = <Name extends string>(id: Name, security: Record<string, HttpApiSecurity.HttpApiSecurity>) =>
    middleware<any>()(id, { security })
  const apiOf = (...middlewares: ReadonlyArray<ReturnType<typeof scheme>>) =>
    middlewares.reduce<any>(
      (api, middleware, i) =>
        api.add(
          HttpApiGroup.make(`group${i}`)
            .add(get("here", `/${i}`))
            .middleware(middleware)
        ),
      HttpApi.make("several")
    ) as typeof Api
  const shop = SessionHttp.security({ name: "shop" })
  const admin = SessionHttp.security({ name: "admin" })
  const documented = () => Layer.empty
  const refusal = <E>(layer: Layer.Layer<never, E, SessionManager.SessionManager>) =>
    Effect.map(
      Effect.flip(Layer.build(Layer.provide(layer, managerLayer()))),
      (error) => error as unknown as SessionError
    )

  it.effect("is refused if its middlewares name two cookies, under one name of a scheme or under two", () =>
    Effect.gen(function* () {
      for (const second of ["session", "other"]) {
        const api = apiOf(scheme("Shop", { session: shop }), scheme("Admin", { [second]: admin }))
        const { message, reason } = yield* refusal(SessionHttp.layerOpenApi(api, documented))
        expect(reason).toBe("InvalidConfig")
        expect(message).toContain(`session (shop), ${second} (admin)`)
      }
    })
  )

  it.effect("is refused if a scheme that is no session has the same name", () =>
    Effect.gen(function* () {
      const api = apiOf(scheme("Shop", { session: shop }), scheme("Token", { session: HttpApiSecurity.bearer }))
      const { message, reason } = yield* refusal(SessionHttp.layerOpenApi(api, documented))
      expect(reason).toBe("InvalidConfig")
      expect(message).toContain("session: ")
    })
  )

  it.effect("is refused if two managers are to describe it", () =>
    Effect.gen(function* () {
      const { reason } = yield* refusal(
        SessionHttp.layerOpenApi(Api, (api) =>
          SessionHttp.layerOpenApi(api, documented).pipe(Layer.provide(managerLayer({ cookie: { name: "admin" } })))
        )
      )
      expect(reason).toBe("InvalidConfig")
    })
  )
})

it("a document without a server has the name that `security` was given", () => {
  expect(OpenApi.fromApi(Api).components.securitySchemes).toMatchObject(cookie("sid"))
})
