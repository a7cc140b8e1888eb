/**
 * JSON as Go's encoding/json reads it into a struct: the names of fields in any case. A name that Go ignores is an error.
 */
import { describeIssue } from "#dialect/describeIssue"
import { namesOf } from "#dialect/schema"
import * as Result from "#effect/Result"
import type * as Schema from "#effect/Schema"
import * as SchemaParser from "#effect/SchemaParser"

/**
 * Makes a decoder of JSON, as text or as the object that it stands for. Its error names every wrong field, and says of
 * each what `wrong` makes of the schema's message.
 */
export const goJson = <A, I>(schema: Schema.Codec<A, I>, notAnObject: string, wrong: (message: string) => string) => {
  const decode = SchemaParser.decodeUnknownResult(schema, { errors: "all", onExcessProperty: "error" })
  const names = new Map(namesOf(schema).map((name) => [name.toLowerCase(), name]))
  const spelled = (object: object): object =>
    Object.fromEntries(Object.entries(object).map(([name, value]) => [names.get(name.toLowerCase()) ?? name, value]))

  return (json: string | object): Result.Result<A, string> => {
    const value = typeof json === "string" ? Result.getOrUndefined(Result.try((): unknown => JSON.parse(json))) : json
    return typeof value === "object" && value !== null
      ? Result.mapError(decode(spelled(value)), (issue) =>
          describeIssue(issue)
            .map(({ kind, message, path }) => `${path.join(".")}: ${kind === "unknown" ? ignored : wrong(message)}`)
            .join("; ")
        )
      : Result.fail(notAnObject)
  }
}

const ignored = "beego knows no such option, and ignores it: correct or remove it"
