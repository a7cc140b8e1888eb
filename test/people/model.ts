// Who is signed in where, as it should be: sessions, and the cookies that lead to them.

export const minute = 60_000
export const hour = 60 * minute

export const times = {
  idle: 30 * minute,
  absolute: 4 * hour,
  rememberIdle: 3 * hour,
  rememberAbsolute: 12 * hour,
  renewEvery: 10 * minute,
  grace: minute / 2,
  /** How long an id that was ended or replaced by a sign-in is known as such. */
  marked: minute
}

export interface Account {
  readonly number: number
  user: string | undefined
  count: number
  isRemembered: boolean
  createdAt: number
  idMadeAt: number
  usedAt: number
  isEnded: boolean
  /** The place among all sign-ins, which stays when the same person signs in again. */
  signedIn: number
}

interface Cookie {
  readonly session: Account
  /** When it ends to lead to its session. */
  until: number
  /** Until when it is known that its session has ended or moved. */
  knownUntil: number
}

export class Model {
  now = 0
  readonly sessions: Array<Account> = []
  readonly cookies = new Map<string, Cookie>()
  private signIns = 0

  /** Without `expiresIdle` a session lives to its absolute end. */
  constructor(
    private readonly max: number,
    private readonly expiresIdle: boolean
  ) {}

  private timeouts({ isRemembered }: Account): readonly [number, number] {
    const [idle, absolute] = isRemembered ? [times.rememberIdle, times.rememberAbsolute] : [times.idle, times.absolute]
    return [this.expiresIdle ? idle : absolute, absolute]
  }

  isLive(session: Account): boolean {
    const [idle, absolute] = this.timeouts(session)
    return !session.isEnded && this.now < Math.min(session.usedAt + idle, session.createdAt + absolute)
  }

  /** The live session to which a cookie leads. */
  behind(token: string | undefined): Account | undefined {
    const cookie = token === undefined ? undefined : this.cookies.get(token)
    return cookie !== undefined && this.now < cookie.until && this.isLive(cookie.session) ? cookie.session : undefined
  }

  /** Whether a cookie's session is known to have ended or moved, so that nothing begins in its place. */
  isLate(token: string | undefined): boolean {
    const cookie = token === undefined ? undefined : this.cookies.get(token)
    return (
      cookie !== undefined &&
      (this.now < cookie.knownUntil ||
        (cookie.until !== Number.POSITIVE_INFINITY && this.now < cookie.until && !this.isLive(cookie.session)))
    )
  }

  /** Whether a cookie is its session's newest. */
  isNewest(token: string): boolean {
    return this.cookies.get(token)?.until === Number.POSITIVE_INFINITY
  }

  /** The live sessions of a person, in the order in which they signed in. */
  listOf(user: string): ReadonlyArray<Account> {
    return this.sessions
      .filter((session) => session.user === user && this.isLive(session))
      .sort((a, b) => a.signedIn - b.signedIn)
  }

  /** Notes that a cookie was told. */
  told(token: string, session: Account): void {
    this.cookies.set(token, { session, until: Number.POSITIVE_INFINITY, knownUntil: 0 })
  }

  begin(): Account {
    const { now } = this
    const session: Account = {
      number: this.sessions.length,
      user: undefined,
      count: 0,
      isRemembered: false,
      createdAt: now,
      idMadeAt: now,
      usedAt: now,
      isEnded: false,
      signedIn: -1
    }
    this.sessions.push(session)
    return session
  }

  /** A request uses a session; the result is whether its id is renewed because of its age. */
  use(session: Account, token: string): boolean {
    session.usedAt = this.now
    const cookie = this.cookies.get(token)!
    if (cookie.until !== Number.POSITIVE_INFINITY || this.now < session.idMadeAt + times.renewEvery) {
      return false
    }
    session.idMadeAt = this.now
    cookie.until = this.now + times.grace
    return true
  }

  /** The session gets another id because of other rights. */
  move(session: Account): void {
    this.leave(session)
    session.createdAt = this.now
    session.idMadeAt = this.now
    session.usedAt = this.now
  }

  end(session: Account): void {
    if (!session.isEnded) {
      this.leave(session)
      session.isEnded = true
    }
  }

  /** The cookies of a session lead nowhere from now on. */
  private leave(session: Account): void {
    for (const cookie of this.cookies.values()) {
      if (cookie.session === session && this.now < cookie.until) {
        cookie.knownUntil = Math.min(cookie.until, this.now + times.marked)
        cookie.until = this.now
      }
    }
  }

  /** Whether a sign-in would be one too many. */
  isFull(session: Account | undefined, user: string): boolean {
    return session?.user !== user && this.listOf(user).length >= this.max
  }

  signIn(session: Account, user: string, remember: boolean | undefined): void {
    if (session.user !== user) {
      const live = this.listOf(user)
      for (const oldest of live.slice(0, Math.max(live.length + 1 - this.max, 0))) {
        this.end(oldest)
      }
      if (session.user !== undefined) {
        session.count = 0
      }
      session.user = user
      session.isRemembered = remember ?? false
      session.signedIn = this.signIns++
    } else {
      session.isRemembered = remember ?? session.isRemembered
    }
  }
}
