/**
 * Paths of files and directories that an app names.
 */

/**
 * The reason why a text is surely not meant as the path of a file or a directory. It may hold a password, and is not
 * repeated.
 */
export const mistakeIn = (text: string, what: "directory" | "file"): string | undefined => {
  const expected = `expected the path of a ${what}`
  if (text === "" || /^file:|:\/\/|^[^/\\]*:[^/]*@|^[\w.-]+:\d+(,|\/|$)/i.test(text)) {
    return `${expected}, not an address or nothing`
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are looked for
  if (/[\u0000-\u001f\u007f]/.test(text)) {
    return `${expected}, without line ends and control characters`
  }
  if (/^["'`]|["'`]$|^\s|\s$/.test(text)) {
    return `${expected}, without quotes and spaces around it: they would be part of its name`
  }
  return /^~|^\$|\$\{/.test(text)
    ? `${expected}, without ~ and variables: they are a shell's, and would be part of its name`
    : undefined
}
