/**
 * A server of sessions with the options of its environment, which answers requests on its standard input.
 */
import { createInterface } from "node:readline"
import { inspect } from "node:util"
import { SessionHttp, SessionLayer, type SessionManager, SessionStore } from "effect-session"
import { webHandlers } from "#dialect/http"
import * as Effect from "#effect/Effect"
import { HttpServerRequest } from "#effect/http/HttpServerRequest"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Option from "#effect/Option"
import * as Schema from "#effect/Schema"
import type { Asked, Told } from "./process.js"
import { values } from "./values.js"

class AppSession extends SessionStore.Tag<AppSession>()("AppSession", {
  visits: SessionStore.field(Schema.Int, { default: () => 0 }),
  name: Schema.String,
  member: Schema.Boolean,
  since: Schema.DateFromString,
  shop: Schema.Option(Schema.String),
  digits: Schema.BigIntFromString,
  bytes: Schema.Uint8ArrayFromBase64,
  cart: Schema.Array(Schema.Struct({ item: Schema.String, price: Schema.Number })),
  profile: Schema.Struct({
    role: Schema.Literals(["admin", "user"]),
    email: Schema.NullOr(Schema.String),
    age: Schema.optionalKey(Schema.Int)
  })
}) {}

type Session = SessionStore.Session<typeof AppSession.fields>

const read = ({ get }: Session) =>
  Effect.map(
    Effect.all({
      name: get("name"),
      member: get("member"),
      since: get("since"),
      shop: Effect.map(get("shop"), Option.flatten),
      digits: get("digits"),
      bytes: get("bytes"),
      cart: get("cart"),
      profile: get("profile")
    }),
    (found) => inspect(Object.values<Option.Option<unknown>>(found).map(Option.getOrUndefined), { depth: 9 })
  )

const actions: Readonly<Record<string, (session: Session) => Effect.Effect<unknown, unknown>>> = {
  read,
  write: ({ set }) =>
    Effect.all([
      set("name", values.name),
      set("member", values.member),
      set("since", values.since),
      set("shop", Option.some(values.shop)),
      set("digits", values.digits),
      set("bytes", values.bytes),
      set("cart", values.cart),
      set("profile", values.profile)
    ]),
  count: (session) => session.update("visits", (n) => n + 1),
  visits: (session) => session.get("visits"),
  regenerate: (session) => session.regenerate,
  destroy: (session) => session.destroy
}

const app = Effect.flatMap(Effect.all([HttpServerRequest, AppSession]), ([{ url }, session]) =>
  Effect.map(actions[url.slice(1)]!(session), (answer) => HttpServerResponse.text(String(answer)))
).pipe(SessionHttp.middleware(AppSession))

const main = Effect.flatMap(webHandlers<SessionManager.SessionManager>(), (handlers) => {
  const handler = handlers(app)
  const answer = async ({ action, cookie, id }: Asked): Promise<Told> => {
    const headers: HeadersInit = cookie === undefined ? {} : { cookie }
    const response = await handler(new Request(`http://localhost/${action}`, { headers }))
    const set = response.headers.getSetCookie().filter((line) => !line.includes("Max-Age=0"))
    return {
      id,
      status: response.status,
      body: await response.text(),
      ...(set.length === 0 ? {} : { cookie: set.map((line) => line.split(";")[0]).join("; ") })
    }
  }
  return Effect.promise(async () => {
    for await (const line of createInterface(process.stdin)) {
      void answer(JSON.parse(line)).then((told) => process.stdout.write(`${JSON.stringify(told)}\n`))
    }
  })
})

await Effect.runPromise(Effect.provide(main, SessionLayer.fromConfig()))
