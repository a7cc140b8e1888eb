/** The packages of SQL clients, which an app installs only if it uses them. */
export interface SqlDrivers {
  readonly "@effect/sql-mysql2": typeof import("@effect/sql-mysql2")
  readonly "@effect/sql-pg": typeof import("@effect/sql-pg")
}
