// An app whose requests say what they do, step by step, and what they have seen: `/read,sleep:3,renew,user:ada,save`.
import { type SessionError, SessionHttp, SessionManager, SessionStore } from "effect-session"
import * as Deferred from "#effect/Deferred"
import * as Effect from "#effect/Effect"
import { HttpServerRequest } from "#effect/http/HttpServerRequest"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Option from "#effect/Option"
import * as Redacted from "#effect/Redacted"
import * as Schema from "#effect/Schema"
import * as HttpRouter from "#test/HttpRouter"

const count = SessionStore.field(Schema.Natural, { default: () => 0 })

/** `count` is everybody's; the others are for tests that want to know whose change a change is. */
export class Identity extends SessionStore.Tag<Identity>()("Identity", {
  user: Schema.String,
  cart: Schema.String,
  count,
  c0: count,
  c1: count,
  c2: count,
  c3: count,
  c4: count,
  c5: count
}) {}

export const counters = ["c0", "c1", "c2", "c3", "c4", "c5"] as const

type Counter = "count" | (typeof counters)[number]

/** What a request has seen of its session. */
export interface Seen {
  /** Whether it had none before. */
  readonly isNew: ReadonlyArray<boolean>
  readonly users: ReadonlyArray<string>
  readonly carts: ReadonlyArray<string>
  readonly counts: ReadonlyArray<number>
  readonly ids: ReadonlyArray<string>
  /** Who had signed in with `signIn`. */
  readonly people: ReadonlyArray<string>
  /** How many sessions a person's list had. */
  readonly devices: ReadonlyArray<number>
  /** How many of its saves have failed, and it went on. */
  readonly failed: number
}

/** Where requests wait until a test lets them go. */
export interface Gate {
  readonly arrived: Deferred.Deferred<void>
  readonly open: Deferred.Deferred<void>
}

export interface Gates {
  readonly add: (name: string) => Effect.Effect<Gate>
  readonly pass: (name: string) => Effect.Effect<void>
}

export const makeGates = (): Gates => {
  const gates = new Map<string, Gate>()
  return {
    add: (name) =>
      Effect.tap(
        Effect.map(Effect.all([Deferred.make<void>(), Deferred.make<void>()]), ([arrived, open]) => ({
          arrived,
          open
        })),
        (gate) => Effect.sync(() => gates.set(name, gate))
      ),
    pass: (name) =>
      Effect.suspend(() => {
        const { arrived, open } = gates.get(name)!
        return Effect.andThen(Deferred.succeed(arrived, undefined), Deferred.await(open))
      })
  }
}

type Mutable<A> = { -readonly [K in keyof A]: A[K] extends ReadonlyArray<infer B> ? Array<B> : A[K] }

type Step = (session: SessionStore.Session<(typeof Identity)["fields"]>, seen: Mutable<Seen>, argument: string) => any

const look: Step = (session, seen) =>
  Effect.map(
    Effect.all([session.get("user"), session.get("cart"), session.get("count"), session.isNew]),
    ([user, cart, count, isNew]) => {
      seen.users.push(Option.getOrElse(user, () => ""))
      seen.carts.push(Option.getOrElse(cart, () => ""))
      seen.counts.push(count)
      seen.isNew.push(isNew)
    }
  )

const increment: Step = (session, _, name) => session.update((name || "count") as Counter, (n) => n + 1)

const steps: Readonly<Record<string, Step>> = {
  read: look,
  inc: increment,
  user: (session, _, user) => session.set("user", user),
  cart: (session, _, cart) => session.set("cart", cart),
  renew: (session) => session.regenerate,
  signin: (session, _, who) => session.signIn(who),
  signout: (session) => session.signOut,
  who: (session, seen) => Effect.map(session.principal, (who) => seen.people.push(Option.getOrElse(who, () => ""))),
  devices: (_, seen, who) => Effect.map(SessionManager.sessionsOf(who), ({ length }) => seen.devices.push(length)),
  endall: (_, __, who) => SessionManager.endAll(who),
  endothers: (session) => SessionManager.endOthers(session),
  end: (session) => session.destroy,
  save: (session) => session.save,
  touch: (session) => session.touch,
  /** A handler that goes on although its changes could not be saved. */
  trySave: (session, seen) =>
    Effect.catch(session.save, () =>
      Effect.sync(() => {
        seen.failed++
      })
    ),
  add: (session, seen, name) =>
    Effect.map(
      session.updateAndSave((name || "count") as Counter, (n) => n + 1),
      (count) => {
        seen.counts.push(count)
      }
    ),
  id: (session, seen) => Effect.map(session.id, (id) => seen.ids.push(Redacted.value(id))),
  sleep: (_, __, millis) => Effect.sleep(Number(millis))
}

/** `before` runs before each step. */
export const makeApp = (gates: Gates = makeGates(), before: Effect.Effect<void> = Effect.void) => {
  const run = (
    session: Parameters<Step>[0],
    seen: Mutable<Seen>,
    text: string
  ): Effect.Effect<unknown, SessionError, SessionManager.SessionManager> =>
    Effect.suspend(() => {
      const [name = "", argument = ""] = text.split(":")
      return name === "gate" ? gates.pass(argument) : steps[name]!(session, seen, argument)
    })
  return HttpRouter.empty.pipe(
    HttpRouter.all(
      "*",
      Effect.gen(function* () {
        const session = yield* Identity
        const { originalUrl } = yield* HttpServerRequest
        const seen: Mutable<Seen> = {
          isNew: [],
          users: [],
          carts: [],
          counts: [],
          ids: [],
          people: [],
          devices: [],
          failed: 0
        }
        // An absolute URL if it comes from a web Request.
        const path = originalUrl.replace(/^[a-z]+:\/\/[^/]*/, "").replace(/^.*\//, "")
        for (const step of decodeURIComponent(path.replace(/\?.*$/, "")).split(",")) {
          yield* before
          yield* run(session, seen, step)
        }
        return HttpServerResponse.jsonUnsafe(seen)
      })
    ),
    HttpRouter.use(SessionHttp.middleware(Identity))
  )
}
