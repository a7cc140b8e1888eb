/**
 * The snippets of README, docs and docstrings: each is a module that compiles.
 */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import { describe, expect, it } from "vitest"
import { root, tsc } from "../scripts/programs.mjs"

const walk = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))

interface Snippet {
  readonly name: string
  readonly code: string
  /** The majors that it is for: both, but where it stands below a line that names one. */
  readonly effect: ReadonlyArray<3 | 4>
}

const lineOf = (text: string, at: number) => text.slice(0, at).split("\n").length

const ofMarkdown = (path: string): ReadonlyArray<Snippet> => {
  const text = readFileSync(path, "utf8")
  return [...text.matchAll(/(?:^\*\*Effect ([34])\*\*.*\n\n)?^```ts\n([\s\S]*?)^```/gm)].map((match) => ({
    name: `${relative(root, path)}:${lineOf(text, match.index + match[0].indexOf("```"))}`,
    code: match[2]!,
    effect: match[1] === undefined ? [3, 4] : [Number(match[1]) as 3 | 4]
  }))
}

const ofSource =
  (...effect: Snippet["effect"]) =>
  (path: string): ReadonlyArray<Snippet> => {
    const text = readFileSync(path, "utf8")
    return [...text.matchAll(/ \* @example\n((?: \*.*\n)*?)(?= \*\n \* @| \* @| \*\/)/g)].map((match) => ({
      name: `${relative(root, path)}:${lineOf(text, match.index)}`,
      code: match[1]!.replace(/^ \* ?/gm, ""),
      effect: /^ \* \/\/ Effect 3$/m.test(match[1]!) ? [3] : /^ \* \/\/ Effect 4$/m.test(match[1]!) ? [4] : effect
    }))
  }

const sources = (...folders: ReadonlyArray<string>) =>
  folders.flatMap((folder) => walk(join(root, folder))).filter((path) => path.endsWith(".ts"))

const snippets = [
  ...ofMarkdown(join(root, "README.md")),
  ...walk(join(root, "docs"))
    .filter((path) => path.endsWith(".md"))
    .flatMap(ofMarkdown),
  ...sources("src").flatMap(ofSource(3, 4)),
  ...sources("effect3/dialect").flatMap(ofSource(3)),
  ...sources("effect4/dialect").flatMap(ofSource(4))
]

/** The words of Effect 4 and what they are on Effect 3, as docs/effect-4.md has them. */
const words = (() => {
  const page = readFileSync(join(root, "docs", "effect-4.md"), "utf8")
  const [, table = ""] = page.split("| Effect 4 | Effect 3 |\n| --- | --- |\n")
  return new Map(
    [...table.split("\n\n")[0]!.matchAll(/^\| `(.*)` \| `(.*)` \|$/gm)].map(([, four, three]) => [four!, three!])
  )
})()
const word = new RegExp(
  [...words.keys()].map((text) => `(?<![\\w.])${text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")}(?!\\w)`).join("|"),
  "g"
)

/** A snippet as a reader on this major writes it. What is for one major alone stays as it is. */
const translated = ({ code, effect }: Snippet, major: 3 | 4) =>
  major === 4 || effect.length === 1 ? code : code.replace(word, (text) => words.get(text)!)

