/**
 * Whether a key came by chance, or was written by a person. Three readers guess each character of its text from those
 * before: one knows words, one knows them with digits for letters, one knows keyboards and alphabets. What a reader
 * guesses far better than chance allows was written. A random text is guessed 2^bits times better than by chance at most
 * once in 2^bits times (Markov's inequality), so the limit below is the share of good keys that are refused.
 */

/** Once in 16 million. */
const limit = 24

/** Of base64 and base64url. */
const alphabet = 64

type Class = "lower" | "upper" | "digit" | "sign"

const classOf = (char: string): Class =>
  /[a-z]/.test(char) ? "lower" : /[A-Z]/.test(char) ? "upper" : /\d/.test(char) ? "digit" : "sign"

/** How often one class follows another in what people write, in percent. */
const following: Record<Class, Record<Class, number>> = {
  lower: { lower: 82, upper: 7, digit: 5, sign: 6 },
  upper: { lower: 55, upper: 35, digit: 5, sign: 5 },
  digit: { lower: 25, upper: 15, digit: 50, sign: 10 },
  sign: { lower: 40, upper: 35, digit: 20, sign: 5 }
}

/** The letters of English, in parts per thousand. */
const letters: Readonly<Record<string, number>> = Object.fromEntries(
  [82, 15, 28, 43, 127, 22, 20, 61, 70, 2, 8, 40, 24, 67, 75, 19, 1, 60, 63, 91, 28, 10, 24, 2, 20, 1].map((n, i) => [
    String.fromCharCode(97 + i),
    n / 1003
  ])
)

type Reader = (before: string, char: string) => number

/** How likely a person writes this character next. */
const byWords: Reader = (before, char) => {
  const kind = classOf(char)
  const share = following[classOf(before)][kind] / 100
  return share * (kind === "digit" ? 1 / 10 : kind === "sign" ? 1 / 2 : letters[char.toLowerCase()]!)
}

const meant: Readonly<Record<string, string>> = { 0: "o", 1: "i", 3: "e", 4: "a", 5: "s", 7: "t" }

/** The same for someone who writes some letters as the digits that look like them. */
const byLookalikes: Reader = (before, char) => {
  const letter = meant[char]
  const share = letter !== undefined ? 0.4 : "oieast".includes(char) ? 0.6 : 1
  return share * byWords(meant[before] ?? before, letter ?? char)
}

const rows = ["1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm"]

/** The columns of a keyboard one after the other, rows and the alphabet. */
const ways = [
  Array.from("1234567890", (_, i) => rows.map((row) => row[i] ?? "").join("")).join(""),
  ...rows,
  "abcdefghijklmnopqrstuvwxyz"
]

/** The keys to which fingers that walk over a keyboard, or count, go on from each key: itself, and its neighbours. */
const neighbours: Readonly<Record<string, string>> = Object.fromEntries(
  Array.from(new Set(ways.join("")), (key) => {
    const found = ways.filter((way) => way.includes(key)).map((way) => [way.indexOf(key), way] as const)
    const near = found.flatMap(([at, way]) => [way[at - 1] ?? "", way[at + 1] ?? ""])
    return [key, Array.from(new Set([key, ...near])).join("")]
  })
)

/** The share of the fingers' ways that go on to a neighbour. */
const steady = 0.8

/** How likely such fingers come to this character, in any case. */
const byFingers: Reader = (before, char) => {
  const near = neighbours[before.toLowerCase()] ?? ""
  const spellings = near.length + near.replace(/\d/g, "").length
  return near.includes(char.toLowerCase()) ? steady / spellings : (1 - steady) / (alphabet - spellings)
}

/** The character that followed when the last two were seen before. */
const repeated = (text: string, at: number): string | undefined => {
  const seen = at < 2 ? -1 : text.lastIndexOf(text.slice(at - 2, at), at - 3)
  return seen === -1 ? undefined : text[seen + 2]
}

/** In bits: how much better than by chance a text is guessed by a reader, who also waits for repetitions. */
const guessed = (text: string, reader: Reader): number => {
  let bits = 0
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!
    const alone = reader(text[at - 1] ?? "-", char)
    const again = repeated(text, at)
    const likely = again === undefined ? alone : (alone + (again === char ? 1 : 0)) / 2
    bits += Math.log2(likely * alphabet)
  }
  return bits
}

/** Whether a person wrote this text, which is base64 or base64url without its padding. */
export const isWritten = (text: string): boolean => {
  const plain = text.replace(/\+/g, "-").replace(/\//g, "_")
  return [byWords, byLookalikes, byFingers].some((reader) => guessed(plain, reader) > limit)
}
