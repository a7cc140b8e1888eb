// Sessions as express-session writes them, and as it reads what is written here: with its own Cookie and Session.
import { createRequire } from "node:module"
import { SessionCodec, SessionError } from "effect-session"
import * as Express from "effect-session/express"
import fc from "fast-check"
import { expect, it } from "vitest"
import * as Result from "#effect/Result"
import * as Schema from "#effect/Schema"

const require = createRequire(import.meta.url)
const { Cookie } = require("express-session")

const { codec } = Express

const bytes = (record: unknown) => Buffer.from(JSON.stringify(record))
const json = (payload: Uint8Array | SessionError) => {
  if (payload instanceof SessionError) throw payload
  return JSON.parse(Buffer.from(payload).toString())
}
const decoded = (record: unknown) => {
  const data = codec.decode(bytes(record))
  if (data === undefined) throw new Error("not decoded")
  return data
}

it("values that no store declares, and the cookie's attributes, are written back as they were", () => {
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.string().filter((key) => key !== "cookie"),
        fc.jsonValue()
      ),
      (values) => {
        const cookie = new Cookie({ maxAge: 60_000, sameSite: "strict", priority: "high" })
        const record = JSON.parse(JSON.stringify({ cookie, ...values }))
        const { expires: _, ...attributes } = record.cookie
        const written = json(codec.encode(decoded(record), 1_700_000_000_000))
        expect(written).toEqual({ ...record, cookie: { ...attributes, expires: "2023-11-14T22:13:20.000Z" } })
      }
    ),
    { numRuns: 100 }
  )
})

it("a session that lives as long as the browser has no end of its own, and one with a maxAge has that", () => {
  const browsers = decoded({ cookie: new Cookie({}), n: 1 })
  expect(browsers.idleTimeout).toBeUndefined()
  expect(json(codec.encode(browsers, 1_700_000_000_000)).cookie.expires).toBeNull()
  expect(decoded({ cookie: new Cookie({ maxAge: 5000 }) }).idleTimeout).toBe(5000)
})

it.each([
  ["no JSON", Buffer.from("{")],
  ["no object", bytes([])],
  ["no cookie", bytes({ n: 1 })],
  ["a cookie that is none", bytes({ cookie: "a" })],
  ["nothing", Buffer.alloc(0)]
])("%s is no session", (_, payload) => {
  expect(codec.decode(payload)).toBeUndefined()
})

it("an end that JavaScript has no date for is the last one that it has", () => {
  const data = decoded({ cookie: { originalMaxAge: 1e300 } })
  expect(json(codec.encode(data, 1e300)).cookie.expires).toBe("+275760-09-13T00:00:00.000Z")
})

it("a field cannot take the place of the cookie", () => {
  const result = codec.encode({ createdAt: undefined, values: { cookie: 1 } })
  expect(result).toBeInstanceOf(SessionError)
  expect((result as SessionError).message).toContain("the field cookie")
})

it("a field is under its own name, and in the form of the JSON codec", () => {
  expect(codec.key("Visitor", "a.b")).toBe("a.b")
  expect(Result.getOrThrow(codec.field(Schema.Array(Schema.Int)).encode([1]))).toEqual([1])
  expect(SessionCodec.json.keepsNotes).toBe(true)
  expect(codec.keepsNotes).toBe(false)
})
