/**
 * A small cache as RFC 9111 allows it: a shared one, as a proxy or a CDN has it, or a private one, as a browser has it.
 * It keeps and shows what it may, and guesses where it may.
 */

export interface Message {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface Cached extends Message {
  /** Whether the body came out of the cache. */
  readonly hit: boolean
}

type Headers = Readonly<Record<string, string>>
type Method = "GET" | "HEAD" | "POST"
type Origin = (path: string, method: Method, headers: Headers) => Promise<Message>

interface Stored {
  readonly request: Headers
  readonly response: Message
  readonly at: number
}

/** The statuses that may be kept without being told so (RFC 9110, 15.1). */
const heuristic = [200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501]

const directivesOf = (header = ""): ReadonlyMap<string, string> =>
  new Map(
    (header.match(/(?:[^,"]|"[^"]*")+/g) ?? []).map((directive) => {
      const [name = "", value = ""] = directive.trim().split("=")
      return [name.toLowerCase(), value]
    })
  )

/** A cache in front of an origin. `now` is in seconds. */
export const cache = (kind: "shared" | "private", origin: Origin, now: () => number) => {
  const stored = new Map<string, Array<Stored>>()

  /** The directives for this cache: those for CDNs come first (RFC 9213, 2.1). */
  const controlOf = ({ headers }: Message) =>
    directivesOf((kind === "shared" ? headers["cdn-cache-control"] : undefined) ?? headers["cache-control"])

  /** RFC 9111, 3. */
  const mayStore = (request: Headers, response: Message): boolean => {
    const control = controlOf(response)
    const isUnderstood = control.has("must-understand") && heuristic.includes(response.status)
    return (
      (!control.has("no-store") || isUnderstood) &&
      !(kind === "shared" && (control.get("private") === "" || request["authorization"] !== undefined)) &&
      (heuristic.includes(response.status) || control.has("public") || lifetimeOf(response) > 0)
    )
  }

  /** RFC 9111, 4.2.1 and 4.2.2: a tenth of its age if that is known, or a minute. */
  const lifetimeOf = (response: Message): number => {
    const control = controlOf(response)
    const { date, expires, "last-modified": modified } = response.headers
    const said = (kind === "shared" ? control.get("s-maxage") : undefined) ?? control.get("max-age")
    const seconds = (text: string) => Date.parse(text) / 1000
    return said !== undefined
      ? Number(said)
      : expires !== undefined
        ? seconds(expires) - now()
        : !heuristic.includes(response.status)
          ? 0
          : modified === undefined
            ? 60
            : ((date === undefined ? now() : seconds(date)) - seconds(modified)) / 10
  }

  /** RFC 9111, 4.1. */
  const isSelected = ({ request, response }: Stored, wanted: Headers): boolean => {
    const names = (response.headers["vary"] ?? "").toLowerCase().split(/\s*,\s*/)
    return !names.includes("*") && names.every((name) => request[name] === wanted[name])
  }

  const keep = (path: string, request: Headers, response: Message) => {
    const others = (stored.get(path) ?? []).filter((one) => !isSelected(one, request))
    stored.set(path, mayStore(request, response) ? [{ request, response, at: now() }, ...others] : others)
  }

  return async (path: string, request: Headers = {}, method: Method = "GET"): Promise<Cached> => {
    const found = method === "POST" ? undefined : stored.get(path)?.find((one) => isSelected(one, request))
    const shown = (message: Message, hit: boolean): Cached => ({
      ...message,
      body: method === "HEAD" ? "" : message.body,
      hit
    })
    if (found !== undefined) {
      const { at, response } = found
      if (!controlOf(response).has("no-cache") && now() - at < lifetimeOf(response)) {
        return shown(response, true)
      }
      const { etag, "last-modified": modified } = response.headers
      const answer = await origin(path, method, {
        ...(etag === undefined ? {} : { "if-none-match": etag }),
        ...(modified === undefined ? {} : { "if-modified-since": modified }),
        ...request
      })
      if (answer.status === 304) {
        // RFC 9111, 4.3.4: what it says of the one that is kept.
        const freshened = { ...response, headers: { ...response.headers, ...answer.headers } }
        keep(path, request, freshened)
        return shown(freshened, true)
      }
      if (method === "GET") keep(path, request, answer)
      return shown(answer, false)
    }
    const answer = await origin(path, method, request)
    if (method === "GET") keep(path, request, answer)
    return shown(answer, false)
  }
}
