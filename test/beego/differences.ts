// Where the manager in beego's preset deliberately answers otherwise than beego does: in words, as docs/beego-differences.md has
// them, and as the change that makes our answer of beego's.

/** What a request did: the cookies and the header that the client got, the sessions stored, and what the handler saw step by step. */
export interface Answer {
  readonly setCookie: ReadonlyArray<SetCookie>
  readonly header: string | undefined
  readonly stored: number
  readonly knownExists: boolean
  readonly steps: ReadonlyArray<Step>
}

/** A configuration that is not taken, and the field that is wrong. */
export interface Refused {
  readonly refused: string
}

export type Outcome = Answer | Refused

/** A line, its attributes in lower case; those without a value are true. */
export type SetCookie = Readonly<Record<string, string | true>>

/** Ids are `KNOWN`, `SID1`, `SID2`; a step that failed has none. */
export interface Step {
  readonly op: string
  readonly sid?: string | undefined
  readonly shape?: string | undefined
  readonly who?: string | null | undefined
}

export interface Difference {
  readonly beego: string
  readonly ours: string
  readonly change: (outcome: Outcome) => Outcome
}

const answer = (change: (answer: Answer) => Answer) => (outcome: Outcome) =>
  "refused" in outcome ? outcome : change(outcome)

const cookies = (change: (cookie: SetCookie) => SetCookie) =>
  answer((given) => ({ ...given, setCookie: given.setCookie.map(change) }))

const refused = (field: string) => (): Outcome => ({ refused: field })

const removal: SetCookie = {
  gosessionid: "",
  path: "/",
  httponly: true,
  "max-age": "0",
  expires: "Thu, 01 Jan 1970 00:00:00 GMT",
  samesite: "Lax"
}

/** A new session for a request that beego fails. */
const anonymous = (answer: Answer): Answer => ({
  ...answer,
  setCookie: [{ gosessionid: "SID1", path: "/", httponly: true }],
  stored: 1,
  steps: answer.steps.map(({ op }) => ({ op, sid: "SID1", shape: "<32 lower hex>", who: null }))
})

export const differences = {
  lazy: {
    beego: "each visitor's first request creates a session in the backend and sets a cookie",
    ours: "nothing is stored and no cookie is set until the session is changed",
    change: answer((given) => ({ ...given, setCookie: [], header: undefined, stored: 0 }))
  },
  lax: {
    beego: "no `SameSite` unless `cookieSameSite` is 2, 3 or 4",
    ours: "`SameSite=Lax` if beego sets none",
    change: cookies((cookie) => ({ samesite: "Lax", ...cookie }))
  },
  secure: {
    beego: "`secure: true` has no effect on a request over plain http, such as one behind a proxy that ends TLS",
    ours: "`Secure` whenever it is configured",
    change: cookies((cookie) => ({ ...cookie, secure: true }))
  },
  maxAge: {
    beego: "`Expires`, from the server's clock, beside `Max-Age`",
    ours: "`Max-Age` only, and an `Expires` of 1970 when a cookie is removed",
    change: cookies(({ expires, ...cookie }) =>
      cookie["max-age"] === "0" ? { ...cookie, expires: removal["expires"]! } : cookie
    )
  },
  oneSession: {
    beego:
      "each `SessionStart` after a stale cookie creates another session, each `SessionRegenerateID` another id, and each sends a cookie",
    ours: "one session and one `Set-Cookie` line a request, whatever its handler does",
    change: answer((given) => ({
      ...given,
      setCookie: given.setCookie.slice(0, 1),
      stored: 1,
      steps: given.steps.map((step, i) => ({ ...step, sid: "SID1", shape: i === 0 ? step.shape : undefined }))
    }))
  },
  endedWhole: {
    beego: "a session that gets a new id and is destroyed in the same request lives on under the new id",
    ours: "it is ended",
    change: answer((given) => ({ ...given, setCookie: given.setCookie.slice(-1), stored: given.stored - 1 }))
  },
  malformed: {
    beego: "a malformed escape in the cookie or the query fails every request until the browser forgets the cookie",
    ours: "a value that cannot be an id of the configuration (length, alphabet, prefix) is an anonymous visitor, and no backend sees it",
    change: answer(anonymous)
  },
  twoCookies: {
    beego: "of several cookies of the name the first one counts, whoever set it",
    ours: "the one that names a live session counts; if both do, the visitor is anonymous",
    change: answer((given) => ({
      ...given,
      setCookie: [],
      stored: 0,
      steps: given.steps.map(({ op }) => ({ op, sid: "KNOWN", shape: undefined, who: "known" }))
    }))
  },
  body: {
    beego: "with `EnableSidInURLQuery` a field of a posted form is an id too, and the body is consumed",
    ours: "the query only",
    change: answer(anonymous)
  },
  nothingToRemove: {
    beego: "signing out removes any cookie of the name, whatever its value",
    ours: "a cookie that cannot be an id counts as no cookie: there is nothing to end, and no cookie is sent",
    change: answer((given) => ({ ...given, setCookie: [] }))
  },
  anyCarrier: {
    beego: "an id in the header or the query is neither destroyed nor regenerated: the session stays valid",
    ours: "the session that the request used is destroyed or regenerated, wherever its id was",
    change: answer((given) => ({
      ...given,
      setCookie: [removal],
      stored: given.stored - 1,
      knownExists: false
    }))
  },
  emptyHeader: {
    beego: "signing out removes the header from the response",
    ours: "signing out sends the header without an id, so that the client forgets the one it has",
    change: answer((given) => ({ ...given, header: "" }))
  },
  unreachable: {
    beego:
      "without `enableSetCookie`, which is Go's default, and without a header, no client is ever told its id, so each request creates a session",
    ours: "refused, naming `enableSetCookie`",
    change: refused("enableSetCookie")
  },
  badDomain: {
    beego: "an invalid `domain` is dropped, with a line in the log",
    ours: "refused, naming `domain`",
    change: refused("domain")
  },
  badName: {
    beego: "with an invalid `cookieName` no cookie is sent",
    ours: "refused, naming `cookieName`",
    change: refused("cookieName")
  },
  insecureNone: {
    beego: "`cookieSameSite` 4 (None) is sent without `secure`, and browsers drop the cookie",
    ours: "refused, naming `cookieSameSite`",
    change: refused("cookieSameSite")
  }
} as const satisfies Record<string, Difference>

