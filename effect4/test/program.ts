/**
 * Programs of `example` as processes of their own.
 */
import { nodeOfEffect4, root } from "../../scripts/programs.mjs"

/** The folder of the programs that pages show. */
export const pages = "example/docs/effect4"

/** What Node runs them with. */
export const node = nodeOfEffect4
export const options = ["--import", "tsx"]
export const env = { ...process.env, TSX_TSCONFIG_PATH: `${root}/effect4/tsconfig.run.json` }

/** The exit code after a SIGTERM. */
export const stopped = 130
