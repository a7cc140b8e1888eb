/**
 * JSON as Go's encoding/json reads it into a struct: the names of fields in any case. A name that Go ignores is an error.
 */
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import type * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import { describeIssue } from "../Manager/describeIssue.js"

/**
 * Makes a decoder of JSON, as text or as the object that it stands for. Its error names every wrong field, and says of
 * each what `wrong` makes of the schema's message.
 */
export const goJson = <A, I>(schema: Schema.Schema<A, I>, notAnObject: string, wrong: (message: string) => string) => {
  const decode = ParseResult.decodeUnknownEither(schema, { errors: "all", onExcessProperty: "error" })
  const names = new Map(
    AST.getPropertySignatures(AST.encodedAST(schema.ast)).map(({ name }) => [String(name).toLowerCase(), String(name)])
  )
  const spelled = (object: object): object =>
    Object.fromEntries(Object.entries(object).map(([name, value]) => [names.get(name.toLowerCase()) ?? name, value]))

  return (json: string | object): Either.Either<A, string> => {
    const value = typeof json === "string" ? Either.getOrUndefined(Either.try((): unknown => JSON.parse(json))) : json
    return typeof value === "object" && value !== null
      ? Either.mapLeft(decode(spelled(value)), (issue) =>
          describeIssue(issue)
            .map(({ kind, message, path }) => `${path.join(".")}: ${kind === "unknown" ? ignored : wrong(message)}`)
            .join("; ")
        )
      : Either.left(notAnObject)
  }
}

const ignored = "beego knows no such option, and ignores it: correct or remove it"
