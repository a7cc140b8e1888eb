export type { ParseIssue as Issue } from "effect/ParseResult"
