/**
 * News of sessions that end or move. The script that does it publishes to a channel that has the name of the session's
 * key. One connection listens for all who wait: it is made when the first of them comes, and closed with the scope.
 */
import type { Redis } from "ioredis"
import * as Effect from "#effect/Effect"
import type * as Scope from "#effect/Scope"
import { isReply } from "./failures.js"
import { type Link, mastersOf } from "./link.js"

/**
 * Waits until the session at this key has ended or moved. It comes back for nothing when the connection is lost, so that
 * the caller looks at what it may have missed, and then again every few seconds until there is one. A server that
 * refuses to be listened to (its ACL, or a proxy) is asked once a minute, and as often it comes back. Once the scope is
 * closed it waits for ever.
 */
export type News = (key: string) => Effect.Effect<void>

/** How long at least from one connection to the next, in milliseconds, by what became of the first. */
const pause = { lost: 5_000, refused: 60_000 }

export const newsOf = (link: Link): Effect.Effect<News, never, Scope.Scope> => {
  let isOpen = true
  let line: Line | undefined
  const wait: News = (key) =>
    Effect.callback((resume) => {
      if (isOpen) {
        line ??= listen(link, () => {
          line = undefined
        })
        return Effect.sync(line.wait(key, () => resume(Effect.void)))
      }
    })
  return Effect.acquireRelease(Effect.succeed(wait), () =>
    Effect.sync(() => {
      isOpen = false
      line?.close()
    })
  )
}

interface Line {
  /** Calls `told` when there is news. Returns how to stop waiting. */
  readonly wait: (key: string, told: () => void) => () => void
  readonly close: () => void
}

/** Opens a connection. Once it is lost or refused, and the pause is over, all who wait are told, and then it `ended`. */
const listen = ({ call, client }: Link, ended: () => void): Line => {
  const openedAt = performance.now()
  const waiting = new Map<string, Set<() => void>>()
  const connection = openedTo(mastersOf(client))
  const ready = connection?.connect() ?? Promise.reject(new Error("no master is known"))
  let isClosed = false
  let timer: NodeJS.Timeout | undefined

  /** Forgets a channel, and those who wait there. */
  const forget = (channel: string) => {
    waiting.delete(channel)
    connection?.unsubscribe(channel).catch(() => {})
  }

  const tell = (channel: string) => {
    const told = waiting.get(channel) ?? []
    forget(channel)
    for (const go of told) go()
  }

  const end = (cause?: unknown) => {
    if (!isClosed && timer === undefined) {
      connection?.disconnect()
      const until = openedAt + (isReply(cause) ? pause.refused : pause.lost)
      timer = setTimeout(() => {
        ended()
        for (const channel of [...waiting.keys()]) tell(channel)
      }, until - performance.now()).unref()
    }
  }

  connection?.on("message", tell)
  connection?.on("end", () => end())
  ready.catch(end)

  /** Whoever waits may have missed what happened before the server listened: then there is no session any more. */
  const subscribe = async (key: string, channel: string, those: Set<() => void>) => {
    try {
      await ready
      if (waiting.get(channel) !== those) return
      await connection!.subscribe(channel)
    } catch (cause) {
      return end(cause)
    }
    const found = await call(() => client.exists(key), true).catch(() => undefined)
    if (found === undefined) {
      setTimeout(tell, pause.lost, channel).unref()
    } else if (found === 0 && waiting.get(channel) === those) {
      tell(channel)
    }
  }

  return {
    wait: (key, told) => {
      const channel = `${client.options.keyPrefix ?? ""}${key}`
      const those = waiting.get(channel) ?? new Set()
      if (!waiting.has(channel)) {
        waiting.set(channel, those)
        void subscribe(key, channel, those)
      }
      those.add(told)
      return () => {
        if (those.delete(told) && those.size === 0 && waiting.get(channel) === those) forget(channel)
      }
    },
    close: () => {
      isClosed = true
      clearTimeout(timer)
      connection?.disconnect()
    }
  }
}

/** A connection to one of the masters, each of which tells all news. It does not come back by itself. */
const openedTo = (masters: ReadonlyArray<Redis>): Redis | undefined =>
  masters[Math.floor(Math.random() * masters.length)]
    ?.duplicate({
      lazyConnect: true,
      enableOfflineQueue: false,
      retryStrategy: () => null,
      sentinelRetryStrategy: () => null,
      reconnectOnError: null,
      // Channels have the names of whole keys already.
      keyPrefix: "",
      // Nothing may be said on it for long, which proxies take for its end.
      keepAlive: 30_000
    })
    .on("error", () => {})
