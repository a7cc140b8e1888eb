/**
 * What the environment can say of the table of sessions in a database.
 */
import * as Config from "effect/Config"
import * as Option from "effect/Option"
import type * as Sql from "../Provider/Sql.js"

export const tableConfig: Config.Config<Sql.Options> = Config.map(
  Config.all([
    Config.option(Config.nonEmptyString("SESSION_TABLE")),
    Config.option(Config.nonEmptyString("SESSION_SCHEMA")),
    Config.option(Config.boolean("SESSION_MIGRATE"))
  ]),
  ([table, schema, migrate]) => ({
    table: Option.getOrUndefined(table),
    schema: Option.getOrUndefined(schema),
    migrate: Option.getOrUndefined(migrate)
  })
)
