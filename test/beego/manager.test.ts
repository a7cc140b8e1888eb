// beego's manager, case by case as real beego answered (manager_vectors.json), against ours with the same configuration behind a web
// handler. What beego does to the request object itself (`requestCookieHeaderAfter`) has no counterpart here; what follows from it for
// later calls in the request is compared.
import { readFileSync } from "node:fs"
import { SessionHttp, SessionLayer, SessionProvider, SessionStore } from "effect-session"
import * as Beego from "effect-session/beego"
import * as Memory from "effect-session/memory"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as HttpEffect from "#effect/http/HttpEffect"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import * as Redacted from "#effect/Redacted"
import * as Result from "#effect/Result"
import * as Schema from "#effect/Schema"
import { describe, expect, it } from "#test/vitest"
import { differences, differing, type Name, type Outcome, type SetCookie, type Step } from "./differences.js"

interface Case {
  readonly name: string
  readonly op: string
  readonly config: object
  readonly request: {
    readonly cookieHeader: string
    readonly formBody: string
    readonly headers: Readonly<Record<string, string>> | null
    readonly tls: boolean
    readonly url: string
  }
  readonly newManagerError?: string
  readonly setCookie?: ReadonlyArray<string>
  readonly responseSidHeader?: string
  readonly sessionsDelta?: number
  readonly steps?: ReadonlyArray<{
    readonly op: string
    readonly sid?: string
    readonly newSidShape?: string
    readonly value_who?: string | null
    readonly knownExistsAfter: boolean
  }>
}

const { cases, knownSid }: { readonly cases: ReadonlyArray<Case>; readonly knownSid: string } = JSON.parse(
  readFileSync(new URL("../data/beego/manager_vectors.json", import.meta.url), "utf8")
)

/** What the recorder gave to all managers. */
const recorded = { cookieName: "gosessionid", gclifetime: 3600 }

class Visitor extends SessionStore.Tag<Visitor>()("Visitor", { who: Schema.String, seen: Schema.Boolean }) {}

/** `idOf` says which id a value is. */
const parseCookie = (line: string, idOf: (value: string) => string): SetCookie => {
  const [pair, ...attributes] = line.split("; ")
  const [, name, value] = /^([^=]+)=(.*)$/.exec(pair!)!
  return {
    [name!]: idOf(value!),
    ...Object.fromEntries(
      attributes.map((attribute) => {
        const [, key, value] = /^([^=]+)(?:=(.*))?$/.exec(attribute)!
        return [key!.toLowerCase(), value ?? true]
      })
    )
  }
}

const escaped = (value: string) => value.replace(/^<esc (.*)>$/, "$1")

/** What beego did. */
const beegos = ({ newManagerError, responseSidHeader, sessionsDelta, setCookie, steps }: Case): Outcome =>
  newManagerError !== undefined
    ? { refused: /^panic: (\w+)/.exec(newManagerError)![1]! }
    : {
        setCookie: setCookie!.map((line) => parseCookie(line, escaped)),
        header: responseSidHeader === undefined ? undefined : escaped(responseSidHeader),
        stored: sessionsDelta!,
        knownExists: steps!.at(-1)!.knownExistsAfter,
        steps: steps!.map(({ newSidShape, op, sid, value_who }) => ({ op, sid, shape: newSidShape, who: value_who }))
      }

const shapeOf = (id: string) => id.replace(/[0-9a-f]+$/, (random) => `<${random.length} lower hex>`)

const known = (provider: SessionProvider.Provider) =>
  Effect.gen(function* () {
    const who = Result.getOrThrow(Beego.codec.field(Schema.String).encode("known"))
    const payload = Beego.codec.encode({ createdAt: undefined, values: { who } }) as Uint8Array
    yield* provider.create(knownSid as SessionProvider.StoredId, payload, Duration.hours(1))
  })

/** What we are to do: the same, but for what the table says. */
const expectedOf = (vector: Case): Outcome =>
  (differing[vector.name] ?? []).reduce((expected, name) => {
    const changed = differences[name].change(expected)
    expect(changed, `${name} makes no difference`).not.toEqual(expected)
    return changed
  }, beegos(vector))

