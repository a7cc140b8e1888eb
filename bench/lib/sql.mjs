// What the benchmarks of the SQL providers share: the provider's own statements, for the bare drivers.
import { createHash } from "node:crypto"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SessionProvider } from "../../dist/src/Provider/Provider.js"
import { statements } from "../../dist/src/Provider/sql/statements.js"

export const providerOf = (layer) => Effect.map(Layer.build(layer), Context.get(SessionProvider))

/** Reads and compare-and-set writes in the provider's table; `execute` answers `rows` and `affected`. */
export const bareTable = (dialect, execute) => {
  const sql = statements(dialect, { table: "effect_session" })
  const ids = new Map()
  const idOf = (key) => {
    if (!ids.has(key)) ids.set(key, createHash("sha256").update(key).digest())
    return ids.get(key)
  }
  const versions = new Map()
  return {
    read: async (key) => (await execute(sql.read, [idOf(key), Date.now()])).rows[0],
    write: async (key, payload, millis) => {
      const now = Date.now()
      const version = versions.get(key)
      if (version === undefined) {
        const row = [idOf(key), payload, 1, now, now + millis]
        await execute(sql.create, dialect === "mysql" ? row : [...row, now])
        versions.set(key, 1)
        return
      }
      const { affected } = await execute(sql.write, [payload, now + millis, idOf(key), version, now])
      if (affected !== 1) throw new Error("the bare write lost a race against nobody")
      versions.set(key, version + 1)
    }
  }
}
