/** The packages of SQL clients, which an app installs only if it uses them. */
export interface SqlDrivers {
  readonly "@effect/sql-mysql2": typeof import("@effect/sql-mysql2")
  readonly "@effect/sql-pg": typeof import("@effect/sql-pg")
}

/** What npm has to install for a driver, where that is more than its name. */
export const packages: Readonly<Record<string, string>> = {
  "@effect/sql-mysql2": "@effect/sql@0.52 @effect/sql-mysql2@0.53",
  "@effect/sql-pg": "@effect/sql@0.52 @effect/sql-pg@0.53"
}
