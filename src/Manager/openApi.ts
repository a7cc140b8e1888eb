/**
 * Describes sessions in OpenAPI documents: the cookie, header or query parameter that carries the id, and whether it is
 * required.
 */
import { type AnyApi, type AnyMiddleware, type Api, membersOf } from "#dialect/apis"
import * as Context from "#effect/Context"
import * as Effect from "#effect/Effect"
import * as HttpApiMiddleware from "#effect/http-api/HttpApiMiddleware"
import * as HttpApiSecurity from "#effect/http-api/HttpApiSecurity"
import * as OpenApi from "#effect/http-api/OpenApi"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import { SessionError } from "../SessionError.js"
import type { SessionConfig } from "./configSchema.js"
import { SessionManager } from "./SessionManager.js"
import { cookieName } from "./Transport.js"

/** Marks a security scheme as that of a session. */
class Session extends Context.Service<Session, { readonly optional: boolean }>()("effect-session/openApi/Session") {}

/**
 * Makes the `security` of an `HttpApiMiddleware.Tag` for sessions, for the OpenAPI document: a cookie called
 * `__Host-id`, or `name`. With `optional` the document says that requests without a session are accepted. {@link
 * layerOpenApi} takes the name from the configuration instead.
 *
 * @example
 * // Effect 4
 * import { Schema } from "effect"
 * import { HttpApiMiddleware } from "effect/http-api"
 * import { SessionHttp, SessionStore } from "effect-session"
 *
 * class AppSession extends SessionStore.Tag<AppSession>()("AppSession", { name: Schema.String }) {}
 *
 * class WithSession extends HttpApiMiddleware.Service<WithSession, { provides: AppSession }>()("WithSession", {
 *   error: SessionHttp.Failure,
 *   security: { session: SessionHttp.security({ optional: true }) }
 * }) {}
 *
 * @example
 * // Effect 3
 * import { HttpApiMiddleware } from "@effect/platform"
 * import { Schema } from "effect"
 * import { SessionHttp, SessionStore } from "effect-session"
 *
 * class AppSession extends SessionStore.Tag<AppSession>()("AppSession", { name: Schema.String }) {}
 *
 * class WithSession extends HttpApiMiddleware.Tag<WithSession>()("WithSession", {
 *   provides: AppSession,
 *   failure: SessionHttp.Failure,
 *   security: { session: SessionHttp.security({ optional: true }) }
 * }) {}
 *
 * @since 3.0.0
 * @category middleware
 */
export const security = ({
  name = "__Host-id",
  optional = false
}: {
  readonly name?: string | undefined
  readonly optional?: boolean | undefined
} = {}): HttpApiSecurity.ApiKey =>
  HttpApiSecurity.annotate(HttpApiSecurity.apiKey({ in: "cookie", key: name }), Session, { optional })

/**
 * Builds a layer of an `HttpApi` whose OpenAPI document names the cookie, header or query parameter that carries the
 * session in this configuration. Without it, the document names the cookie that `security` was given, and shows every
 * session as required.
 *
 * It describes the sessions of one manager. It fails with `InvalidConfig` if the API's middlewares name two cookies, or
 * if a scheme that is no session has the same name. If an API has two managers, build it without this layer, and give
 * each one's `security` its cookie's name and a scheme of its own.
 *
 * @example
 * // Effect 4
 * import { HttpApi, HttpApiBuilder } from "effect/http-api"
 * import { SessionHttp } from "effect-session"
 *
 * class Api extends HttpApi.make("api") {}
 *
 * const Routes = SessionHttp.layerOpenApi(Api, (api) => HttpApiBuilder.layer(api, { openapiPath: "/openapi.json" }))
 *
 * @example
 * // Effect 3
 * import { HttpApi, HttpApiBuilder, HttpApiSwagger, HttpLayerRouter } from "@effect/platform"
 * import { Layer } from "effect"
 * import { SessionHttp } from "effect-session"
 *
 * class Api extends HttpApi.make("api") {}
 *
 * const Docs = HttpApiSwagger.layer().pipe(
 *   Layer.provide(SessionHttp.layerOpenApi(Api, HttpApiBuilder.api))
 * )
 *
 * // With HttpLayerRouter:
 * const Routes = SessionHttp.layerOpenApi(Api, (api) => HttpLayerRouter.addHttpApi(api, { openapiPath: "/openapi.json" }))
 *
 * @since 3.0.0
 * @category layers
 */
