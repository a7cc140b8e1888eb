// How the tests run. Most of them wait more than they compute: more files at once than there are cores, and generous time.
// The longest files start first, so that none of them runs alone at the end.
import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const src = fileURLToPath(new URL("src/", import.meta.url))
const effect3 = fileURLToPath(new URL("effect3/", import.meta.url))

/** How many files run at once. */
export const processes = availableParallelism() + 2

/**
 * What has nothing of Effect in it is tested on Effect 4 alone: what a killed process leaves behind in a backend, the SQL of other
 * libraries' tables, and whether the conformance suite finds a provider's faults.
 */
const onEffect4Alone = [
  "test/people/kills.test.ts",
  "test/beego/sql.test.ts",
  "test/express/layouts/*.test.ts",
  "test/provider/*{m,M}utants.test.ts"
]

/** Files that run for long, the longest first. Where a name is missing, or of a file that is gone, only some seconds are lost. */
const longest = [
  "package.test",
  "people/kills.test",
  "provider/file.test",
  "identity/signIn.test",
  "provider/redis.test",
  "identity/people.test",
  "beego/interop.test",
  "docs.test",
  "provider/sqlite.test",
  "provider/demo.test",
  "people/histories.test",
  "soak/ending.test",
  "identity/twoCookies.test"
]

/** The place of a file among them; all others come after these, as vitest found them. */
const place = ({ moduleId }: { readonly moduleId: string }): number => {
  const found = longest.findIndex((name) => moduleId.endsWith(`/test/${name}.ts`))
  return found === -1 ? longest.length : found
}

/** Both versions of vitest ask for no more than these two. */
class LongestFirst {
  shard<File>(files: Array<File>): Array<File> {
    return files
  }
  sort<File extends { readonly moduleId: string }>(files: Array<File>): Array<File> {
    return files.toSorted((a, b) => place(a) - place(b))
  }
}

export default defineConfig({
  resolve: {
    alias: [
      { find: /^#(effect|dialect|test)\/(.*)$/, replacement: `${effect3}$1/$2.ts` },
      { find: /^effect-session$/, replacement: `${src}index.ts` },
      { find: /^effect-session\/(.*)$/, replacement: `${src}$1.ts` }
    ]
  },
  test: {
    include: ["test/**/*.test.ts"],
    sequence: { sequencer: LongestFirst as any },
    exclude: [...onEffect4Alone, "**/node_modules/**"],
    setupFiles: ["test/support/worker.ts"],
    pool: "forks",
    // As many at least as at most: vitest 3.2 fails where one that it does not need any more ends before the others.
    poolOptions: { forks: { minForks: processes, maxForks: processes } },
    // The files of one process share what they import: to load Effect for each of them costs more than many of them compute.
    isolate: false,
    // Of tests in one file that wait side by side.
    maxConcurrency: 16,
    testTimeout: 60_000,
    hookTimeout: 90_000
  }
})
