// beego's DSNs on real servers: what the Go drivers reach by them is what is reached here.
import * as Beego from "effect-session/beego"
import * as Effect from "#effect/Effect"
import * as Layer from "#effect/Layer"
import { expect, it } from "#test/vitest"
import { shared } from "../provider/shared.js"
import { execute, mysql, postgres } from "../provider/sqlDatabases.js"
import * as MariaDb from "../servers/MariaDb.js"
import { suite } from "../servers/need.js"
import * as Postgres from "../servers/Postgres.js"

/** Sessions by a DSN; what is wrong, if it is. */
const build = (provider: string, providerConfig: string) =>
  Layer.build(
    Beego.layer(provider, { cookieName: "gosessionid", enableSetCookie: true, gclifetime: 3600, providerConfig })
  ).pipe(
    Effect.scoped,
    Effect.match({ onFailure: (error) => ("reason" in error ? error.reason : error._tag), onSuccess: () => "built" })
  )

const odd = "p@ss:/w'o\\rd?#[] %é"

suite("beego's postgresql DSN", ["postgres"], () => {
  const server = shared(Postgres.make())
  const pairs = (port: number, user: string, password: string) =>
    `host=127.0.0.1 port=${port} user=${user} dbname=session password='${password.replace(/['\\]/g, "\\$&")}'`

  it.live("an odd password, and a table in the schema that search_path names", () =>
    Effect.gen(function* () {
      const { adminUrl, port } = yield* server
      const admin = postgres(adminUrl)
      yield* execute(admin, `CREATE ROLE odd LOGIN PASSWORD '${odd.replace(/'/g, "''")}'`)
      yield* execute(admin, "CREATE SCHEMA odd AUTHORIZATION odd")
      const dsn = `${pairs(port, "odd", odd)} sslmode=disable search_path=odd`
      expect(yield* build("postgresql", dsn)).toBe("built")
      const tables = yield* execute(
        admin,
        "SELECT table_schema FROM information_schema.tables WHERE table_name = 'session'"
      )
      expect(tables).toEqual([{ tableSchema: "odd" }])
      expect(yield* build("postgresql", dsn.replace("p@ss", "pass"))).toBe("Unavailable")
    })
  )

  it.live("without sslmode no connection that is not encrypted", () =>
    Effect.gen(function* () {
      const { port } = yield* server
      expect(yield* build("postgresql", pairs(port, "session", "secret"))).toBe("Unavailable")
      expect(yield* build("postgresql", `postgres://session:secret@127.0.0.1:${port}/session`)).toBe("Unavailable")
      expect(yield* build("postgresql", `${pairs(port, "session", "secret")} sslmode=disable`)).toBe("built")
    })
  )

  it.live("a socket", () =>
    Effect.gen(function* () {
      const { adminUrl, port } = yield* server
      const [row] = yield* execute(postgres(adminUrl), "SELECT current_setting('unix_socket_directories') AS folder")
      expect(yield* build("postgresql", `host=${row!["folder"]} port=${port} user=session`)).toBe("built")
    })
  )

  it.live("a certificate that is not there", () =>
    Effect.gen(function* () {
      const { port } = yield* server
      const dsn = `${pairs(port, "session", "secret")} sslmode=verify-full sslrootcert=/nonexistent/root.crt`
      expect(yield* build("postgresql", dsn)).toBe("Unavailable")
    })
  )
})

suite("beego's mysql DSN", ["mariadbd"], () => {
  const server = shared(MariaDb.make())

  it.live("an odd password, by TCP and by a socket", () =>
    Effect.gen(function* () {
      const { adminUrl, port, socket } = yield* server
      const admin = mysql(adminUrl)
      yield* execute(admin, `CREATE USER odd@'%' IDENTIFIED BY '${odd.replace(/['\\]/g, "\\$&")}'`)
      yield* execute(admin, "GRANT ALL ON session.* TO odd@'%'")
      expect(yield* build("mysql", `odd:${odd}@tcp(127.0.0.1:${port})/session?charset=utf8`)).toBe("built")
      expect(yield* build("mysql", `odd:${odd}@unix(${socket})/session`)).toBe("built")
      expect(yield* build("mysql", `odd:other@tcp(127.0.0.1:${port})/session`)).toBe("Unavailable")
    })
  )

  it.live("with tls=true no connection that is not encrypted", () =>
    Effect.gen(function* () {
      const { port } = yield* server
      expect(yield* build("mysql", `session:secret@tcp(127.0.0.1:${port})/session?tls=true`)).toBe("Unavailable")
    })
  )
})
