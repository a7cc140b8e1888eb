/**
 * The transcripts of pages, run again: each program is asked what its page asks with curl, and answers what the page shows. Ids
 * differ from run to run, but are the same where the page has the same, and others where it has others.
 */
import { readFileSync } from "node:fs"
import { request } from "node:http"
import { join } from "node:path"
import * as Effect from "#effect/Effect"
import { expect, it } from "#test/vitest"
import { root } from "../../scripts/programs.mjs"
import { host, until } from "../servers/Process.js"
import { started } from "../support/pageProgram.js"

interface Step {
  readonly command: string
  readonly output: string
}

/** The commands and outputs of a page's `console` blocks that follow the start of a program. */
const stepsOf = (page: string, name: string): ReadonlyArray<Step> => {
  const text = readFileSync(join(root, "docs", page), "utf8")
  const [, after = ""] = text.split(`npx tsx ${name}`)
  const [own = ""] = after.split("```sh\nnpx tsx ")
  return [...own.matchAll(/^```console\n([\s\S]*?)^```/gm)].flatMap(([, block]) =>
    [...block!.matchAll(/^\$ (.*)\n([\s\S]*?)(?=^\$ |$(?![\s\S]))/gm)].map(([, command, output]) => ({
      command: command!,
      output: output!.trimEnd()
    }))
  )
}

const words = (command: string) =>
  [...command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c!)

/** What curl does for a command, and shows of the response; `jar` holds the one cookie. */
const curl = (command: string, port: number, jar: { cookie: string }): Promise<string> => {
  const [name, ...args] = words(command)
  if (name !== "curl") throw new Error(`not curl: ${command}`)
  const headers: Record<string, string> = {}
  let [shown, method, body, path, cookie, kept] = [false, "GET", "", "", "", false]
  for (let at = 0; at < args.length; at++) {
    const flag = args[at]!
    if (flag === "-i") shown = true
    else if (flag.startsWith("http://localhost:3000")) path = flag.slice("http://localhost:3000".length)
    else {
      const value = args[++at]!
      if (flag === "-c") kept = true
      else if (flag === "-b") cookie = value === "jar" ? jar.cookie : value
      else if (flag === "-X") method = value
      else if (flag === "-H") headers[value.split(": ")[0]!] = value.split(": ")[1]!
      else if (flag === "-d") [method, body] = ["POST", value]
      else throw new Error(`${flag}: ${command}`)
    }
  }
  if (cookie !== "") headers["cookie"] = cookie
  return new Promise((resolve, reject) => {
    const sent = request({ host, port, path, method, headers, timeout: 10_000 }, async (response) => {
      const content = Buffer.concat(await response.toArray()).toString()
      const [set] = response.headers["set-cookie"] ?? []
      if (kept && set !== undefined) jar.cookie = /^[^=]+=;/.test(set) ? "" : set.split(";")[0]!
      const lines = response.rawHeaders.flatMap((name, i, all) => (i % 2 === 0 ? [`${name}: ${all[i + 1]}`] : []))
      const told = lines.filter((line) => !/^(date|connection|keep-alive|transfer-encoding):/i.test(line))
      const head = [`HTTP/1.1 ${response.statusCode} ${response.statusMessage}`, ...told, ""].join("\n")
      resolve((shown ? `${head}\n${content}` : content).trimEnd())
    })
    sent.once("error", reject).once("timeout", () => sent.destroy(new Error("TimeoutError")))
    sent.end(body)
  })
}

/** A transcript with its ids numbered as they come, and with the fields of JSON in one order: the majors have two. */
const normal = (steps: ReadonlyArray<Step>): string => {
  const ids = new Map<string, string>()
  return steps
    .map(({ command, output }) => `$ ${command}\n${output}`)
    .join("\n")
    .replace(/__Host-id=([\w-]{43})/g, (_, id) => {
      ids.set(id, ids.get(id) ?? `id ${ids.size + 1}`)
      return ids.get(id)!
    })
    .replace(/^\{.*\}$/gm, (json) => JSON.stringify(Object.entries(JSON.parse(json)).sort()))
}

const transcript = (page: string, name: string, least: number) =>
  it.live(`${page}: ${name}`, () =>
    Effect.gen(function* () {
      const steps = stepsOf(page, name)
      expect(steps.length).toBeGreaterThanOrEqual(least)
      const port = yield* started(name)
      yield* Effect.promise(() => until(() => curl("curl http://localhost:3000/none", port, { cookie: "" })))
      const jar = { cookie: "" }
      const seen: Array<Step> = []
      // The ids of this run stand for those of the page.
      const ids = new Map<string, string>()
      for (const { command, output } of steps) {
        const own = command.replace(/(?<=__Host-id=)[\w-]{43}/g, (id) => ids.get(id) ?? id)
        const answer = yield* Effect.promise(() => curl(own, port, jar))
        const [told, got] = [output, answer].map((text) => /__Host-id=([\w-]{43})/.exec(text)?.[1])
        if (told !== undefined && got !== undefined) ids.set(told, got)
        seen.push({ command: own, output: answer })
      }
      expect(normal(seen)).toBe(normal(steps))
    })
  )

transcript("getting-started.md", "visits.ts", 2)
transcript("getting-started.md", "signIn.ts", 6)
transcript("what-a-browser-sees.md", "cart.ts", 9)
