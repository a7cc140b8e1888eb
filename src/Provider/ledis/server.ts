/**
 * The name, the port and the capabilities of LedisDB.
 */
import { type Capabilities, defaultCapabilities } from "../Provider.js"

export const name = "ledis"

export const defaultPort = 6380

export const capabilities: Capabilities = {
  ...defaultCapabilities,
  maxPayload: 128 * 1024,
  // Rounded up to seconds, and up to one more until that second is full; then up to a second until the server checks.
  expirySlack: 3_200
}