export const layerOpenApi = <Own extends AnyApi, A, E, R>(
  api: Own,
  build: (api: Own) => Layer.Layer<A, E, R>
): Layer.Layer<A, E | SessionError, R | SessionManager> =>
  Layer.unwrap(
    Effect.flatMap(SessionManager, ({ config }) => {
      const known = api as unknown as Api
      const clash = clashIn(known)
      return clash === undefined
        ? Effect.succeed(build(documented(known, config) as unknown as Own))
        : Effect.fail(new SessionError({ reason: "InvalidConfig", message: `layerOpenApi: ${clash}` }))
    })
  )

type Requirements = ReadonlyArray<OpenApi.OpenAPISecurityRequirement>

/** Marks an API whose document describes the sessions of a manager already. */
class Documented extends Context.Service<Documented, true>()("effect-session/openApi/Documented") {}

/** The parts of an API that its document describes. */
export interface Members {
  /** The middlewares of the whole API. */
  readonly middlewares: Iterable<AnyMiddleware>
  readonly endpoints: ReadonlyArray<Endpoint>
}

export interface Endpoint {
  readonly operationIn: (spec: OpenApi.OpenAPISpec) => OpenApi.OpenAPISpecOperation | undefined
  /** All that it has, with those of the API. */
  readonly middlewares: Iterable<AnyMiddleware>
}

/** The API with a step that changes its document before the app's own. */
const documented = (api: Api, config: SessionConfig): Api => {
  const before = Context.getOption(api.annotations, OpenApi.Transform)
  return api.annotate(Documented, true).annotate(OpenApi.Transform, (spec) => {
    describe(spec as unknown as OpenApi.OpenAPISpec, membersOf(api), carriersOf(config))
    return Option.isSome(before) ? before.value(spec) : spec
  }) as unknown as Api
}

/** Returns why the document of an API cannot describe the sessions of one manager, or undefined if it can. */
const clashIn = (api: Api): string | undefined => {
  if (Option.isSome(Context.getOption(api.annotations, Documented))) {
    return "this document describes the sessions of a manager already"
  }
  const { endpoints, middlewares: ofAll } = membersOf(api)
  const middlewares = new Set([...ofAll, ...endpoints.flatMap(({ middlewares }) => [...middlewares])])
  const schemes = [...middlewares].flatMap(schemesOf)
  const sessions = schemes.filter((named): named is [string, HttpApiSecurity.ApiKey] => isSession(named[1]))
  const taken = sessions.find(([name]) => schemes.some(([other, scheme]) => other === name && !isSession(scheme)))
  if (taken !== undefined) {
    return `${taken[0]}: a security scheme that is no session has this name too: rename one of them`
  }
  const cookies = new Set(sessions.map(([, { key }]) => key))
  const named = new Set(sessions.map(([name, { key }]) => `${name} (${key})`))
  return cookies.size > 1
    ? `the API's middlewares name several cookies: ${[...named].join(", ")}: give each \`security\` the same one or, if the cookies are of several managers, leave layerOpenApi out and give each cookie's scheme a name of its own`
    : undefined
}

type Carrier = Pick<OpenApi.OpenAPIApiKeySecurityScheme, "in" | "name">

/** The carriers of the id; a request needs one of them. */
const carriersOf = (config: SessionConfig): ReadonlyArray<Carrier> => [
  ...(config.cookie === false ? [] : [{ in: "cookie", name: cookieName(config) } as const]),
  ...(config.header === false ? [] : [{ in: "header", name: config.header } as const]),
  ...(config.query === false ? [] : [{ in: "query", name: config.query } as const])
]

const schemesOf = (middleware: AnyMiddleware): Array<[string, HttpApiSecurity.HttpApiSecurity]> =>
  HttpApiMiddleware.isSecurity(middleware) ? Object.entries(middleware.security) : []

