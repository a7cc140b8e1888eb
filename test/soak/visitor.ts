/**
 * A visitor of the soak: asks the app one thing after the other, and compares each answer with what it was told before.
 */
import { type Agent, request } from "node:http"
import { setTimeout as sleep } from "node:timers/promises"

/** What visitors have seen. All but `requests`, `refused` and `unsure` are faults. */
export interface Findings {
  requests: number
  /** Requests that were answered with an error, or that found no server. */
  refused: number
  /** Sessions that ended because a change of their id was not confirmed, as it may. */
  unsure: number
  /** Additions that were acknowledged and are not there. */
  lost: number
  /** Additions that nobody made. */
  extra: number
  /** Visitors who were signed out and did not ask for it. */
  signedOut: number
  /** Sign-outs that were acknowledged and had no effect. */
  undone: number
  /** Answers with another visitor's session. */
  wrong: number
  /** Requests without an answer after half a minute. */
  hung: number
}

export const nothingFound = (): Findings => ({
  requests: 0,
  refused: 0,
  unsure: 0,
  lost: 0,
  extra: 0,
  signedOut: 0,
  undone: 0,
  wrong: 0,
  hung: 0
})

/** The site, as its visitors know it. */
export interface Site {
  readonly port: number
  readonly agent: Agent
  readonly findings: Findings
  /**
   * Counts how often all sessions were forgotten, as those in memory are with each restart: once when that begins, and
   * once when it is over. It is odd meanwhile.
   */
  readonly forgotten: () => number
}

interface Seen {
  readonly owner: string
  readonly count: number
}

/** Sends a request. Undefined if it was refused, or if nobody was there. */
const ask = async (
  { agent, findings, port }: Site,
  path: string,
  cookie: string
): Promise<{ readonly seen: Seen; readonly cookie: string } | undefined> => {
  findings.requests++
  const answer = await new Promise<{ status: number; body: string; set: string | undefined } | "hung" | undefined>(
    (resolve) => {
      const sent = request(
        { agent, port, host: "127.0.0.1", method: "POST", path: `/${path}`, headers: cookie === "" ? {} : { cookie } },
        (response) => {
          let body = ""
          response.setEncoding("utf8")
          response.on("data", (text: string) => {
            body += text
          })
          response.on("error", () => resolve(undefined))
          response.on("end", () =>
            resolve({ status: response.statusCode!, body, set: response.headers["set-cookie"]?.[0] })
          )
        }
      )
      sent.on("error", () => resolve(undefined))
      sent.setTimeout(30_000, () => {
        resolve("hung")
        sent.destroy()
      })
      sent.end()
    }
  )
  if (answer === "hung") findings.hung++
  if (answer === undefined || answer === "hung" || answer.status !== 200) {
    findings.refused++
    return undefined
  }
  return {
    seen: JSON.parse(answer.body),
    cookie: answer.set === undefined ? cookie : answer.set.includes("Max-Age=0") ? "" : answer.set.split(";")[0]!
  }
}

let visitors = 0

export class Visitor {
  private readonly owner = `visitor${++visitors}`
  private cookie = ""
  /** The additions that the session has at least, and those that were tried. */
  private sure = 0
  private tried = 0
  /** Whether its id may have changed without an answer that says so. */
  private moving = false
  private known: number
  /** The cookies of sessions that were ended, which must not be heard of again. */
  private readonly ended: Array<string> = []

  constructor(private readonly site: Site) {
    this.known = site.forgotten()
  }

  /** Comes back until `isOver`, and once more after that. */
  async visit(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await this.step(Math.random())
      await sleep(20 + 60 * Math.random())
    }
    while (!(await this.read())) await sleep(200)
    for (const cookie of this.ended) {
      const answer = await ask(this.site, "read", cookie)
      if (answer !== undefined && answer.seen.owner !== "") this.site.findings.undone++
    }
  }

  private async step(chance: number): Promise<void> {
    if (this.cookie === "" || chance < 0.05) {
      await this.signIn()
    } else if (chance < 0.65) {
      await this.add()
    } else if (chance < 0.7) {
      await Promise.all([this.add(), this.add(), this.add(), this.read()])
    } else if (chance < 0.72) {
      await this.signOut()
    } else {
      await this.read()
    }
  }

  private begin(): void {
    this.cookie = ""
    this.sure = this.tried = 0
    this.moving = false
    this.known = this.site.forgotten()
  }

  private async signIn(): Promise<void> {
    const before = this.cookie
    const answer = await ask(this.site, `signIn/${this.owner}`, before)
    if (answer === undefined) {
      this.moving = before !== ""
    } else if (answer.seen.count < this.sure) {
      // A session that is gone begins anew with this.
      this.signedOut()
      this.cookie = answer.cookie
    } else {
      this.moving = false
      this.cookie = answer.cookie
    }
  }

  private async add(): Promise<void> {
    const before = this.cookie
    this.tried++
    const answer = await ask(this.site, "add", before)
    if (answer === undefined || before !== this.cookie) return
    if (answer.seen.owner === "") {
      this.signedOut()
    } else if (this.isOurs(answer.seen)) {
      this.sure++
    }
  }

  /** Whether there was an answer. */
  private async read(): Promise<boolean> {
    const before = this.cookie
    const { findings } = this.site
    const sure = this.sure
    const answer = await ask(this.site, "read", before)
    if (answer === undefined) return false
    if (before !== this.cookie) return true
    const { count, owner } = answer.seen
    if (owner === "" && before !== "") {
      this.signedOut()
    } else if (this.isOurs(answer.seen)) {
      if (count < sure) findings.lost += sure - count
      if (count > this.tried) findings.extra += count - this.tried
    }
    return true
  }

  private async signOut(): Promise<void> {
    const before = this.cookie
    if ((await ask(this.site, "signOut", before)) !== undefined) {
      this.ended.push(before)
      const again = await ask(this.site, "read", before)
      if (again !== undefined && again.seen.owner !== "") this.site.findings.undone++
    }
    this.begin()
  }

  private isOurs({ owner }: Seen): boolean {
    if (owner === this.owner || owner === "") return owner !== ""
    this.site.findings.wrong++
    return false
  }

  private signedOut(): void {
    if (this.moving) {
      this.site.findings.unsure++
    } else if (this.known === this.site.forgotten() && this.known % 2 === 0) {
      this.site.findings.signedOut++
    }
    this.begin()
  }
}
