/**
 * Type tests of options: what one writes is what the Schema accepts, and what nobody has does not compile.
 */
import { describe, expect, test } from "tstyche"
import * as Config from "#effect/Config"
import * as Redacted from "#effect/Redacted"
import { type SessionCodec, SessionConfig, SessionLayer } from "../../src/index.js"
import * as Redis from "../../src/redis.js"

describe("SessionConfig.Options", () => {
  test("is what the Schema accepts", () => {
    expect<SessionConfig.Options>().type.toBe<typeof SessionConfig.SessionConfig.Encoded>()
  })

  test("has no other options", () => {
    expect(SessionConfig.make).type.not.toBeCallableWith({ idleTimeOut: "1 minute" })
    expect(SessionConfig.make).type.not.toBeCallableWith({ cookie: { samesite: "lax" } })
    expect(SessionConfig.make).type.not.toBeCallableWith({}, (path: ReadonlyArray<string>) => path.join())
  })
})

describe("a layer", () => {
  const url = Redacted.make("redis://127.0.0.1")

  test("takes the backend's options and the session's apart", () => {
    expect(SessionLayer.redis).type.toBeCallableWith({ url }, { idleTimeout: "1 minute" })
    expect(SessionLayer.redis).type.not.toBeCallableWith({ url, idleTimeout: "1 minute" })
    expect(SessionLayer.file).type.not.toBeCallableWith({ directory: ".", cookie: false })
    expect(SessionLayer.file).type.not.toBeCallableWith({ directory: "." }, { fsync: true })
    expect(SessionLayer.memory).type.toBeCallableWith({ idleTimeout: "1 minute", maxSessions: 1 })
  })

  test("takes a Config for each option", () => {
    expect(Redis.layerConfig).type.toBeCallableWith({ url: Config.Redacted("URL"), prefix: Config.String("PREFIX") })
    expect(Redis.layerConfig).type.toBeCallableWith(Config.map(Config.Redacted("URL"), (url) => ({ url })))
    expect(Redis.layerConfig).type.not.toBeCallableWith({ url: Config.Int("URL") })
    expect(Redis.layerConfig).type.not.toBeCallableWith({ url: "redis://127.0.0.1" })
  })
})

test("a codec of the app's own can be typed", () => {
  expect<SessionCodec.SessionCodec>().type.toBeAssignableFrom<typeof SessionCodec.json>()
})
