// Which files are pages, at which address, and how the links between files lead from page to page.
import { dirname, posix, relative } from "node:path"
import { fileURLToPath } from "node:url"
import type { MarkdownOptions } from "vitepress"

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** What is not a page: the folders of code, and two pages in whose place the site has others. */
export const noPages = ["!(docs|site|bench)/**/*", "README.md", "site/reference/README.md"]

const addresses: Readonly<Record<string, string>> = {
  "bench/README.md": "benchmarks/index.md",
  "CHANGELOG.md": "changes.md",
  "CONTRIBUTING.md": "contributing.md",
  "SECURITY.md": "reporting.md",
  "site/reference.md": "reference/index.md",
  "site/reference/index/README.md": "reference/effect-session.md"
}

/** The address of a page, from its path in the repository. */
export const addressOf = (path: string): string =>
  addresses[path] ??
  path
    .replace(/^(docs|site)\//, "")
    .replace(/^bench\/results\//, "benchmarks/")
    .replace(/^reference\/index\//, "reference/")
    .replaceAll("namespaces/", "")
    .replace(/(^|\/)README\.md$/, "$1index.md")

/** The anchor of a heading, as GitHub makes it. */
export const anchorOf = (heading: string): string =>
  heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\- _]/gu, "")
    .replaceAll(" ", "-")

type MarkdownIt = Parameters<NonNullable<MarkdownOptions["config"]>>[0]

/** Makes links between files, which GitHub follows as they are, links between their pages. */
export const linkPages = (md: MarkdownIt): void => {
  md.core.ruler.push("link-pages", ({ env, tokens }) => {
    const file = env.realPath ?? env.path
    // VitePress parses titles by themselves too.
    if (file === undefined) return
    const from = posix.dirname(relative(root, file))
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      const [, path, rest = ""] = /^(?![\w+.-]+:|\/)([^#]+\.md)(#.*)?$/.exec(token.attrGet("href") ?? "") ?? []
      if (path !== undefined) token.attrSet("href", `/${addressOf(posix.join(from, path))}${rest}`)
    }
  })
}

/** A program for Effect 4, and the same for Effect 3 below it. */
const bothMajors = /^\*\*Effect 4\*\*\n\n```ts\n([\s\S]*?)\n```\n\n\*\*Effect 3\*\*\n\n```ts\n([\s\S]*?)\n```$/gm

/** Makes one line of what TypeDoc puts below a heading: since when a name is there. */
export const shortenSince = (md: MarkdownIt): void => {
  md.core.ruler.before("normalize", "shorten-since", (state) => {
    state.src = state.src.replace(/^#+ Since\n\n(\S+)$/gm, "*Since $1*")
  })
}

/** Makes tabs of a program that a page has for each major. */
export const tabMajors = (md: MarkdownIt): void => {
  md.core.ruler.before("normalize", "tab-majors", (state) => {
    state.src = state.src.replace(
      bothMajors,
      (_, four: string, three: string) =>
        `::: code-group\n\`\`\`ts [Effect 4]\n${four}\n\`\`\`\n\`\`\`ts [Effect 3]\n${three}\n\`\`\`\n:::`
    )
  })
}
