/**
 * What a configuration must not ask for: what the other options, the format of sessions or the backend do not allow. It
 * is checked once, when a manager is made. The values of single options are the matter of `configSchema.ts`.
 */
import type { Provider } from "../Provider/Provider.js"
import { SessionError } from "../SessionError.js"
import type { SessionCodec } from "../Store/Codec.js"
import { hashLength, idLength, mostSessions, type SessionConfig } from "./configSchema.js"
import { isSigned } from "./cookieSignature.js"
import type { Keeper } from "./Keeper.js"
import type { From } from "./moving/otherLayout.js"
import { hasRoom } from "./Transport.js"

/** Says what is wrong, and what to do about it; undefined if nothing is. */
type Wrong = string | undefined

const asError = (wrong: Wrong): SessionError | undefined =>
  wrong === undefined ? undefined : new SessionError({ reason: "InvalidConfig", message: wrong })

/** Returns the error if no server can keep sessions so. */
export const checkOnServer = (config: SessionConfig, { keepsNotes }: SessionCodec): SessionError | undefined => {
  const {
    app,
    atRest,
    compress,
    cookie,
    header,
    id: { hashed },
    query
  } = config
  const isById = atRest === "id" || atRest?.keys === "id"
  const asked = atRest !== undefined ? "atRest" : compress !== undefined ? "compress" : app !== "" ? "app" : undefined
  return asError(
    isSigned(cookie) && (header !== false || query !== false)
      ? "header, query: with cookie.secrets an id counts only with its signature, which the cookie alone has; leave both out"
      : asked !== undefined && !keepsNotes
        ? `${asked}: another program reads the sessions in this format, and would not find or understand them`
        : isById && hashed === false
          ? 'atRest: "id" needs hashed ids (id.hashed): otherwise the backend has the key to every session'
          : app !== "" && hashed === false
            ? "app: needs hashed ids (id.hashed): it is part of the hashes"
            : app !== "" && hashed === "migrating"
              ? 'app: a session that was stored under its id is of no app, and id.hashed: "migrating" would take those of all apps; set app when it is over'
              : undefined
  )
}

/** Returns the error if sessions cannot move safely from another provider. */
export const checkMoving = (
  { app, cookie, id, validFrom }: SessionConfig,
  { codec: { keepsNotes }, hashed = false, provider: from }: From,
  { capabilities, marked, name }: Provider
): SessionError | undefined =>
  asError(
    keepsNotes
      ? "codec: expected another library's format; leave codec and stores out to move sessions of this library's own"
      : id.hashed !== true
        ? "id.hashed: sessions move to the hashes of their ids: leave it out, or set it to true"
        : // What somebody saw in one backend must not be looked up in the other as if it were an id.
          !isSigned(cookie) && idLength(id) === hashLength
          ? `id: expected the form of the ids that move, such as { bytes: 16, encoding: "hex" }, and none that can be taken for hashes, which have ${hashLength} characters; with cookie.secrets ids have any form`
          : validFrom !== undefined
            ? "validFrom: the format of the old sessions does not say when they began; set it when the move is over"
            : marked === undefined
              ? unmarked(name)
              : hashed && (app !== "" || capabilities.inheritedIdChars !== from.capabilities.inheritedIdChars)
                ? `hashed, app: both places must have the same hashes of ids; leave app out, and let ${name} be of the kind of ${from.name}`
                : // A part of each id after its prefix, which an ExpressStore does not have.
                  hashed && id.prefix !== "" && capabilities.inheritedIdChars > 0
                  ? "hashed, id.prefix: in a cluster both places would have different hashes of ids; leave id.prefix out"
                  : undefined
  )

const unmarked = (name: string) =>
  `to: ${name} keeps no marks of sessions that have ended, so that those could come back while sessions move`

