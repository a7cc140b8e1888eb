/**
 * Why a backend could not be used, named for what it is.
 */
import type * as Config from "#effect/Config"
import { checkBackend } from "../../internal/failure.js"
import { variables } from "../../Provider/internal/environment.js"
import { isSessionError, type SessionError } from "../../SessionError.js"
import { type Finding, wrong } from "./finding.js"

/** What the words or codes of a message mean, and what to do about it if the message does not say. */
const kinds: ReadonlyArray<readonly [form: RegExp, kind: string, todo?: string]> = [
  [
    /ECONNREFUSED/,
    "nothing listens at this host and port",
    "start the server, or correct host and port in SESSION_URL"
  ],
  [
    /ENOTFOUND|EAI_AGAIN/,
    "no address is known for this host",
    "correct the host in SESSION_URL, or the name server of this machine"
  ],
  [
    /EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN/,
    "there is no way to this host",
    "correct the host in SESSION_URL, or the network between"
  ],
  [/CERT|SSL|TLS|UNABLE_TO/, "TLS is not as expected"],
  [
    /ECONNRESET|EPIPE|PROTOCOL_CONNECTION_LOST|connection was lost|closed the connection/,
    "the server ended the connection",
    "check that host and port in SESSION_URL are those of this kind of server, and whether it wants TLS"
  ],
  [
    /WRONGPASS|NOAUTH|28P01|28000|ER_ACCESS_DENIED|unauthenticated|user and password|no password/i,
    "the user or the password is refused"
  ],
  [/NOPERM|42501|ER_\w+ACCESS_DENIED|EACCES|EPERM/, "the user lacks a right"],
  [/3D000|3F000|ER_BAD_DB|ER_NO_DB|the database|database of this number/, "there is no such database"],
  [
    /ETIMEDOUT|in time|no connection|no reply|no answer|TimeoutE/i,
    "no answer in time",
    "check host and port in SESSION_URL, that a firewall lets this machine through, and that the server is not overloaded"
  ],
  [/25006|READONLY|READ_ONLY|OPTION_PREVENTS|EROFS/, "writes are refused"],
  [/OOM|53100|FULL|ENOSPC|EDQUOT/, "there is no room"]
]

/** An option of a backend in an error, by the name of its variable. */
const byVariable = (message: string): string =>
  message.replace(/^\w+(?=[:,] )/, (option) =>
    Object.hasOwn(variables, option) ? variables[option as keyof typeof variables] : option
  )

/** `redis: connect failed (ECONNREFUSED): check ...` in its two parts. */
const parts = (message: string): readonly [what: string, advice: string | undefined] => {
  const [, what, advice] = /^(.+? failed \((?:[^()]|\([^()]*\))*\))(?:: (.+))?$/s.exec(message) ?? []
  return what === undefined ? [message, undefined] : [what, advice]
}

/**
 * An error's message, as far as it may be shown: Effect 3 repeats what a variable holds, and Effect 4 puts names of its own
 * around, and the variable after it.
 */
const messageOf = (error: SessionError | Config.ConfigError): string => {
  if (isSessionError(error)) {
    return byVariable(error.message)
  }
  const { message, path } = error as { readonly message: string; readonly path?: ReadonlyArray<string> }
  const text = message
    .replace(/ but received .*/gs, "")
    .replace(/^SchemaError\((.*?)\s+at \["(\w+)"\]\)$/s, "$2: $1")
    .replace(/^SourceError: /, "")
  return path === undefined || path.length === 0 ? text : `${path.join("_")}: ${text}`
}

const named = (before: string, error: SessionError | Config.ConfigError): Finding => {
  const [what, advice] = parts(messageOf(error))
  // A path says nothing of the failure.
  const words = what.replaceAll(/\/\S+/g, "")
  const [, kind, todo] = kinds.find(([form]) => form.test(words)) ?? []
  return wrong(
    kind === undefined ? `${before}: ${what}` : `${before}, ${kind}: ${what}`,
    (advice === checkBackend ? todo : advice) ?? todo ?? advice ?? "set it as docs/configuration.md has it"
  )
}

/** The app would not start. */
export const cannotConnect = (error: SessionError | Config.ConfigError): Finding => named("cannot connect", error)

/** It is connected, and no session can be kept. */
export const refused = (error: SessionError | Config.ConfigError): Finding => named("no session can be kept", error)