/** A manager over a memory that holds the known session; `handle` is what the handler does in each request. */
const mounted = <E>(config: object, handle: Effect.Effect<unknown, E, Visitor>) =>
  Effect.gen(function* () {
    const provider = Memory.make()
    yield* known(provider)
    const options = yield* Beego.options({ ...recorded, ...config })
    const layer = SessionLayer.make(Layer.succeed(SessionProvider.SessionProvider, provider), options, Beego.codec)
    const app = SessionHttp.middleware(Visitor)(Effect.as(handle, HttpServerResponse.empty()))
    const { handler } = yield* Effect.acquireRelease(
      Effect.sync(() => HttpEffect.toWebHandlerLayer(app, layer)),
      ({ dispose }) => Effect.promise(dispose)
    )
    return { provider, send: (request: Request) => Effect.promise(() => handler(request)) }
  })

const toRequest = ({ cookieHeader, formBody, headers, tls, url }: Case["request"]) =>
  new Request(`${tls ? "https" : "http"}://localhost${url || "/"}`, {
    ...(formBody === "" ? {} : { method: "POST", body: new URLSearchParams(formBody) }),
    headers: { ...headers, ...(cookieHeader === "" ? {} : { cookie: cookieHeader }) }
  })

/** Ids by the names that the recorder gave them, in the order in which they came up. */
const makeNames = () => {
  const names = new Map([[knownSid, "KNOWN"]])
  return {
    isNew: (id: string) => !names.has(id),
    name: (id: string) => {
      names.set(id, names.get(id) ?? `SID${names.size}`)
      return names.get(id)!
    }
  }
}

/** What a handler does at each step, as beego's does that uses its session: who is new is noted. */
const play = (op: string, steps: Array<Step>, { isNew, name }: ReturnType<typeof makeNames>) =>
  Effect.gen(function* () {
    const session = yield* Visitor
    for (const step of op.split("+")) {
      if (step === "destroy") {
        yield* session.destroy
        steps.push({ op: step })
        continue
      }
      if (step === "regenerate") {
        yield* session.regenerate
      }
      if (yield* session.isNew) {
        yield* session.set("seen", true)
      }
      const id = Redacted.value(yield* session.id)
      const who = Option.getOrNull(yield* session.get("who"))
      const shape = isNew(id) ? shapeOf(id) : undefined
      steps.push({ op: step, sid: name(id), shape, who })
    }
  })

/** What we do. */
const ours = ({ config, op, request }: Case): Effect.Effect<Outcome> =>
  Effect.gen(function* () {
    const names = makeNames()
    const steps: Array<Step> = []
    const { provider, send } = yield* mounted(config, play(op, steps, names))
    return { ...(yield* told(provider, send(toRequest(request)), names)), steps }
  }).pipe(
    Effect.scoped,
    Effect.catch(({ message, reason }) =>
      Effect.sync(() => {
        expect(reason).toBe("InvalidConfig")
        return { refused: /^(\w+): /.exec(message)![1]! }
      })
    )
  )

/** What the client was told, and what is stored after it. */
const told = (
  provider: SessionProvider.Provider,
  response: Effect.Effect<Response>,
  { name }: ReturnType<typeof makeNames>
) =>
  Effect.gen(function* () {
    const { headers, status } = yield* response
    expect(status).toBe(204)
    // The one that the recorder looked at.
    const header = headers.get("Beegosessionid") ?? undefined
    return {
      setCookie: headers
        .getSetCookie()
        .map((line) => parseCookie(line, (value) => (value === "" ? "" : name(decodeURIComponent(value))))),
      header: header === undefined || header === "" ? header : name(header),
      stored: (yield* provider.count!) - 1,
      knownExists: yield* provider.exists(knownSid as SessionProvider.StoredId)
    }
  })

