/**
 * How programs are bundled and run on this version of Effect.
 */
import { fileURLToPath } from "node:url"

/** The folder whose packages a bundle imports. */
export const folder = fileURLToPath(new URL("../../", import.meta.url))

/** Modules that stand for others. */
export const alias: Readonly<Record<string, string>> = {}

export const node: string = process.execPath