const sessionIn = (scheme: HttpApiSecurity.HttpApiSecurity) => Context.getOption(scheme.annotations, Session)

const isSession = (scheme: HttpApiSecurity.HttpApiSecurity): boolean => Option.isSome(sessionIn(scheme))

/** The security schemes of sessions among those of the middlewares: each name, with whether it is optional. */
const sessionsOf = (middlewares: Iterable<AnyMiddleware>): ReadonlyMap<string, boolean> => {
  const sessions = new Map<string, boolean>()
  for (const [name, scheme] of [...middlewares].flatMap(schemesOf)) {
    const session = sessionIn(scheme)
    if (Option.isSome(session)) {
      // Every middleware has to accept the request: a session that one of them requires is required.
      sessions.set(name, session.value.optional && sessions.get(name) !== false)
    }
  }
  return sessions
}

const unique = <A>(values: ReadonlyArray<A>): Array<A> => [
  ...new Map(values.map((value) => [JSON.stringify(value), value])).values()
]

/** Names the carriers of the session in the document of an API. */
const describe = (
  spec: OpenApi.OpenAPISpec,
  { endpoints, middlewares }: Members,
  carriers: ReadonlyArray<Carrier>
): void => {
  const { securitySchemes } = spec.components
  const nameOf = (name: string, place: number) => (place === 0 ? name : `${name}.${carriers[place]!.in}`)
  const describeSchemes = (sessions: ReadonlyMap<string, boolean>) => {
    for (const name of sessions.keys()) {
      const { description } = securitySchemes[name] ?? {}
      for (const [place, carrier] of carriers.entries()) {
        securitySchemes[nameOf(name, place)] = {
          type: "apiKey",
          ...carrier,
          ...(description === undefined ? {} : { description })
        }
      }
    }
  }
  /** The requirements of an operation with its session in them. `ofAll` are those of the whole API. */
  const described = (
    requirements: Requirements,
    sessions: ReadonlyMap<string, boolean>,
    ofAll: Requirements
  ): Array<OpenApi.OpenAPISecurityRequirement> => {
    const isSession = ([name]: [string, unknown]) => sessions.has(name)
    /** What is needed beside the session. */
    const othersIn = (requirements: Requirements) =>
      requirements
        .map((requirement) => Object.entries(requirement).filter((entry) => !isSession(entry)))
        .filter((entries) => entries.length > 0)
        .map((entries) => Object.fromEntries(entries))
    const carriedAt = (requirement: OpenApi.OpenAPISecurityRequirement, place: number) =>
      Object.fromEntries(
        Object.entries(requirement).map(([name, scopes]) => [sessions.has(name) ? nameOf(name, place) : name, scopes])
      )
    const others = othersIn(requirements)
    const needed = others.length > 0 ? others : othersIn(ofAll)
    const isOptional = [...sessions.values()].every((optional) => optional)
    const hasSession = requirements.some((requirement) => Object.entries(requirement).some(isSession))
    // In OpenAPI one of the requirements is enough: an optional session is not enough where something else is needed.
    return isOptional && needed.length > 0
      ? needed
      : unique([
          ...(isOptional && hasSession ? [{}] : []),
          ...requirements.flatMap((requirement) => carriers.map((_, place) => carriedAt(requirement, place)))
        ])
  }
  const ofAll = spec.security
  describeSchemes(sessionsOf(middlewares))
  spec.security = described(ofAll, sessionsOf(middlewares), ofAll)
  for (const { middlewares, operationIn } of endpoints) {
    const operation = operationIn(spec)
    const sessions = sessionsOf(middlewares)
    // An app's own transform may have left them out.
    const own: Requirements | undefined = operation?.security
    if (operation !== undefined && own !== undefined && sessions.size > 0) {
      describeSchemes(sessions)
      // In OpenAPI an empty list cancels the requirements of the whole API; the platform means that it adds none.
      operation.security = described(own.length === 0 ? ofAll : own, sessions, ofAll)
    }
  }
}
