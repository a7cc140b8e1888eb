#!/usr/bin/env node
/**
 * Starts the command, or says what to install for it.
 */
import { needs } from "#dialect/cliNeeds"

const start = async (): Promise<void> => {
  try {
    await import("./main.js")
  } catch (error) {
    const missing = /^Cannot find (?:package|module) '([^']+)'/.exec((error as Error).message)?.[1]
    if (missing === undefined) {
      throw error
    }
    console.error(
      `effect-session: the command needs ${missing}, which is not installed: npm install --save-dev ${needs}`
    )
    process.exitCode = 2
  }
}

void start()
