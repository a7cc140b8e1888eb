// How the tests run on Effect 4: as on Effect 3, with this package's modules in place of the root's.
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"
import root, { processes } from "../vitest.config.ts"

const here = fileURLToPath(new URL("./", import.meta.url))
const src = fileURLToPath(new URL("../src/", import.meta.url))
const modules = `${here}node_modules/`

// Newer versions of vitest have no `poolOptions`.
const { poolOptions: _, ...test } = root.test as any

export default defineConfig({
  ...root,
  root: fileURLToPath(new URL("../", import.meta.url)),
  resolve: {
    alias: [
      { find: /^#effect\/(.*)$/, replacement: `${modules}effect/dist/$1.js` },
      { find: /^#(dialect|test)\/(.*)$/, replacement: `${here}$1/$2.ts` },
      { find: /^effect$/, replacement: `${modules}effect/dist/index.js` },
      { find: /^effect\/(http|http-api|persistence)$/, replacement: `${modules}effect/dist/$1/index.js` },
      { find: /^effect\/(.*)$/, replacement: `${modules}effect/dist/$1.js` },
      { find: /^@effect\/vitest$/, replacement: `${modules}@effect/vitest/dist/index.js` },
      { find: /^@effect\/(platform-node|sql-pg)\/(.*)$/, replacement: `${modules}@effect/$1/dist/$2.js` },
      {
        find: /^(better-sqlite3|couchbase|ioredis|mysql2|sodium-native|@effect\/sql-pg)$/,
        replacement: `${modules}$1`
      },
      { find: /^vitest$/, replacement: `${modules}vitest/dist/index.js` },
      { find: /^effect-session$/, replacement: `${src}index.ts` },
      { find: /^effect-session\/(.*)$/, replacement: `${src}$1.ts` }
    ]
  },
  // What looks at both packages at once is left to the root's tests.
  test: {
    ...test,
    exclude: ["**/node_modules/**", "test/majors/**", "test/{changes,docs,imports,package,setup}.test.ts"],
    maxWorkers: processes
  }
})
