/**
 * What can be seen of a session's handle: its store's name, never an id or a value.
 */

import { inspect } from "node:util"
import * as Cause from "#effect/Cause"
import * as Effect from "#effect/Effect"
import * as Inspectable from "#effect/Inspectable"
import * as Logger from "#effect/Logger"
import * as Schema from "#effect/Schema"
import * as Logs from "#test/logs"
import { describe, expect, it } from "#test/vitest"
import * as SessionStore from "../../src/Store/SessionStore.js"
import { stored } from "./fakeCell.js"

class Secrets extends SessionStore.Tag<Secrets>()("Secrets", { pin: Schema.String, n: Schema.Int }) {}

const id = "the-id-of-the-session"
const pin = "the-value-of-the-pin"

/** The handle of a session that was read and changed. */
const used = Effect.gen(function* () {
  const record = yield* stored(Secrets, (session) => session.set("pin", pin))
  const session = record.open(Secrets)
  yield* session.get("pin")
  yield* session.set("pin", `${pin}-2`)
  return session
})

const logged = (logger: Logger.Logger<unknown, string>, log: Effect.Effect<void>) => {
  const lines: Array<string> = []
  const collect = Logger.make<unknown, void>((options) => void lines.push(logger.log(options)))
  return Effect.map(Effect.provide(log, Logs.replacing(collect)), () => lines.join("\n"))
}

describe("a handle shows its store, and neither id nor values", () => {
  it.effect("in JSON, inspect, text, causes and logs", () =>
    Effect.gen(function* () {
      const session = yield* used
      const shown = [
        JSON.stringify(session),
        JSON.stringify({ session }),
        inspect(session, { depth: 10, showHidden: true }),
        inspect({ session }, { depth: 10 }),
        String(session),
        Inspectable.toStringUnknown(session),
        Cause.pretty(Cause.die(session)),
        Cause.pretty(Cause.fail(session))
      ]
      for (const logger of Logs.forms) {
        shown.push(yield* logged(logger, Effect.log("session", session)))
        shown.push(yield* logged(logger, Effect.annotateLogs(Effect.log("session"), { session })))
      }
      for (const text of shown) {
        expect(text).toContain("Secrets")
        expect(text).not.toContain(id)
        expect(text).not.toContain(pin)
      }
      expect(JSON.parse(JSON.stringify(session))).toEqual({ _id: "effect-session/Session", store: "Secrets" })
    })
  )

  it.effect("without the help of toJSON: whoever walks its properties finds none", () =>
    Effect.gen(function* () {
      const session = yield* used
      expect(Reflect.ownKeys(session)).toEqual([])
      expect(Reflect.ownKeys({ ...session })).toEqual([])
      const text = inspect(session, { customInspect: false, depth: 10, showHidden: true })
      expect(text).not.toContain(pin)
      expect(text).not.toContain(id)
    })
  )

  it.effect("nor do the operations, before or after they ran", () =>
    Effect.gen(function* () {
      const session = yield* used
      const { get, save, set, take, takeAndSave, update, updateAndSave } = session
      const operations = [
        get("pin"),
        set("pin", pin),
        take("pin"),
        takeAndSave("pin"),
        update("n", () => 1),
        updateAndSave("n", () => 1),
        session.flush,
        save
      ]
      for (const operation of operations) {
        const text = `${inspect(operation, { depth: 10 })} ${JSON.stringify(operation)}`
        expect(text).not.toContain(pin)
        expect(text).not.toContain(id)
      }
    })
  )
})
