/**
 * Each of the package's modules imports this one first. Where the app has Effect 4, what is imported
 * here is not found, and the error has this file's name: a loader's errors come before any code that could say more.
 */
import "effect/Either"
