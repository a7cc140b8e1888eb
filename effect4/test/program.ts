/**
 * Programs of `example` as processes of their own.
 */
import { root } from "../../scripts/programs.mjs"

/** The folder of the programs that pages show. */
export const pages = "example/docs/effect4"

/** What a process that runs TypeScript needs to know. */
export const env = { ...process.env, TSX_TSCONFIG_PATH: `${root}/effect4/tsconfig.run.json` }

/** The exit code after a SIGTERM. */
export const stopped = 130
