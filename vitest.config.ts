// How the tests run. Servers and load tests share the machine: few files at once, and generous time.
import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const src = fileURLToPath(new URL("src/", import.meta.url))

export default defineConfig({
  resolve: {
    alias: [
      { find: /^effect-session$/, replacement: `${src}index.ts` },
      { find: /^effect-session\/(.*)$/, replacement: `${src}$1.ts` }
    ]
  },
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    poolOptions: { forks: { minForks: 1, maxForks: Math.max(2, availableParallelism() - 1) } },
    // Of tests in one file that wait side by side.
    maxConcurrency: 16,
    testTimeout: 30_000,
    hookTimeout: 90_000
  }
})
