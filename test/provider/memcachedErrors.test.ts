/**
 * What is shown of memcached's own errors: they can repeat the command, and with it a session's key.
 */
import type { SessionError, SessionProvider } from "effect-session"
import * as Memcached from "effect-session/memcached"
import * as Effect from "#effect/Effect"
import { describe, expect, it } from "#test/vitest"
import * as Scripted from "../servers/scripted.js"
import { bytes, day } from "./cas.js"

/** A server that answers each command with an error. */
const refusing = (errorOf: (command: string) => string) =>
  Scripted.make((text, socket) => {
    const command = text.split("\r\n")[0]!
    socket.write(command === "version" ? "VERSION 1.6.0\r\n" : `${errorOf(command)}\r\n`)
  })

const [id, next] = ["SECRET-id", "SECRET-next"] as Array<SessionProvider.StoredId> as [
  SessionProvider.StoredId,
  SessionProvider.StoredId
]

const attemptsWith = (provider: SessionProvider.Provider): ReadonlyArray<Effect.Effect<unknown, SessionError>> => {
  const revision = "1" as SessionProvider.Revision
  return [
    provider.read(id),
    provider.exists(id),
    provider.create(id, bytes("SECRET"), day),
    provider.write(id, bytes("SECRET"), day, revision),
    provider.touch(id, day),
    provider.destroy(id),
    provider.regenerate({ oldId: id, newId: next, payload: bytes("SECRET"), ttl: day, revision })
  ]
}

describe("memcached, errors that repeat the command", () => {
  it.live.each([
    ["ERROR", "ERROR"],
    ["CLIENT_ERROR", "CLIENT_ERROR"],
    ["CLIENT_ERROR bad command line format", "CLIENT_ERROR"],
    ["SERVER_ERROR", "SERVER_ERROR"],
    ["SERVER_ERROR out of memory storing object", "out of memory"]
  ])("show no key: %s", ([error, told]) =>
    Effect.gen(function* () {
      for (const errorOf of [() => error, (command: string) => `${error} ${command}`]) {
        const { url } = yield* refusing(errorOf)
        const provider = yield* Memcached.make({ url, prefix: "SECRET:" })
        for (const attempt of attemptsWith(provider)) {
          const failed = yield* Effect.flip(attempt)
          expect(failed.reason).toBe("Unavailable")
          expect(failed.message).toContain(told)
          expect(`${failed} ${JSON.stringify(failed)} ${failed.stack}`).not.toContain("SECRET")
        }
      }
    })
  )

  it.live("say what is sure to be no key: that the server is out of memory", () =>
    Effect.gen(function* () {
      const { url } = yield* refusing(() => "SERVER_ERROR out of memory storing object")
      const provider = yield* Memcached.make({ url })
      expect((yield* Effect.flip(provider.read(id))).message).toBe(
        "memcached: read failed (the server is out of memory): start memcached with a larger -m, and without -M, so that it evicts what was not used for the longest time"
      )
    })
  )
})
