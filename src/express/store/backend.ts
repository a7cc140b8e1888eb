/**
 * Runs the calls of a store on a provider that is built when the first of them needs it, and tells their callbacks: each once,
 * later, and in the caller's context, so that what a callback throws is not thrown into Effect.
 */
import { AsyncResource } from "node:async_hooks"
import { interrupt, type Running } from "#dialect/runtime"
import * as Cause from "#effect/Cause"
import * as Context from "#effect/Context"
import * as Deferred from "#effect/Deferred"
import * as Duration from "#effect/Duration"
import * as Effect from "#effect/Effect"
import * as Exit from "#effect/Exit"
import * as Fiber from "#effect/Fiber"
import * as Layer from "#effect/Layer"
import * as Option from "#effect/Option"
import { deadline } from "../../internal/machineTime.js"
import { withoutWords } from "../../Manager/Calls.js"
import { lateAnswer } from "../../Manager/Turns.js"
import { type Provider, SessionProvider } from "../../Provider/Provider.js"
import { fromCause, SessionError } from "../../SessionError.js"
import type { Settings } from "./options.js"

export type Callback<A> = (error: unknown, value?: A) => void

/** What a call does. With `alive` one that takes longer the more sessions there are says that it goes on. */
export type Call<S, A> = (sessions: S, alive: () => void) => Effect.Effect<A, SessionError>

const closed = () =>
  new SessionError({ reason: "Unavailable", message: "the session store is closed: make another one" })

/** The longest time that Node's timers have. */
const millisOf = (duration: Duration.Duration): number => Math.min(Duration.toMillis(duration), 2 ** 31 - 1)

/** `S` is what is made of the provider. */
export class Backend<S> {
  /** What is there, or will be; nothing before the first call, and after the provider could not be built. */
  private sessions: Deferred.Deferred<S, Error> | undefined
  /** Holds the provider's connections. */
  private life: Running | undefined
  /** In messages. */
  private name = "session store"
  private running = 0
  private closing: Promise<void> | undefined
  private last: (() => void) | undefined
  /** What lasts begins here, and not in the context of the request that came first. */
  private readonly outside = new AsyncResource("effect-session")

  constructor(
    private readonly layer: Layer.Layer<SessionProvider, unknown>,
    private readonly settings: Pick<Settings, "timeout" | "gcInterval">,
    private readonly open: (provider: Provider) => S
  ) {}

  run<A>(call: Call<S, A>, callback: Callback<A> | undefined): void {
    const tell = callback && AsyncResource.bind(callback)
    let isTold = false
    const end = (error: unknown, value?: A) => {
      if (!isTold) {
        isTold = true
        met()
        this.running--
        if (this.running === 0) {
          this.last?.()
        }
        if (tell !== undefined) {
          setImmediate(tell, error, value)
        }
      }
    }
    const wait = () =>
      deadline(millisOf(this.settings.timeout), () => {
        end(lateAnswer(this.name, this.settings.timeout))
        interrupt(fiber)
      })
    this.running++
    let met = wait()
    const alive = () => {
      met()
      met = isTold ? met : wait()
    }
    const fiber: Running<A, Error> = Effect.runFork(Effect.flatMap(this.ready, (sessions) => call(sessions, alive)))
    fiber.addObserver((exit) => {
      if (Exit.isSuccess(exit)) {
        end(null, exit.value)
      } else {
        end(this.errorOf(exit.cause))
      }
    })
  }

  /** Waits for the calls that are under way, and releases the connections. */
  close(): Promise<void> {
    this.closing ??= this.end()
    return this.closing
  }

  private async end(): Promise<void> {
    if (this.running > 0) {
      await new Promise<void>((resolve) => {
        const met = deadline(millisOf(this.settings.timeout), resolve)
        this.last = () => {
          met()
          resolve()
        }
      })
    }
    if (this.life !== undefined) {
      await Effect.runPromise(Fiber.interrupt(this.life))
    }
  }

  private get ready(): Effect.Effect<S, Error> {
    return Effect.suspend(() =>
      this.closing !== undefined ? Effect.fail(closed()) : Deferred.await(this.sessions ?? this.build())
    )
  }

  private build(): Deferred.Deferred<S, Error> {
    const built = Effect.runSync(Deferred.make<S, Error>())
    // Before anything runs: what fails at once must not stay.
    this.sessions = built
    const life = Effect.flatMap(Layer.build(this.layer), (context) => {
      const provider = Context.get(context, SessionProvider)
      this.name = provider.name
      return Effect.andThen(
        Deferred.succeed(built, this.open(provider)),
        collecting(provider, this.settings.gcInterval)
      )
    })
    const lasting = Effect.catchCause(Effect.scoped(life), (cause) =>
      Effect.suspend(() => {
        this.sessions = undefined
        return Deferred.fail(built, this.errorOf(cause))
      })
    )
    this.life = this.outside.runInAsyncScope(() => Effect.runFork(lasting))
    return built
  }

  private errorOf(cause: Cause.Cause<unknown>): Error {
    const error = Cause.findErrorOption(cause)
    return Option.isSome(error)
      ? fromCause(this.name, "start")(error.value)
      : Cause.hasInterruptsOnly(cause)
        ? closed()
        : withoutWords(this.name, Cause.squash(cause))
  }
}

/** Waits without keeping the process from ending. */
const unheld = (millis: number): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const timer = setTimeout(() => resume(Effect.void), millis).unref()
    return Effect.sync(() => clearTimeout(timer))
  })

const nothingToDo: Effect.Effect<never> = Effect.callback(() => {})

/** Removes expired sessions now and then, not at the same time as other processes do. */
const collecting = ({ gc, name }: Provider, interval: Duration.Duration): Effect.Effect<never> =>
  gc === undefined
    ? nothingToDo
    : Effect.forever(
        Effect.andThen(
          Effect.suspend(() => unheld(Math.min(millisOf(interval) * (0.8 + 0.4 * Math.random()), 2 ** 31 - 1))),
          Effect.catchCause(gc, (cause) => Effect.logWarning(`${name}: session garbage collection failed`, cause))
        )
      )
