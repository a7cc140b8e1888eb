/**
 * A pool of connections to a server, made so that one trouble does not become all: writes that hang leave connections to
 * reads, a server that allows fewer connections than the pool wants is waited for, a connection that was idle is asked
 * whether it is still there, and one on which a statement was given up is not used again.
 */
import { Failure } from "../../internal/failure.js"
import type { Result } from "./connection.js"
import { isCrowded } from "./failures.js"

/** A connection, as a driver has it. */
export interface Line {
  /** Runs a statement, and calls back once. */
  readonly send: Send
  /** The same, without preparing it. */
  readonly sendOnce: Send
  /** Asks the server to give up the statement that runs. */
  readonly cancel: () => void
  /** Says goodbye. */
  readonly end: () => void
  /** Leaves without a word. */
  readonly cut: () => void
}

export type Send = (
  text: string,
  params: ReadonlyArray<unknown>,
  done: (cause: unknown, result: Result | undefined) => void
) => void

/** Connects; calls `lost` when the connection has ended. `cut` ends the attempt. */
export type Connect = (lost: () => void) => { readonly line: Promise<Line>; readonly cut: () => void }

/** A connection of the pool. */
export interface Entry {
  readonly line: Line
  readonly generation: number
  /** Since when it is idle. */
  since: number
  isLost: boolean
}

/** Somebody who waits for a connection. */
export interface Waiter {
  readonly isWrite: boolean
  readonly started: number
  readonly got: (cause: unknown, entry: Entry | undefined) => void
}

/** How long a connection may be idle and still be trusted, and how long it may take to answer when it is not. */
const trusted = 1_000

/** How long a place at a crowded server is waited for, if this pool has none. */
const patience = 5_000

/** How long after a refusal the pool tries to grow again. */
const growAfter = 30_000

/** How long the server may take to end a statement that was given up. */
const graceful = 6_000

/** How long an idle connection is kept. */
const kept = 60_000

/** How long a connection may take to end. */
const farewell = 1_000

const ended = new Failure("the layer has ended")

export class Lines {
  private readonly idle: Array<Entry> = []
  private readonly reads: Set<Waiter> = new Set()
  private readonly writes: Set<Waiter> = new Set()
  private readonly out: Set<Entry> = new Set()
  private readonly dialing: Set<() => void> = new Set()
  private open = 0
  private writing = 0
  private limit: number
  private refused = 0
  private generation = 0
  private renewed = Number.NEGATIVE_INFINITY
  private isClosed = false
  private readonly cleaning: NodeJS.Timeout

  constructor(
    private readonly size: number,
    private readonly connect: Connect
  ) {
    this.limit = size
    this.cleaning = setInterval(() => this.endIdle(performance.now() - kept), kept / 4).unref()
  }

  /**
   * Connects anew for whatever comes next, as after a failover: the name may lead to another server by now. But not more
   * often than the pool may grow. Returns whether it did so since then, for this statement or another one.
   */
  renew(since: number): boolean {
    const now = performance.now()
    if (now - this.renewed > growAfter / 3) {
      this.renewed = now
      this.generation++
      this.endIdle(Number.POSITIVE_INFINITY)
    }
    return this.renewed >= since
  }

  /** Ends all connections, those in use when they are free, or after a second. */
  close(): void {
    this.isClosed = true
    clearInterval(this.cleaning)
    this.endIdle(Number.POSITIVE_INFINITY)
    this.serve()
    for (const cut of [...this.dialing, ...Array.from(this.out, ({ line }) => line.cut)]) {
      setTimeout(cut, farewell).unref()
    }
  }

  /** Waits no more. */
  leave(waiter: Waiter): void {
    this.queue(waiter).delete(waiter)
  }

  private queue({ isWrite }: Waiter): Set<Waiter> {
    return isWrite ? this.writes : this.reads
  }

  /** Calls `got` once, with a connection that is free or the reason why there is none. */
  take(isWrite: boolean, got: Waiter["got"]): Waiter {
    const waiter = { isWrite, started: performance.now(), got }
    this.queue(waiter).add(waiter)
    this.serve()
    return waiter
  }

  /** How many writes may run at once: with room for a read, and one connection more where there are several. */
  private get maxWrites(): number {
    return Math.max(1, this.limit - (this.limit > 3 ? 2 : 1))
  }

  /** Who comes next, in the order in which they came. */
  private next(): Waiter | undefined {
    const [read] = this.reads
    const [write] = this.writing < this.maxWrites ? this.writes : []
    return read === undefined || (write !== undefined && write.started < read.started) ? write : read
  }