/** Returns the error if sessions of this library's own layout cannot move safely from another provider. */
export const checkMovingOwn = (
  { id }: SessionConfig,
  from: Provider,
  { capabilities, marked, name, principals }: Provider
): SessionError | undefined =>
  asError(
    id.hashed === "migrating"
      ? 'id.hashed: "migrating" is a move of its own: finish one before you begin the other'
      : capabilities.inheritedIdChars !== from.capabilities.inheritedIdChars
        ? `to: ${name} and ${from.name} name sessions differently (a cluster needs a part of each id), and the name of a session does not tell its id; move between backends of one kind`
        : marked === undefined
          ? unmarked(name)
          : principals === undefined && from.principals !== undefined
            ? `to: ${name} keeps no lists of people's sessions, and those of ${from.name} would be lost`
            : undefined
  )

/** Returns the error if no client can hold sessions so. */
export const checkOnClient = (config: SessionConfig, { keepsNotes }: SessionCodec): SessionError | undefined => {
  const { app, atRest, compress, cookie, header, query } = config
  return asError(
    cookie === false || header !== false || query !== false
      ? "header, query: sessions that clients hold travel only in cookies; leave both out, and cookie on"
      : isSigned(cookie)
        ? "cookie.secrets: clients hold the sessions, and they are sealed already"
        : !hasRoom(cookie)
          ? "cookie: its name, domain and path leave too little room for a session in it"
          : atRest !== undefined
            ? "atRest: clients hold the sessions, and they are sealed already"
            : compress !== undefined
              ? "compress: clients hold the sessions; sealed cookies have an option compress of their own"
              : app !== "" && !keepsNotes
                ? "app: another program reads the sessions in this format, and would not understand them"
                : undefined
  )
}

/** Returns the error if a keeper cannot do, with sessions in this format, what is asked for. */
export const checkKeeper = (
  config: SessionConfig,
  { keepsNotes }: SessionCodec,
  keeper: Keeper
): SessionError | undefined =>
  asError(checkFormat(config, keepsNotes) ?? checkLimit(config, keeper) ?? checkDeviceBound(config, keepsNotes, keeper))

/** Some formats do not tell what the configuration asks for. */
const checkFormat = ({ id: { renewEvery }, validFrom }: SessionConfig, keepsNotes: boolean): Wrong =>
  keepsNotes || (validFrom === undefined && renewEvery === undefined)
    ? undefined
    : `${validFrom === undefined ? "id.renewEvery" : "validFrom"}: the format in which sessions are stored does not say when a session began or got its id`

/** How many sessions a person has can only be limited where they are counted. */
const checkLimit = (
  { principals: { bestEffort, max, whenExceeded } }: SessionConfig,
  { evicts, name, principals }: Keeper
): Wrong =>
  max === mostSessions && whenExceeded === "end-oldest"
    ? undefined
    : principals === undefined
      ? `principals: ${name} keeps no lists of people's sessions, so that it cannot limit their number`
      : evicts && !bestEffort
        ? `principals: ${name} may lose the lists of people's sessions, and then some would not count; if that is good enough, set principals.bestEffort`
        : undefined

/** Sessions are bound to devices only by browsers, and where a server remembers which proofs were used. */
const checkDeviceBound = (
  { cookie, deviceBound }: SessionConfig,
  keepsNotes: boolean,
  { name, needsResponse, principals }: Keeper
): Wrong =>
  deviceBound === undefined
    ? undefined
    : needsResponse
      ? `deviceBound: ${name}: clients hold the sessions, so that nothing on a server can remember which proofs were used`
      : !keepsNotes || principals === undefined
        ? `deviceBound: ${name}: nobody can sign in to sessions in this format, and others are not bound`
        : cookie === false
          ? "cookie: sessions that are bound to a device need it"
          : !cookie.secure
            ? "cookie.secure: browsers bind sessions only over https"
            : !cookie.sent
              ? "cookie.sent: the app that sets the session's cookie sets the bound one too"
              : cookie.domain !== undefined
                ? "cookie.domain: browsers renew the proof of a bound session for one host alone; leave it out"
                : !`${deviceBound.path}/`.startsWith(cookie.path.endsWith("/") ? cookie.path : `${cookie.path}/`)
                  ? `deviceBound.path: browsers send the session's cookie only to ${cookie.path} and below`
                  : undefined
