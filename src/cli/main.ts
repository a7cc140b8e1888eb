/**
 * Runs the command with the arguments of this process.
 */
import { main } from "#dialect/cli"
import { run } from "./command.js"

main(run(process.argv.slice(2)))
