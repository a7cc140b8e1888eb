/**
 * The program of docs/getting-started.md that people sign in to, as a process of its own. transcripts.test.ts asks what the page asks.
 */
import * as Effect from "#effect/Effect"
import { expect, it } from "#test/vitest"
import { host, until } from "../servers/Process.js"
import { started } from "../support/pageProgram.js"

/** Runs a program for as long as the scope is open; returns a browser's way to ask it, which keeps its one cookie. */
const browserOf = (name: string) =>
  Effect.gen(function* () {
    const port = yield* started(name)
    let cookie = ""
    const ask = async (path: string, init: RequestInit = {}) => {
      const response = await fetch(`http://${host}:${port}${path}`, {
        ...init,
        headers: { ...init.headers, ...(cookie === "" ? {} : { cookie }) },
        signal: AbortSignal.timeout(10_000)
      })
      const [set] = response.headers.getSetCookie()
      cookie = set === undefined ? cookie : /^[^=]+=;/.test(set) ? "" : set.split(";")[0]!
      return { status: response.status, body: await response.text(), set }
    }
    // A connection that is refused is tried again; one that is accepted has to be answered.
    yield* Effect.promise(() =>
      until(() => ask("/").catch((error) => (error.name === "TimeoutError" ? undefined : Promise.reject(error))))
    )
    return (path: string, init?: RequestInit) => Effect.promise(() => ask(path, init))
  })

it.live("signIn.ts lets in who knows the password, until they sign out", () =>
  Effect.gen(function* () {
    const askText = yield* browserOf("signIn.ts")
    const ask = (path: string, init?: RequestInit) =>
      Effect.map(askText(path, init), ({ body, ...rest }) => ({ ...rest, body: body === "" ? body : JSON.parse(body) }))
    const signIn = (name: string, password: string) =>
      ask("/sign-in", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ name, password })
      })
    const unauthorized = (message: string) => ({ status: 401, body: { _tag: "Unauthorized", message }, set: undefined })
    const refused = unauthorized("sign in first")
    const wrong = unauthorized("wrong name or password")
    const ada = { status: 200, body: { id: "1", name: "ada" } }
    expect(yield* ask("/me")).toEqual(refused)
    expect(yield* signIn("ada", "wrong")).toEqual(wrong)
    expect(yield* signIn("bob", "correct horse")).toEqual(wrong)
    const first = yield* signIn("ada", "correct horse")
    expect(first).toMatchObject(ada)
    expect(yield* ask("/me")).toMatchObject(ada)
    const second = yield* signIn("ada", "correct horse")
    expect(second.set).toMatch(/^__Host-id=/)
    expect(second.set).not.toBe(first.set)
    expect((yield* ask("/sign-out", { method: "POST" })).status).toBe(204)
    expect(yield* ask("/me")).toEqual(refused)
  })
)