/** A request of somebody known, which in beego goes on with the session. */
const goingOn = (name: string, config: object, request: Partial<Case["request"]>): Case => ({
  name,
  op: "start",
  config: { enableSetCookie: true, EnableSidInURLQuery: true, ...config },
  request: { cookieHeader: "", formBody: "", headers: null, tls: false, url: "", ...request },
  setCookie: [],
  sessionsDelta: 0,
  steps: [{ op: "start", sid: "KNOWN", value_who: "known", knownExistsAfter: true }]
})

const byHeader = { EnableSidInHTTPHeader: true, SessionNameInHTTPHeader: "Beegosessionid" }

/** Not among the recorded: what beego does with these follows from session.go, 158 to 184 and 241 to 333. */
const more: ReadonlyArray<Case> = [
  {
    ...goingOn("more_regenerate_destroy", {}, { cookieHeader: `gosessionid=${knownSid}` }),
    op: "regenerate+destroy",
    setCookie: ["gosessionid=<esc SID1>; Path=/; HttpOnly", "gosessionid=; Path=/; Expires=<now>; Max-Age=0; HttpOnly"],
    steps: [
      {
        op: "regenerate",
        sid: "SID1",
        newSidShape: "<32 lower hex>",
        value_who: "known",
        knownExistsAfter: false
      },
      { op: "destroy", knownExistsAfter: false }
    ]
  },
  goingOn("more_two_cookies", {}, { cookieHeader: `gosessionid=${knownSid}; gosessionid=dead` }),
  goingOn("more_form", {}, { formBody: `gosessionid=${knownSid}` }),
  goingOn("more_empty_cookie", {}, { cookieHeader: "gosessionid=", url: `/?gosessionid=${knownSid}` }),
  goingOn("more_empty_query", byHeader, { headers: { Beegosessionid: knownSid }, url: "/?gosessionid=" })
]

const all = [...cases, ...more]

describe("as beego, or as the table of differences says", () => {
  it("there are 44 recorded cases, and the table names no others", () => {
    expect(cases.length).toBe(44)
    const names = new Set(all.map(({ name }) => name))
    expect(Object.keys(differing).filter((name) => !names.has(name))).toEqual([])
  })

  for (const vector of all) {
    const own: ReadonlyArray<Name> = differing[vector.name] ?? []
    it.live(`${vector.name}: ${own.length === 0 ? "equal" : own.join(", ")}`, () =>
      Effect.map(ours(vector), (outcome) => expect(outcome).toEqual(expectedOf(vector)))
    )
  }

  const begun = cases.filter(
    (vector) => vector.op === "start" && vector.steps?.[0]?.sid === "SID1" && !("refused" in expectedOf(vector))
  )
  it.live.each(begun)("$name: lazy, where the handler puts nothing into the session", (vector) =>
    Effect.gen(function* () {
      const { provider, send } = yield* mounted(
        vector.config,
        Effect.flatMap(Visitor, (session) => session.get("who"))
      )
      const expected = differences.lazy.change(beegos(vector))
      expect(expected).toMatchObject(yield* told(provider, send(toRequest(vector.request)), makeNames()))
    }).pipe(Effect.scoped)
  )

  it.live("a header of any canonical name carries the id, where no cookie is to be sent", () =>
    Effect.gen(function* () {
      const config = { EnableSidInHTTPHeader: true, SessionNameInHTTPHeader: "X-Session-Id" }
      const { send } = yield* mounted(
        config,
        Effect.flatMap(Visitor, (session) => session.set("seen", true))
      )
      const { headers } = yield* send(new Request("http://localhost/"))
      expect(headers.get("X-Session-Id")).toMatch(/^[0-9a-f]{32}$/)
      expect(headers.getSetCookie()).toEqual([])
    }).pipe(Effect.scoped)
  )

  it("the differences are in the documentation, word for word", () => {
    const text = readFileSync(new URL("../../docs/beego-differences.md", import.meta.url), "utf8")
    const missing = Object.values(differences).filter(({ beego, ours }) => !text.includes(`| ${beego} | ${ours} |`))
    expect(missing).toEqual([])
  })
})
