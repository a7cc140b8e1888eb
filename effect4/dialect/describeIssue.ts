/**
 * Describes Schema's issues with options. Each problem has the path of its option, and never the value.
 */
import * as AST from "effect/SchemaAST"
import type * as SchemaIssue from "effect/SchemaIssue"
import { type Found, missing, type Problem, specific, unknown, wrong } from "../../src/Manager/problems.js"
import { kindOf } from "./kinds.js"

const textIn = (annotations: object | undefined, key: "message" | "expected"): string | undefined => {
  const text = (annotations as Record<string, unknown> | undefined)?.[key]
  return typeof text === "string" ? text : undefined
}

const namesOf = (ast: AST.AST): ReadonlyArray<string> =>
  AST.isObjects(ast) ? ast.propertySignatures.map(({ name }) => String(name)) : []

const walk = (
  issue: SchemaIssue.Issue,
  path: ReadonlyArray<string>,
  known: ReadonlyArray<string>
): ReadonlyArray<Found> => {
  switch (issue._tag) {
    case "Pointer":
      return specific(walk(issue.issue, [...path, ...issue.path.map(String)], known))
    case "Composite":
      return issue.issues.flatMap((inner) => walk(inner, path, namesOf(issue.ast)))
    case "AnyOf": {
      const found = issue.issues.flatMap((inner) => walk(inner, path, known)).filter(({ isSpecific }) => isSpecific)
      return found.length > 0 ? found : [expected(issue.ast, path)]
    }
    case "Filter": {
      const { annotations } = issue.filter
      const message = textIn(annotations, "message")
      const kind = textIn(annotations, "expected")
      return message !== undefined
        ? [wrong(path, message, true)]
        : kind !== undefined
          ? [wrong(path, `expected ${kind}`, true)]
          : specific(walk(issue.issue, path, known))
    }
    case "Encoding": {
      const found = walk(issue.issue, path, known)
      return issue.issue._tag === "InvalidValue" ? specific(found) : found
    }
    case "UnexpectedKey":
      return [unknown(path, known)]
    case "MissingKey":
      return [missing(path)]
    case "InvalidType":
    case "OneOf":
      return [expected(issue.ast, path)]
    case "InvalidValue":
      return [wrong(path, textIn(issue.annotations, "message") ?? "expected another value")]
    case "Forbidden":
      return [wrong(path, "expected a value that can be decoded synchronously")]
  }
}

const expected = (ast: AST.AST, path: ReadonlyArray<string>): Found =>
  wrong(path, textIn(AST.resolve(ast), "message") ?? `expected ${kindOf(ast)}`)

/** Returns all problems, in the order of the options. */
export const describeIssue = (issue: SchemaIssue.Issue): ReadonlyArray<Problem> => walk(issue, [], [])
