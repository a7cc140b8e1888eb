/**
 * How environment variables write the options of sessions.
 */
import type {
  AtRestOptions,
  CompressOptions,
  CookieOptions,
  CrossOriginOptions,
  DeviceBoundOptions,
  IdOptions,
  Options,
  PrincipalOptions,
  RememberOptions
} from "../Manager/options.js"

/** How an environment variable writes an option. */
export type Writing = "text" | "whole" | "flag" | "flag or text" | "list" | "secret" | "secrets" | "id or secrets"

/** The options that are groups of options. */
interface Groups {
  readonly atRest: AtRestOptions
  readonly compress: CompressOptions
  readonly cookie: CookieOptions
  readonly crossOrigin: CrossOriginOptions
  readonly deviceBound: DeviceBoundOptions
  readonly id: IdOptions
  readonly principals: PrincipalOptions
  readonly remember: RememberOptions
}

type Writings<O> = {
  readonly [Name in keyof O]-?: Name extends keyof Groups ? Writings<Groups[Name]> : Writing
}

/**
 * How environment variables write the options; the compiler checks that none is left out but code. Durations and choices stay
 * text: the Schema reads them, and its errors name the accepted values.
 */
export const writings: Writings<Omit<Options, "admit">> = {
  idleTimeout: "text",
  absoluteTimeout: "text",
  touchEvery: "text",
  gcInterval: "text",
  timeout: "text",
  maxBytes: "whole",
  keepOnServerError: "flag",
  whenNotSaved: "text",
  header: "text",
  query: "text",
  validFrom: "text",
  remember: { idleTimeout: "text", absoluteTimeout: "text" },
  principals: { max: "whole", whenExceeded: "text", bestEffort: "flag" },
  clearSiteData: "list",
  crossOrigin: { trusted: "list" },
  app: "text",
  atRest: { keys: "id or secrets", migrating: "flag or text" },
  compress: { over: "whole" },
  deviceBound: { every: "text", path: "text", required: "flag", skippedFor: "text" },
  signals: "list",
  signalSalt: "secret",
  id: {
    bytes: "whole",
    prefix: "text",
    encoding: "text",
    hashed: "flag or text",
    renewEvery: "text",
    grace: "text",
    watchReuse: "text",
    endOnReuse: "flag"
  },
  cookie: {
    name: "text",
    domain: "text",
    path: "text",
    secure: "flag",
    httpOnly: "flag",
    sameSite: "text",
    partitioned: "flag",
    maxAge: "text",
    sent: "flag",
    secrets: "secrets",
    valuePrefix: "text"
  }
}
