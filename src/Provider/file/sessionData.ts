/**
 * The content of a session's data file: its key, its length and the payload.
 */
import * as Disk from "./disk.js"

/** Encodes a line with key and length, which tell the session and that the file is complete, and then the payload. */
export const encode = (key: string, payload: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(`${key} ${payload.length}\n`), payload])

/** Reads an open file and closes it. Returns undefined if it is not complete. */
export const load = async (fd: number): Promise<{ readonly key: string; readonly payload: Buffer } | undefined> => {
  const content = await Disk.load(fd)
  return content === undefined ? undefined : decode(content)
}

const decode = (content: Buffer): { readonly key: string; readonly payload: Buffer } | undefined => {
  const end = content.indexOf("\n")
  const [, key, length] = /^(".*") (\d+)$/.exec(content.toString("utf8", 0, Math.max(0, end))) ?? []
  const payload = content.subarray(end + 1)
  return key !== undefined && payload.length === Number(length) ? { key, payload } : undefined
}
