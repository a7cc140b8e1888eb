// How the tests run. Most of them wait more than they compute: more files at once than there are cores, and generous time.
import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const src = fileURLToPath(new URL("src/", import.meta.url))
const effect3 = fileURLToPath(new URL("effect3/", import.meta.url))

/** How many files run at once. */
export const processes = availableParallelism() + 2

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
    // What a killed process leaves behind depends on the backends, and not on Effect: hundreds are killed on Effect 4 alone.
    exclude: ["test/people/kills.test.ts", "**/node_modules/**"],
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
