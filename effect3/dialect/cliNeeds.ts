/**
 * The packages that the command needs beside those of an app.
 */

export const needs = "@effect/cli@0.77 @effect/printer@0.51 @effect/printer-ansi@0.51 @effect/platform-node@0.108"
