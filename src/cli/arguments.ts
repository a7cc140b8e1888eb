/**
 * Arguments that begin with a hyphen and are no flags: the names of sessions, one of 64 of them, and of people. Effect 4 would look
 * for flags of one letter in them, and an `h` would be a question for help.
 */

/** The name of a session, as `list` shows it. */
const isName = (arg: string): boolean => /^-[\w-]{11}$/.test(arg) && arg !== "--everything"

/** The arguments with the names of sessions behind `--`, and those of people in the same argument as their flag. */
export const unmistakable = (args: ReadonlyArray<string>): ReadonlyArray<string> => {
  const [subcommand] = args
  if (args.includes("--")) {
    return args
  }
  const others: Array<string> = []
  const names: Array<string> = []
  for (let i = 0; i < args.length; i++) {
    const [arg, next] = [args[i]!, args[i + 1]]
    if (arg === "--principal" && next !== undefined) {
      others.push(...(/^-[^-]/.test(next) ? [`${arg}=${next}`] : [arg, next]))
      i++
    } else {
      ;(subcommand === "end" && isName(arg) ? names : others).push(arg)
    }
  }
  return names.length === 0 ? others : [...others, "--", ...names]
}
