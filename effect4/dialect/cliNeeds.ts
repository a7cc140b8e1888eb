/**
 * The packages that the command needs beside those of an app.
 */

export const needs = "@effect/platform-node@4"
