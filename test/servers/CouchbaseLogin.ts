// The login of the Couchbase stand-in, where a client proves that it knows the password: PLAIN, and SCRAM (RFC 5802,
// RFC 7677).
import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from "node:crypto"
import { type Reply, Status } from "./CouchbaseProtocol.js"

export interface Account {
  readonly username: string
  readonly password: string
}

const hashes: Record<string, string> = { "SCRAM-SHA512": "sha512", "SCRAM-SHA256": "sha256", "SCRAM-SHA1": "sha1" }
export const mechanisms = [...Object.keys(hashes), "PLAIN"]

const refused: Reply = { status: Status.authError }
const salt = randomBytes(16)
const iterations = 4096

/** The login of one connection. */
export class Login {
  done = false
  private finish: ((message: string) => Reply) | undefined

  constructor(private readonly account: Account) {}

  start(mechanism: string, message: string): Reply {
    this.done = false
    if (mechanism === "PLAIN") {
      const { password, username } = this.account
      return this.outcome(message === `\0${username}\0${password}` ? {} : refused)
    }
    const hash = hashes[mechanism]
    const first = /^n,,(n=([^,]*),r=([^,]+))$/.exec(message)
    if (hash === undefined || first === null) return refused
    const [, clientFirst, name, clientNonce] = first
    const nonce = clientNonce! + randomBytes(12).toString("hex")
    const serverFirst = `r=${nonce},s=${salt.toString("base64")},i=${iterations}`
    const isKnown = name!.replaceAll("=2C", ",").replaceAll("=3D", "=") === this.account.username
    this.finish = (clientFinal) => {
      const final = /^(c=biws,r=([^,]*)),p=([^,]*)$/.exec(clientFinal)
      if (final === null || final[2] !== nonce) return refused
      const signature = verify(hash, this.account.password, `${clientFirst},${serverFirst},${final[1]}`, final[3]!)
      return isKnown && signature !== undefined ? { value: `v=${signature}` } : refused
    }
    return { status: Status.authContinue, value: serverFirst }
  }

  step(message: string): Reply {
    const finish = this.finish
    this.finish = undefined
    return this.outcome(finish === undefined ? refused : finish(message))
  }

  private outcome(reply: Reply): Reply {
    this.done = reply !== refused
    return reply
  }
}

/** Returns the server's own proof, if the client's is right. */
const verify = (hash: string, password: string, messages: string, proof: string): string | undefined => {
  const hmac = (key: Buffer, text: string) => createHmac(hash, key).update(text).digest()
  const salted = saltedPassword(hash, password)
  const clientKey = hmac(salted, "Client Key")
  const signature = hmac(createHash(hash).update(clientKey).digest(), messages)
  const expected = clientKey.map((byte, index) => byte ^ signature[index]!)
  const given = Buffer.from(proof, "base64")
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined
  return hmac(hmac(salted, "Server Key"), messages).toString("base64")
}

/** The salted password, which is kept because it is slow to compute. */
const saltedPassword = (hash: string, password: string): Buffer => {
  const known = salted.get(hash) ?? pbkdf2Sync(password, salt, iterations, createHash(hash).digest().length, hash)
  salted.set(hash, known)
  return known
}
const salted = new Map<string, Buffer>()
