// How the tests run. Most of them wait more than they compute: more files at once than there are cores, and generous time.
// The longest files start first, so that none of them runs alone at the end.
import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const src = fileURLToPath(new URL("src/", import.meta.url))
const effect3 = fileURLToPath(new URL("effect3/", import.meta.url))

/** How many files run at once. */
export const processes = availableParallelism() + 3

/**
 * The tests that a run of both majors makes on Effect 4 alone: those of backends, browsers and other programs, which behave the same
 * whichever Effect asks them, those that repeat something many times because chance decides the outcome, and long computations in which
 * Effect has no part. What is left for Effect 3 uses everything that the majors do differently, and has a backend of each kind:
 * memory, cookies, Redis and SQLite. A run on Effect 3 alone, or of chosen files, leaves nothing out.
 */
const onEffect4 = [
  "test/{browser,moving,servers,site,soak}/*.test.ts",
  "test/beego/{couchbase,dsn,file,gob,gob.hostile,interop,ledis,memcached,memcachedClock,moving,redis,sql,ssdb}.test.ts",
  "test/bound/{browser,races}.test.ts",
  "test/cli/{commands,copy,copyUnderWrites}.test.ts",
  "test/cli/doctor/{databases,file,memcached,postgres,redis,redisTopologies,smaller}.test.ts",
  "test/example/{browser,ending,panel}.test.ts",
  "test/express/{browser,interop,moving,movingRaces,storeHttp,storeShared}.test.ts",
  "test/express/layouts/*.test.ts",
  "test/http/maxAge.test.ts",
  "test/identity/{attackRemote,held,interleavings,people,signIn,twice,twoCookies}.test.ts",
  "test/manager/atRestServers.test.ts",
  "test/people/{crashes,ended,histories,kills,register,renewal,secrets}.test.ts",
  "test/provider/{cookieSeals,demo,ledis,memoryModel,mysql,pgbouncer,postgres,ssdb,valkey}.test.ts",
  "test/provider/{couchbase,couchbaseFailures}.test.ts",
  "test/provider/{file,fileDirectory,fileDisk,fileProcesses}.test.ts",
  "test/provider/{memcached,memcachedAnswers,memcachedErrors,memcachedFailures,memcachedServers}.test.ts",
  "test/provider/redis{Failover,Moved,News,Refusals,Rights,Tls,Topologies}.test.ts",
  "test/provider/resp{Addresses,Failures,Lost}.test.ts",
  "test/provider/sql{Failures,Operations,Refusals}.test.ts",
  "test/provider/*{m,M}utants.test.ts"
]

/** The files that take longest, those first. A name that is missing here, or whose file is gone, costs only some seconds. */
const longest = [
  "package.test",
  "people/kills.test",
  "provider/redisTopologies.test",
  "cli/doctor/redisTopologies.test",
  "provider/redis.test",
  "provider/sqlite.test",
  "identity/signIn.test",
  "provider/fileProcesses.test",
  "provider/postgres.test",
  "provider/mysql.test",
  "beego/sql.test",
  "site/site.test",
  "docs.test",
  "bound/browser.test",
  "example/browser.test",
  "example/panel.test",
  "identity/people.test",
  "identity/twoCookies.test",
  "browser/crossOrigin.test",
  "example/ending.test",
  "people/histories.test",
  "soak/ending.test",
  "example/programs.test",
  "provider/demo.test",
  "servers/servers.test",
  "soak/soak.test"
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
    exclude: [...(process.env["BOTH_MAJORS"] === "1" ? onEffect4 : []), "**/node_modules/**"],
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
