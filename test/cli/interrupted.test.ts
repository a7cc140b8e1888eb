import { main } from "#dialect/cli"
import * as Effect from "#effect/Effect"
import { describe, expect, it } from "#test/vitest"

describe("a command that is interrupted", () => {
  it.live("has not done it: its exit code says so", () =>
    Effect.gen(function* () {
      const { exit } = process
      const code = yield* Effect.timeout(
        Effect.callback<unknown>((resume) => {
          process.exit = ((code: unknown) => resume(Effect.succeed(code))) as typeof exit
          main(Effect.interrupt)
        }),
        "5 seconds"
      ).pipe(
        Effect.ensuring(
          Effect.sync(() => {
            process.exit = exit
          })
        )
      )
      expect(code).toBe(130)
    })
  )
})
