/**
 * Runs the command with the arguments of this process.
 */
import { main } from "#dialect/cli"
import { run } from "./command.js"
import { exits } from "./exits.js"

// Who reads the output may have read enough of it, as `head` does.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") {
    throw error
  }
  process.exit(exits.failed)
})

main(run(process.argv.slice(2)))
