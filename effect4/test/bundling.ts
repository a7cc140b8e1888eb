/**
 * How programs are bundled and run on this version of Effect.
 */
import { fileURLToPath } from "node:url"
import { nodeOfEffect4 } from "../../scripts/programs.mjs"

/** The folder whose packages a bundle imports. */
export const folder = fileURLToPath(new URL("../", import.meta.url))

/** Modules that stand for others. */
export const alias: Readonly<Record<string, string>> = {
  "#effect": "effect",
  "#dialect": `${folder}dialect`,
  "#test": `${folder}test`
}

/** What is not part of a bundle: a client of PostgreSQL knows no secret that another copy of Effect made. */
export const external: ReadonlyArray<string> = ["effect", "effect/*"]

export const node: string = nodeOfEffect4
