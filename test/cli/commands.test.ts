import { SessionLayer } from "effect-session"
import * as ConfigProvider from "#effect/ConfigProvider"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import { expect, it } from "#test/vitest"
import { visiting } from "../people/app.js"
import { onBackends } from "./backends.js"
import { run, type Variables } from "./run.js"

/** The app, for as long as the scope is open. */
const app = (variables: Variables) =>
  Effect.flatMap(
    Layer.build(
      Layer.provide(SessionLayer.fromConfig(), ConfigProvider.layer(ConfigProvider.fromEnvRecord({ ...variables })))
    ),
    (context) => Effect.provide(visiting, context)
  )

/** These keep no lists of all sessions. */
const unlisted = ["memcached", "couchbase"]

onBackends((variables, name) => {
  it.live("commands count, list and end the sessions of an app that is running", () =>
    Effect.gen(function* () {
      const environment = {
        ...(yield* variables),
        SESSION_PRINCIPALS_BEST_EFFORT: "true",
        SESSION_TIMEOUT: "1 minute"
      }
      const visit = yield* app(environment)
      const command = (...args: ReadonlyArray<string>) => run(environment, ...args)
      const isListed = !unlisted.includes(name)

      const [visitor, one, two, other] = yield* Effect.forEach(
        ["write", "in?user=ada", "in?user=ada&remember=true", "in?user=bob"],
        (path) => Effect.map(visit(path), ({ token }) => token!)
      )
      const isThere = (token: string) => Effect.map(visit("look", token), ({ body }) => body)
      const [asVisitor, asAda, asBob] = yield* Effect.forEach([visitor!, one!, other!], isThere)
      expect([asVisitor, asAda, asBob].map((body) => JSON.parse(body!).user)).toEqual([undefined, "ada", "bob"])

      expect(yield* command("count", "--principal", "ada")).toEqual({ code: 0, out: "2\n", err: "" })
      const ofAda = yield* command("list", "--json", "--principal", "ada")
      const rows = ofAda.out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line))
      expect(rows.map(({ remembered }) => remembered)).toEqual([false, true])
      for (const row of rows) {
        expect(Object.keys(row)).toEqual(["session", "began", "signedIn", "lastSeen", "expires", "remembered"])
        expect(Date.parse(row.expires)).toBeGreaterThan(Date.now())
        expect(Math.abs(Date.parse(row.signedIn) - Date.now())).toBeLessThan(60_000)
      }
      const table = yield* command("list", "--principal", "ada")
      expect(table.out.split("\n")[0]).toMatch(/^SESSION +BEGAN +SIGNED IN +LAST SEEN +EXPIRES +REMEMBERED$/)
      expect(table.out.split("\n").filter((line) => line.startsWith(rows[1].session))).toHaveLength(1)

      if (isListed) {
        expect(yield* command("count")).toEqual({ code: 0, out: "4\n", err: "" })
        const all = (yield* command("list", "--json")).out.trim().split("\n")
        expect(all).toHaveLength(4)
        expect(all.filter((line) => rows.some(({ session }) => JSON.parse(line).session === session))).toHaveLength(2)
      } else {
        const refused = yield* command("count")
        expect(refused).toEqual({
          code: 1,
          out: "",
          err: `effect-session: ${name}: this backend cannot count its sessions\n`
        })
      }

      // One of hers ends, the others go on.
      const args = isListed ? [] : ["--principal", "ada"]
      expect((yield* command("end", ...args, rows[0].session)).code).toBe(0)
      expect(JSON.parse(yield* isThere(one!)).user).toBeUndefined()
      expect(JSON.parse(yield* isThere(two!)).user).toBe("ada")
      const again = yield* command("end", ...args, rows[0].session)
      expect(again.code).toBe(1)
      expect(again.err).toMatch(/no live session has the name/)

      expect(yield* command("end", "--principal", "ada")).toMatchObject({ code: 0 })
      expect(JSON.parse(yield* isThere(two!)).user).toBeUndefined()
      expect(JSON.parse(yield* isThere(other!)).user).toBe("bob")

      const everything = yield* command("end", "--everything")
      if (isListed) {
        expect(everything.code).toBe(0)
        expect(JSON.parse(yield* isThere(other!)).user).toBeUndefined()
        expect((yield* command("count")).out).toBe("0\n")
      } else {
        expect(everything.code).toBe(1)
        expect(everything.err).toMatch(/set validFrom/)
      }
      expect(yield* command("gc")).toMatchObject({
        code: 0,
        out: expect.stringMatching(/^Removed \d+ expired sessions\.\n$/)
      })

      // Nothing that a client or the backend could use is on the screen.
      const said = [ofAda, table, again].map(({ err, out }) => out + err).join("")
      for (const token of [visitor, one, two, other]) {
        expect(said).not.toContain(token)
      }
    })
  )
})
