// Where both apps keep their sessions: a server, the store of express-session on it, and the provider here in that store's layout.
import { createRequire } from "node:module"
import { RedisStore } from "connect-redis"
import session from "express-session"
import * as Express from "../../dist/src/express.js"
import * as ExpressStore from "../../dist/src/express-store.js"
import { startMariaDb, startPostgres } from "../lib/databases.mjs"
import { startRedis } from "../lib/processes.mjs"

// Both are CommonJS, and so are the drivers that they take.
const require = createRequire(import.meta.url)

export const places = {
  redis: {
    store: "connect-redis",
    start: () => startRedis(),
    theirs: async (url) => new RedisStore({ client: await require("redis").createClient({ url }).connect() }),
    ours: (url) => Express.redis({ url })
  },
  // express-session with the store of this library, on what connect-redis keeps.
  own: {
    store: "effect-session/express-store",
    start: () => startRedis(),
    theirs: async (url) => ExpressStore.make(Express.redis({ url }), { hashed: false }),
    ours: (url) => Express.redis({ url })
  },
  postgres: {
    store: "connect-pg-simple",
    start: startPostgres,
    theirs: (url) =>
      new (require("connect-pg-simple")(session))({
        conString: url,
        createTableIfMissing: true,
        pruneSessionInterval: false
      }),
    ours: (url) => Express.postgres({ url })
  },
  mysql: {
    store: "express-mysql-session",
    start: startMariaDb,
    theirs: async (url) => {
      const { hostname: host, pathname, port, username: user } = new URL(url)
      const options = { host, port: Number(port), user, password: "", database: pathname.slice(1), clearExpired: false }
      const store = new (require("express-mysql-session")(session))(options)
      await store.onReady()
      return store
    },
    ours: (url) => Express.mysql({ url })
  }
}

/** Each way to set express-session: whether to save what did not change, to send each response a cookie, and to store nothing. */
export const settings = [false, true].flatMap((resave) =>
  [false, true].flatMap((rolling) => [false, true].map((saveUninitialized) => ({ resave, rolling, saveUninitialized })))
)

export const pathOf = ({ resave, rolling, saveUninitialized }) =>
  `/${[resave, rolling, saveUninitialized].map(Number).join("")}`

export const secret = "32 characters that nobody guesses"
export const maxAge = 3_600_000