  private serve(): void {
    if (this.isClosed) {
      for (const waiter of [...this.reads, ...this.writes]) {
        this.leave(waiter)
        waiter.got(ended, undefined)
      }
    }
    for (;;) {
      const waiter = this.next()
      if (waiter === undefined) {
        return
      }
      const entry = this.idle.pop()
      if (entry === undefined && !this.mayOpen()) {
        return
      }
      this.queue(waiter).delete(waiter)
      this.writing += waiter.isWrite ? 1 : 0
      if (entry === undefined) {
        this.dial(waiter)
      } else {
        this.hand(entry, waiter)
      }
    }
  }

  private mayOpen(): boolean {
    if (this.limit < this.size && performance.now() - this.refused > growAfter) {
      this.limit = this.size
    }
    return this.open < this.limit
  }

  /** Puts somebody first in line. */
  private again(waiter: Waiter): void {
    this.writing -= waiter.isWrite ? 1 : 0
    if (this.isClosed) {
      waiter.got(ended, undefined)
      return
    }
    const queue = this.queue(waiter)
    const others = [...queue]
    queue.clear()
    for (const one of [waiter, ...others]) {
      queue.add(one)
    }
  }

  private dial(waiter: Waiter): void {
    this.open++
    const { generation } = this
    let entry: Entry | undefined
    let isLost = false
    const { cut, line } = this.attempt(() => {
      isLost = true
      if (entry !== undefined && !entry.isLost) {
        this.drop(entry)
        // What happened to one has probably happened to all.
        for (const other of this.idle) {
          other.since = Number.NEGATIVE_INFINITY
        }
        this.serve()
      }
    })
    this.dialing.add(cut)
    line.then(
      (line) => {
        this.dialing.delete(cut)
        entry = { line, generation, since: performance.now(), isLost: false }
        if (isLost) {
          this.drop(entry)
        }
        this.out.add(entry)
        waiter.got(undefined, entry)
      },
      (cause: unknown) => {
        this.dialing.delete(cut)
        this.open--
        if (isCrowded(cause) && (this.open > 0 || performance.now() - waiter.started < patience)) {
          this.refused = performance.now()
          this.limit = Math.max(1, this.open)
          this.again(waiter)
          if (this.open === 0) {
            setTimeout(() => this.serve(), 50 + Math.random() * 150)
            return
          }
        } else {
          this.writing -= waiter.isWrite ? 1 : 0
          waiter.got(cause, undefined)
        }
        this.serve()
      }
    )
  }

  /** A driver may throw at an option in its address. */
  private attempt(lost: () => void): ReturnType<Connect> {
    try {
      return this.connect(lost)
    } catch (cause) {
      return { line: Promise.reject(cause), cut: () => {} }
    }
  }

  private hand(entry: Entry, waiter: Waiter): void {
    this.out.add(entry)
    const since = entry.since
    if (performance.now() - since < trusted) {
      waiter.got(undefined, entry)
      return
    }
    let isOver = false
    const over = (isThere: boolean) => {
      if (isOver) {
        return
      }
      isOver = true
      clearTimeout(late)
      if (isThere) {
        waiter.got(undefined, entry)
        return
      }
      this.discard(entry)
      // The others have been silent for as long.
      this.endIdle(since)
      this.again(waiter)
      this.serve()
    }
    const late = setTimeout(() => over(false), trusted)
    entry.line.sendOnce("SELECT 1", [], (_, result) => over(result !== undefined))
  }

  /** Gives a connection back. */
  free(entry: Entry, isWrite: boolean): void {
    this.writing -= isWrite ? 1 : 0
    this.out.delete(entry)
    if (!entry.isLost && (this.isClosed || entry.generation !== this.generation)) {
      this.drop(entry)
      farewellTo(entry)
    }
    if (!entry.isLost) {
      entry.since = performance.now()
      this.idle.push(entry)
    }
    this.serve()
  }

  /** Gives up the statement that runs on a connection. */
  giveUp({ line }: Entry): void {
    line.cancel()
    setTimeout(() => line.cut(), graceful).unref()
  }

  /** Counts a connection out, once. */
  private drop(entry: Entry): void {
    if (!entry.isLost) {
      entry.isLost = true
      this.open--
      const at = this.idle.indexOf(entry)
      if (at >= 0) {
        this.idle.splice(at, 1)
      }
    }
  }

  /** Uses a connection no more. */
  discard(entry: Entry): void {
    this.out.delete(entry)
    this.drop(entry)
    entry.line.cut()
  }

  /** Ends the connections that have been idle since then. */
  private endIdle(since: number): void {
    for (const entry of this.idle.filter((entry) => entry.since <= since)) {
      this.drop(entry)
      farewellTo(entry)
    }
  }
}

/** A server that does not answer cannot keep the process. */
const farewellTo = ({ line }: Entry): void => {
  line.end()
  setTimeout(() => line.cut(), farewell).unref()
}
