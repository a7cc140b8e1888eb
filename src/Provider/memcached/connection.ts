/**
 * The connection to one memcached server. The server replies in the order of the commands, so any number of them can be
 * in flight. The first command connects, and so does the first one after the connection was lost. The server may have
 * executed the commands that were in flight then: each fails, or says itself what is done instead.
 */
import { connect, type Socket } from "node:net"
import * as Effect from "#effect/Effect"
import { codeOf } from "../../internal/codeOf.js"
import { deadline } from "../../internal/machineTime.js"
import { broken, Lost } from "./errors.js"
import { Answers, authenticate, type Command } from "./protocol.js"

export interface Connection {
  /** Sends a command. Fails in time: connecting, sending and the reply all count. */
  readonly ask: <A>(command: Command<A>) => Effect.Effect<A, Error>
  readonly close: () => void
}

/** Where a server is, and the user and password with which it is asked, if it wants any. */
export interface Place {
  readonly at: { readonly host: string; readonly port: number } | { readonly path: string }
  readonly login: string | undefined
}

export const make = ({ at, login }: Place, timeoutMillis: number): Connection => {
  let link: Link | undefined
  let isClosed = false
  return {
    ask: (command) =>
      Effect.callback((resume) => {
        if (isClosed) {
          return resume(Effect.fail(closed()))
        }
        if (link === undefined || !link.isOpen) {
          link = new Link(connect({ ...at, noDelay: true, keepAlive: true, keepAliveInitialDelay }), timeoutMillis)
          if (login !== undefined) {
            signIn(link, login)
          }
        }
        link.send(command, resume)
      }),
    close: () => {
      isClosed = true
      link?.end(closed())
    }
  }
}

/** Signs in before the first command. A refusal ends the connection, and with it all commands that were sent. */
const signIn = (link: Link, login: string): void => link.send(authenticate(login), () => {})

const closed = () => broken("closed")

const keepAliveInitialDelay = 60_000

type Resume<A> = (answer: Effect.Effect<A, Error>) => void

interface Waiting {
  readonly command: Command<unknown>
  readonly resume: Resume<unknown>
  /** In the time of `performance.now()`, which never jumps. */
  readonly deadline: number
}

/** A socket from its first byte to its last. */
class Link {
  isOpen = true
  private isConnected = false
  private readonly waiting: Array<Waiting> = []
  private met: (() => void) | undefined
  /** Whether anything came since the last look at the deadlines. */
  private isReading = false
  /** Until when a late command may still be answered, if one is late. */
  private graceUntil: number | undefined

  constructor(
    private readonly socket: Socket,
    private readonly timeoutMillis: number
  ) {
    const answers = new Answers({
      next: () => this.waiting[0]?.command,
      answer: (answer) => this.waiting.shift()!.resume(Effect.succeed(answer)),
      refuse: (failure) => this.waiting.shift()!.resume(Effect.fail(failure))
    })
    socket.on("data", (segment: Buffer) => {
      this.isReading = true
      const failure = answers.read(segment)
      if (failure !== undefined) {
        this.end(failure)
      }
    })
    socket.on("connect", () => {
      this.isConnected = true
    })
    socket.on("error", (error) => this.end(this.isConnected ? new Lost(codeOf(error) ?? error.name) : error))
    socket.on("end", () => this.end(new Lost("the server closed the connection")))
    socket.on("close", () => this.end(new Lost("the connection was lost")))
  }

  send<A>(command: Command<A>, resume: Resume<A>): void {
    const { socket } = this
    // All commands of one turn of the event loop are sent together: fewer packets, and less work on both sides.
    if (socket.writableCorked === 0) {
      socket.cork()
      process.nextTick(() => socket.uncork())
    }
    socket.write(command.line, "latin1")
    if (command.value !== undefined) {
      socket.write(command.value)
      socket.write("\r\n", "latin1")
    }
    const within = command.within ?? this.timeoutMillis
    this.waiting.push({ command, resume: resume as Resume<unknown>, deadline: performance.now() + within })
    this.met ??= deadline(within, this.check)
  }

  /**
   * The oldest command is the first to be late. Any later one would get its reply, so all of them fail. But while a
   * process that was busy still reads what came meanwhile, no command is late, for as long again at most. The server may
   * need a moment to send the rest, since a socket holds only so much that nobody reads.
   */
  private readonly check = (): void => {
    const now = performance.now()
    const left = (this.waiting[0]?.deadline ?? Number.POSITIVE_INFINITY) - now
    this.graceUntil = left > 0 ? undefined : (this.graceUntil ?? now + this.timeoutMillis)
    if (this.graceUntil !== undefined && (!this.isReading || now > this.graceUntil)) {
      this.end(broken("no answer in time"))
    } else {
      this.isReading = false
      this.met = this.waiting.length === 0 ? undefined : deadline(Math.max(this.timeoutMillis / 10, left), this.check)
    }
  }

  end(failure: Error): void {
    if (this.isOpen) {
      this.isOpen = false
      this.met?.()
      this.socket.destroy()
      const failed = Effect.fail(failure)
      const now = performance.now()
      for (const { command, deadline, resume } of this.waiting.splice(0)) {
        const left = deadline - now
        const isInTime = failure instanceof Lost && left >= this.timeoutMillis / 2
        resume((isInTime ? command.lost?.(failure, left) : undefined) ?? failed)
      }
    }
  }
}
