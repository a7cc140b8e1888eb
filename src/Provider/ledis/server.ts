/**
 * The name, the port and the capabilities of LedisDB.
 */
import { type Capabilities, defaultCapabilities } from "../Provider.js"

export const name = "ledis"

export const defaultPort = 6380

export const capabilities: Capabilities = {
  ...defaultCapabilities,
  maxPayload: 128 * 1024,
  // Up to a second until the second is full, and as much again until the server checks.
  expirySlack: 2_200
}
