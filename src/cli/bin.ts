#!/usr/bin/env node
/**
 * Starts the command, or says what to install for it.
 */
import { needs } from "#dialect/cliNeeds"
import { lacking } from "./lacking.js"

const start = async (): Promise<void> => {
  try {
    await import("./main.js")
  } catch (error) {
    const missing = /^Cannot find (?:package|module) '([^']+)'/.exec((error as Error).message)?.[1]
    if (missing === undefined) {
      throw error
    }
    // If none is lacking, one of them lacks what it needs itself.
    const packages = lacking(needs) || needs
    console.error(
      `effect-session: the command needs ${missing}, which is not installed: npm install --save-dev ${packages}`
    )
    process.exitCode = 2
  }
}

void start()
