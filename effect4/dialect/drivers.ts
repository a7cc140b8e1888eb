/** The packages of SQL clients, which an app installs only if it uses them. */
export interface SqlDrivers {
  readonly "@effect/sql-pg": typeof import("@effect/sql-pg")
  readonly "effect/Redacted": typeof import("effect/Redacted")
  readonly mysql2: { readonly default: typeof import("mysql2") }
}

/** What npm has to install for a driver, where that is more than its name. */
export const packages: Readonly<Record<string, string>> = { "@effect/sql-pg": "@effect/sql-pg@4" }
