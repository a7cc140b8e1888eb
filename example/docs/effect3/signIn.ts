import { randomBytes, scrypt, timingSafeEqual } from "node:crypto"
import { createServer } from "node:http"
import {
  HttpApi,
  HttpApiBuilder,
  HttpApiEndpoint,
  HttpApiGroup,
  HttpApiMiddleware,
  HttpApiSchema,
  HttpServer
} from "@effect/platform"
import { NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { Context, Effect, Layer, Option, Redacted, Schema } from "effect"
import { SessionHttp, SessionLayer, SessionStore } from "effect-session"

// --- The session: it knows the id of the user who is signed in. It has no fields of its own yet.

class AppSession extends SessionStore.Tag<AppSession>()("AppSession", {}) {}

// --- Users and their passwords. In your app they are in a database.

class User extends Schema.Class<User>("User")({ id: Schema.String, name: Schema.String }) {}

interface Password {
  readonly salt: Buffer
  readonly key: Buffer
}

const derive = (password: string, salt: Buffer): Effect.Effect<Buffer> =>
  Effect.async((resume) =>
    scrypt(password, salt, 32, { N: 2 ** 15, r: 8, p: 3, maxmem: 64 * 1024 * 1024 }, (error, key) =>
      resume(error ? Effect.die(error) : Effect.succeed(key))
    )
  )

const hashPassword = (password: string): Effect.Effect<Password> =>
  Effect.suspend(() => {
    const salt = randomBytes(16)
    return Effect.map(derive(password, salt), (key) => ({ salt, key }))
  })

class Users extends Effect.Service<Users>()("Users", {
  effect: Effect.gen(function* () {
    const ada = { user: new User({ id: "1", name: "ada" }), password: yield* hashPassword("correct horse") }
    // A name that nobody has is checked against this, so that it takes as long as a wrong password.
    const nobody = yield* hashPassword(randomBytes(16).toString("hex"))
    return {
      find: (id: string): Effect.Effect<Option.Option<User>> =>
        Effect.succeed(id === ada.user.id ? Option.some(ada.user) : Option.none()),
      check: (name: string, password: string): Effect.Effect<Option.Option<User>> => {
        const found = name === ada.user.name ? ada : undefined
        const { key, salt } = found?.password ?? nobody
        return Effect.map(derive(password, salt), (given) =>
          timingSafeEqual(given, key) ? Option.fromNullable(found?.user) : Option.none()
        )
      }
    }
  })
}) {}

// --- Two middlewares: one gives handlers the session, the other gives them the user or responds with a 401.

class Unauthorized extends Schema.TaggedError<Unauthorized>()(
  "Unauthorized",
  { message: Schema.String },
  HttpApiSchema.annotations({ status: 401 })
) {}

class CurrentUser extends Context.Tag("CurrentUser")<CurrentUser, User>() {}

class WithSession extends HttpApiMiddleware.Tag<WithSession>()("WithSession", {
  provides: AppSession,
  failure: SessionHttp.Failure,
  security: { session: SessionHttp.security() }
}) {}

class SignedIn extends HttpApiMiddleware.Tag<SignedIn>()("SignedIn", {
  provides: CurrentUser,
  failure: Schema.Union(Unauthorized, SessionHttp.Failure),
  security: { session: SessionHttp.security() }
}) {}

const currentUser = Effect.gen(function* () {
  const session = yield* AppSession
  const users = yield* Users
  const userId = yield* session.principal
  const user = Option.isSome(userId) ? yield* users.find(userId.value) : Option.none()
  return yield* Effect.mapError(user, () => new Unauthorized({ message: "sign in first" }))
})

const Middlewares = Layer.merge(
  SessionHttp.layerApi(WithSession),
  SessionHttp.layerApi(SignedIn, currentUser, AppSession)
)

// --- The API and its handlers.

class Api extends HttpApi.make("app").add(
  HttpApiGroup.make("account", { topLevel: true })
    .add(
      HttpApiEndpoint.post("signIn", "/sign-in")
        .setPayload(Schema.Struct({ name: Schema.String, password: Schema.Redacted(Schema.String) }))
        .addSuccess(User)
        .addError(Unauthorized)
        .middleware(WithSession)
    )
    .add(HttpApiEndpoint.post("signOut", "/sign-out").middleware(WithSession))
    .add(HttpApiEndpoint.get("me", "/me").addSuccess(User).middleware(SignedIn))
) {}

const Account = HttpApiBuilder.group(Api, "account", (handlers) =>
  handlers
    .handle("signIn", ({ payload }) =>
      Effect.gen(function* () {
        const users = yield* Users
        const session = yield* AppSession
        const found = yield* users.check(payload.name, Redacted.value(payload.password))
        const user = yield* Effect.mapError(found, () => new Unauthorized({ message: "wrong name or password" }))
        yield* session.signIn(user.id)
        return user
      })
    )
    .handle("signOut", () => Effect.flatMap(AppSession, (session) => session.signOut))
    .handle("me", () => CurrentUser)
)

HttpApiBuilder.serve().pipe(
  Layer.provide(HttpApiBuilder.api(Api)),
  Layer.provide(Account),
  Layer.provide(Middlewares),
  HttpServer.withLogAddress,
  Layer.provide(NodeHttpServer.layer(createServer, { port: Number(process.env["PORT"] ?? 3000) })),
  // The layers that handlers need come after the server layer, so that they are ready before the server listens.
  Layer.provide(Users.Default),
  Layer.provide(SessionLayer.memory({ idleTimeout: "30 minutes" })),
  Layer.launch,
  NodeRuntime.runMain
)
