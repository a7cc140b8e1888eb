/**
 * What is in a file of a session: whose it is, whether it is complete, and the bytes.
 */
import * as Disk from "./disk.js"

/** A line with key and length, which tell whose it is and that it is complete, and the payload. */
export const encode = (key: string, payload: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(`${key} ${payload.length}\n`), payload])

/** The content of an open file, which is closed; nothing if it is not complete. */
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