export type Name = keyof typeof differences

/** The cases of manager_vectors.json that differ, each with all of its differences. Those that are not here do not differ. */
export const differing: Readonly<Record<string, ReadonlyArray<Name>>> = {
  start_plain: ["lax"],
  start_no_setcookie: ["unreachable"],
  start_lifetime_negative: ["lax"],
  start_disable_httponly: ["lax"],
  start_secure_xfp: ["lax", "secure"],
  start_secure_tls: ["lax"],
  start_notsecure_tls: ["lax"],
  start_domain: ["lax"],
  start_domain_invalid: ["badDomain"],
  start_samesite_default: ["lax"],
  start_samesite_none: ["insecureNone"],
  start_sidlen_32: ["lax"],
  start_prefix: ["lax"],
  start_bad_cookie_name: ["badName"],
  start_all: ["maxAge"],
  start_cookie_unknown: ["lax"],
  start_cookie_empty: ["lax"],
  start_cookie_plus: ["lax"],
  start_cookie_two_first_unknown: ["twoCookies"],
  start_query_unknown: ["lax"],
  start_query_malformed: ["malformed", "lax"],
  start_header_known_disabled: ["lax"],
  start_header_unknown: ["lax"],
  start_header_new: ["lax"],
  start_order_query_over_header: ["lax"],
  start_order_cookie_unknown_no_fallback: ["lax"],
  start_start: ["lax"],
  start_start_stale_cookie: ["lax", "oneSession"],
  destroy_known: ["lax", "maxAge"],
  destroy_known_no_setcookie: ["unreachable"],
  destroy_disable_httponly: ["lax", "maxAge"],
  destroy_unknown: ["nothingToRemove"],
  destroy_header_known: ["anyCarrier", "emptyHeader"],
  destroy_query_known: ["anyCarrier"],
  regenerate_nocookie: ["lax"],
  regenerate_known: ["lax"],
  regenerate_unknown: ["lax"],
  regenerate_malformed: ["malformed", "lax"],
  regenerate_no_setcookie: ["unreachable"],
  start_regenerate: ["lax", "oneSession"],
  more_regenerate_destroy: ["lax", "maxAge", "endedWhole"],
  more_form: ["body", "lax"]
}