/** A major's snippets in one program, each a file in a folder beside the tsconfig.json: as TypeScript 7 checks it, in a third of 5.9's time. */
const problems = (effect: 3 | 4, folder: string): ReadonlyArray<readonly [string, ReadonlyArray<string>]> => {
  const own = snippets.filter((snippet) => snippet.effect.includes(effect))
  mkdirSync(join(folder, ".tmp"), { recursive: true })
  const at = mkdtempSync(join(folder, ".tmp", "snippets-"))
  const settings = { noUnusedLocals: false, noUnusedParameters: false, rootDir: root }
  const config = { extends: "../../tsconfig.json", compilerOptions: settings, include: ["*.ts"] }
  writeFileSync(join(at, "tsconfig.json"), JSON.stringify(config))
  for (const [i, snippet] of own.entries()) writeFileSync(join(at, `snippet-${i}.ts`), translated(snippet, effect))
  const { status, stdout } = spawnSync(process.execPath, [tsc, "--pretty", "false", "--checkers", "1", "-p", at], {
    encoding: "utf8"
  })
  rmSync(at, { recursive: true })
  // A problem begins with its place, and may go on in lines that are indented.
  const found = stdout.split(/\n(?=\S)/).filter((text) => text !== "" && text !== "\n")
  const of = (i: number) => found.filter((text) => text.replaceAll("\\", "/").includes(`/snippet-${i}.ts(`))
  const known = own.map((_, i) => of(i))
  if ((status === 0) !== (found.length === 0) || known.flat().length < found.length) throw new Error(`tsc: ${stdout}`)
  return own.map(({ code, name }, i) => {
    // Effect 4's folder is in the root, whose packages TypeScript finds there too.
    if (effect === 4 && code.includes('"@effect/platform"')) return [name, ["@effect/platform is Effect 3's"]]
    return [name, known[i]!]
  })
}

for (const [effect, folder] of [
  [3, root],
  [4, join(root, "effect4")]
] as const) {
  describe(`snippets compile on Effect ${effect}`, () => {
    const found = problems(effect, folder)
    expect(found.length).toBeGreaterThan(20)
    for (const [name, messages] of found) {
      it(name, () => expect(messages).toEqual([]))
    }
  })
}

const pages = [
  ...["README.md", "CONTRIBUTING.md", "bench/README.md"].map((name) => join(root, name)),
  ...walk(join(root, "docs")).filter((path) => path.endsWith(".md"))
]

describe("programs that a reader copies", () => {
  const text = pages.map((path) => readFileSync(path, "utf8")).join("\n")
  for (const path of walk(join(root, "example", "docs"))) {
    it(`${relative(root, path)} is on a page, whole`, () => {
      expect(text).toContain(`\`\`\`ts\n${readFileSync(path, "utf8")}\`\`\`\n`)
    })
  }
})

/** The anchors of a page's headings, as GitHub makes them. */
const anchorsOf = (path: string): ReadonlyArray<string> =>
  [...readFileSync(path, "utf8").matchAll(/^#+ (.*)$/gm)].map((match) =>
    match[1]!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\- _]/gu, "")
      .replaceAll(" ", "-")
  )

describe("links", () => {
  for (const path of pages) {
    it(relative(root, path), () => {
      const text = readFileSync(path, "utf8")
      const broken = [...text.matchAll(/\]\((?!https?:)([^)]+)\)/g)]
        .map((match) => match[1]!)
        .filter((link) => {
          const [target, anchor] = link.split("#")
          const to = target === "" ? path : join(path, "..", target!)
          return !existsSync(to) || (anchor !== undefined && !anchorsOf(to).includes(anchor))
        })
      expect(broken).toEqual([])
    })
  }
})

describe("comments", () => {
  const own = sources("src", "effect3/dialect", "effect4/dialect")
  const code = [...own, ...sources("test")]
  const isThere = (named: string) =>
    existsSync(join(root, named)) || (named.endsWith(".ts") && code.some((path) => path.endsWith(`/${named}`)))

  it("name files that exist", () => {
    const comments = own.flatMap((path) => {
      const text = readFileSync(path, "utf8")
      return [...text.matchAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm)].map((match) => ({
        at: `${relative(root, path)}:${lineOf(text, match.index)}`,
        text: match[0].replace(/ \* @example\n[\s\S]*/, "")
      }))
    })
    const named = comments.flatMap(({ at, text }) =>
      [...text.matchAll(/\b(?:docs|bench|src|test|scripts|example)\/[\w./-]*\w|\b[\w/-]+\.ts\b/g)].map(([path]) => ({
        at,
        path
      }))
    )
    expect(named.length).toBeGreaterThan(5)
    expect(named.filter(({ path }) => !isThere(path)).map(({ at, path }) => `${at}: ${path}`)).toEqual([])
  })
})
