export * from "effect/Cause"
export {
  failureOption as findErrorOption,
  isInterrupted as hasInterrupts,
  isInterruptedOnly as hasInterruptsOnly,
  isUnknownException as isUnknownError,
  sequential as combine
} from "effect/Cause"
