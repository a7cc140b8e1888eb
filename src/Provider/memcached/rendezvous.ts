/**
 * Rendezvous hashing: a key belongs to the server with the highest score for it. A server that is added or removed
 * moves only its own share of the keys. The order of the servers does not matter.
 */

/** FNV-1a, 32 bits. */
const hash = (text: string): number => {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) {
    h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  }
  return h
}

/** MurmurHash3's finalizer: each bit of the input affects each bit of the result. */
const mix = (h: number): number => {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** Returns the index of the server to which a key belongs. */
export const placeOf = (servers: ReadonlyArray<string>): ((key: string) => number) => {
  const seeds = servers.map((server) => mix(hash(server)))
  return (key) => {
    const h = hash(key)
    let place = 0
    let best = -1
    for (let i = 0; i < seeds.length; i++) {
      const score = mix(h ^ seeds[i]!)
      if (score > best) {
        best = score
        place = i
      }
    }
    return place
  }
}
