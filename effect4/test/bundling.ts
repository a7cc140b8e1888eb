/**
 * How programs are bundled and run on this version of Effect.
 */
import { fileURLToPath } from "node:url"
import { nodeOfEffect4 } from "../../scripts/programs.mjs"

/** The folder whose packages a bundle imports. */
export const folder = fileURLToPath(new URL("../", import.meta.url))

/** Modules that stand for others. */
export const alias: Readonly<Record<string, string>> = {
  "#effect": `${folder}node_modules/effect/dist`,
  "#dialect": `${folder}dialect`,
  "#test": `${folder}test`,
  "@effect/platform-node": `${folder}node_modules/@effect/platform-node/dist`
}

export const node: string = nodeOfEffect4
