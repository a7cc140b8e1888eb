/** The packages of SQL clients, which an app installs only if it uses them. */
export interface SqlDrivers {
  readonly "@effect/sql-pg": typeof import("@effect/sql-pg")
  readonly "effect/Redacted": typeof import("effect/Redacted")
  readonly mysql2: { readonly default: typeof import("mysql2") }
}
