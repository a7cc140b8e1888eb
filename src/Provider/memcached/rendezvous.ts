/**
 * Rendezvous hashing: of all servers a key belongs to the one that scores highest with it. A server that is added or taken away moves
 * its own share of the keys and no other. The order in which servers are named does not matter.
 */

/** FNV-1a, 32 bits. */
const hash = (text: string): number => {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) {
    h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  }
  return h
}

/** MurmurHash3's finalizer: each bit of the input moves each bit of the result. */
const mix = (h: number): number => {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** Which of these servers a key belongs to, by its place among them. */
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
