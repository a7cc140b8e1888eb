/**
 * Describes Schema's issues with options. Each problem has the path of its option, and never the value.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as ParseResult from "effect/ParseResult"
import * as AST from "effect/SchemaAST"
import { either, type Found, missing, type Problem, specific, unknown, wrong } from "../../src/Manager/problems.js"

/** The message of an annotation, if it is plain text. */
const annotated = (ast: AST.AST, issue: ParseResult.ParseIssue): string | undefined => {
  const message = Option.map(AST.getMessageAnnotation(ast), (annotation) => annotation(issue))
  if (Option.isNone(message) || Effect.isEffect(message.value)) {
    return undefined
  }
  const text = typeof message.value === "string" ? message.value : message.value.message
  return Effect.isEffect(text) ? undefined : text
}

/** The kind of value that a Schema expects, in words if Schema has them. */
const kindOf = (ast: AST.AST): string =>
  AST.isUnion(ast)
    ? either(ast.types.filter((type) => !AST.isUndefinedKeyword(type)).map(kindOf))
    : AST.isTransformation(ast) || (AST.isRefinement(ast) && !Option.isSome(AST.getDescriptionAnnotation(ast)))
      ? kindOf(ast.from)
      : AST.isTypeLiteral(ast)
        ? "an object"
        : Option.getOrElse(AST.getDescriptionAnnotation(ast), () => String(ast))

const namesOf = (ast: AST.AST): ReadonlyArray<string> =>
  AST.isTypeLiteral(ast) ? ast.propertySignatures.map(({ name }) => String(name)) : []

const issuesOf = ({ issues }: ParseResult.Composite): ReadonlyArray<ParseResult.ParseIssue> =>
  "_tag" in issues ? [issues] : issues

const ofComposite = (
  issue: ParseResult.Composite,
  path: ReadonlyArray<string>,
  known: ReadonlyArray<string>
): ReadonlyArray<Found> => {
  const { ast } = issue
  if (!AST.isUnion(ast)) {
    return issuesOf(issue).flatMap((inner) => walk(inner, path, namesOf(ast)))
  }
  const found = issuesOf(issue)
    .flatMap((inner) => walk(inner, path, known))
    .filter(({ isSpecific }) => isSpecific)
  return found.length > 0 ? found : [wrong(path, annotated(ast, issue) ?? `expected ${kindOf(ast)}`)]
}

const walk = (
  issue: ParseResult.ParseIssue,
  path: ReadonlyArray<string>,
  known: ReadonlyArray<string>
): ReadonlyArray<Found> => {
  switch (issue._tag) {
    case "Pointer": {
      const names = (Array.isArray(issue.path) ? issue.path : [issue.path]).map(String)
      return specific(walk(issue.issue, [...path, ...names], known))
    }
    case "Composite":
      return ofComposite(issue, path, known)
    case "Refinement":
      return issue.kind === "Predicate" ? specific(walk(issue.issue, path, known)) : walk(issue.issue, path, known)
    case "Transformation":
      return issue.kind === "Transformation" ? specific(walk(issue.issue, path, known)) : walk(issue.issue, path, known)
    case "Unexpected":
      return [unknown(path, known)]
    case "Missing":
      return [missing(path)]
    case "Type":
      return [wrong(path, issue.message ?? annotated(issue.ast, issue) ?? `expected ${kindOf(issue.ast)}`)]
    case "Forbidden":
      return [wrong(path, "expected a value that can be decoded synchronously")]
  }
}

/** Returns all problems, in the order of the options. */
export const describeIssue = (issue: ParseResult.ParseIssue): ReadonlyArray<Problem> => walk(issue, [], [])
