/**
 * The snippets of README, docs and docstrings: each is a module that compiles.
 */
import { readdirSync, readFileSync } from "node:fs"
import { join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import ts from "typescript"
import { describe, expect, it } from "vitest"

const root = fileURLToPath(new URL("..", import.meta.url))

const walk = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))

interface Snippet {
  readonly name: string
  readonly code: string
}

const lineOf = (text: string, at: number) => text.slice(0, at).split("\n").length

const ofMarkdown = (path: string): ReadonlyArray<Snippet> => {
  const text = readFileSync(path, "utf8")
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map((match) => ({
    name: `${relative(root, path)}:${lineOf(text, match.index)}`,
    code: match[1]!
  }))
}

const ofSource = (path: string): ReadonlyArray<Snippet> => {
  const text = readFileSync(path, "utf8")
  return [...text.matchAll(/ \* @example\n((?: \*.*\n)*?)(?= \*\n \* @| \* @| \*\/)/g)].map((match) => ({
    name: `${relative(root, path)}:${lineOf(text, match.index)}`,
    code: match[1]!.replace(/^ \* ?/gm, "")
  }))
}

const snippets = [
  ...ofMarkdown(join(root, "README.md")),
  ...walk(join(root, "docs"))
    .filter((path) => path.endsWith(".md"))
    .flatMap(ofMarkdown),
  ...walk(join(root, "src"))
    .filter((path) => path.endsWith(".ts"))
    .flatMap(ofSource)
]

/** All snippets in one program, as if each were a file at the project's root. */
const problems = (): ReadonlyMap<string, ReadonlyArray<string>> => {
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root)
  const files = new Map(snippets.map(({ code }, i) => [join(root, `snippet-${i}.ts`), code]))
  const settings = { ...options, noUnusedLocals: false, noUnusedParameters: false }
  const host = ts.createCompilerHost(settings)
  const { fileExists, getSourceFile, readFile } = host
  host.fileExists = (path) => files.has(path) || fileExists(path)
  host.readFile = (path) => files.get(path) ?? readFile(path)
  host.getSourceFile = (path, version) => {
    const code = files.get(path)
    return code === undefined ? getSourceFile.call(host, path, version) : ts.createSourceFile(path, code, version)
  }
  const program = ts.createProgram([...files.keys()], settings, host)
  return new Map(
    snippets.map(({ name }, i) => {
      const source = program.getSourceFile(join(root, `snippet-${i}.ts`))!
      const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
      return [name, found.map((problem) => ts.flattenDiagnosticMessageText(problem.messageText, "\n"))]
    })
  )
}

describe("snippets compile", () => {
  const found = problems()
  expect(found.size).toBeGreaterThan(20)
  for (const [name, messages] of found) {
    it(name, () => expect(messages).toEqual([]))
  }
})

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
          return (
            (!ts.sys.fileExists(to) && !ts.sys.directoryExists(to)) ||
            (anchor !== undefined && !anchorsOf(to).includes(anchor))
          )
        })
      expect(broken).toEqual([])
    })
  }
})

describe("comments", () => {
  const sources = walk(join(root, "src")).filter((path) => path.endsWith(".ts"))
  const code = [...sources, ...walk(join(root, "test")).filter((path) => path.endsWith(".ts"))]
  const isThere = (named: string) =>
    ts.sys.fileExists(join(root, named)) ||
    ts.sys.directoryExists(join(root, named)) ||
    (named.endsWith(".ts") && code.some((path) => path.endsWith(`/${named}`)))

  it("name files that exist", () => {
    const comments = sources.flatMap((path) => {
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
