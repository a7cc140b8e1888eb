/**
 * What LedisDB is and can do.
 */
import { type Capabilities, defaultCapabilities } from "../Provider.js"

export const name = "ledis"

export const defaultPort = 6380

export const capabilities: Capabilities = {
  ...defaultCapabilities,
  maxPayload: 128 * 1024,
  // Up to a second until the second is full, and as much again until the server looks.
  expirySlack: 2_200
}
