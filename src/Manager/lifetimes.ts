/**
 * How long a session lives: by the configuration, or by its own timeouts if its owner asked to be remembered.
 */
import * as DateTime from "#effect/DateTime"
import * as Duration from "#effect/Duration"
import type { SessionData } from "../Store/Codec.js"
import type { SessionConfig } from "./configSchema.js"

/** Whether the session's owner asked to be remembered, when the browser ends too. */
export const isRemembered = ({ owner }: SessionData): boolean => owner?.lifetimes !== undefined

/** The session's idle and absolute timeout, in milliseconds. */
export const timeoutsOf = (
  { absoluteTimeout, idleTimeout }: SessionConfig,
  { owner }: SessionData
): readonly [idle: number, absolute: number] =>
  owner?.lifetimes ?? [Duration.toMillis(idleTimeout), Duration.toMillis(absoluteTimeout)]

/**
 * The session's lifetime from `now` on, in milliseconds: the idle timeout, but never past its absolute end. A session
 * that is over, or began before `validFrom`, has none. One that cannot tell when it began has no absolute end.
 */
export const lifetimeOf = (config: SessionConfig, data: SessionData, now: number): number => {
  const [idle, absolute] = timeoutsOf(config, data)
  const { validFrom } = config
  const { createdAt } = data
  if (validFrom !== undefined && (createdAt === undefined || createdAt < DateTime.toEpochMillis(validFrom))) {
    return 0
  }
  return createdAt === undefined ? idle : Math.min(idle, createdAt + absolute - now)
}
