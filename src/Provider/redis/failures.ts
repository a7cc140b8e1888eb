/**
 * What may be told of an error of ioredis, or of a server that it is connected to: a code, and what to do. The rest of a
 * server's error may name keys.
 */
import { codeOf } from "../../internal/codeOf.js"
import { checkBackend, Failure } from "../../internal/failure.js"

/** What to do about a server's errors, by their codes. */
const advice: Readonly<Record<string, string>> = {
  READONLY: "the server is a replica: connect to its master, or make it a master with REPLICAOF NO ONE",
  MASTERDOWN: "the server is a replica without its master: connect to the master",
  WRONGPASS: "check the user and the password",
  NOAUTH: "the server wants a password: put it into the URL",
  DENIED: "the server is in protected mode: give it a password, or an address to listen on",
  OOM: "the server's memory is full: raise its maxmemory, or remove data",
  MISCONF: "the server cannot write to its disk, and refuses changes: see its log and its stop-writes-on-bgsave-error",
  NOREPLICAS: "fewer replicas are connected than the server's min-replicas-to-write",
  LOADING: "the server is loading its data: wait until it has",
  BUSY: "a script keeps the server busy: end it with SCRIPT KILL",
  CLUSTERDOWN: "the cluster has no node for a part of its slots: see CLUSTER INFO",
  TRYAGAIN: "a slot is moving to another node: try again",
  MOVED: "the server is a node of a cluster: use redisCluster",
  ASK: "the server is a node of a cluster: use redisCluster",
  CROSSSLOT: "the server is a node of a cluster: use redisCluster",
  WRONGTYPE: "another program keeps something else at a session's key: choose another prefix"
}

/** Errors that Redis gives no code of their own. */
const uncoded: ReadonlyArray<readonly [form: RegExp, words: string, advice: string]> = [
  [/cluster support disabled/, "the server is not in a cluster", "use redis"],
  [/No such master/, "the sentinels know no master of this name", "check masterName"],
  [/^ERR invalid password/, "WRONGPASS", "check the user and the password"],
  [/max number of clients/, "too many clients", "raise the server's maxclients"],
  [
    /invalid DB index|DB index is out of range/i,
    "the server has no database of this number",
    "use a lower one, or raise the server's databases"
  ],
  [/SELECT is not allowed in cluster/i, "a cluster has no database but 0", "leave the number out of the URL"],
  [/unknown command/i, "the server lacks a command that sessions need", "see docs/providers/redis.md"]
]

/** A right that a user lacks, as Redis or one of its scripts says it: of some keys, or of a command, which is named. */
const ofRights = (message: string): Failure => {
  const [, command] = /'([a-z|]{2,30})' command/.exec(message) ?? []
  return /access (a|one of the|at least one of the) key/.test(message)
    ? new Failure(
        "NOPERM, for its keys",
        "give the user the keys of sessions, marks and people with ACL SETUSER, as docs/providers/redis.md has it"
      )
    : new Failure(
        command === undefined ? "NOPERM" : `NOPERM, for ${command.toUpperCase()}`,
        command === undefined
          ? "give the user all commands that docs/providers/redis.md lists, with ACL SETUSER"
          : `give the user +${command} with ACL SETUSER; docs/providers/redis.md has all that are needed`
      )
}

/** The code of a server's error. Redis before 7 wraps errors within scripts: `ERR Error running script ...: -OOM ...`. */
export const replyCode = (message: string): string | undefined =>
  /^ERR Error running script.*?: -?([A-Z]{3,})\b/s.exec(message)?.[1] ??
  /^(?:Ready check failed: )?-?([A-Z]{3,})\b/.exec(message)?.[1]

/** Whether a server refuses writes that another one takes: another has its name, or the sentinels know another. */
export const isDemoted = (message: string): boolean => /^(READONLY|MASTERDOWN)$/.test(replyCode(message) ?? "")

const ofReply = (code: string, message: string): Failure => {
  if (code === "NOPERM" || /^ERR .*(can't (run|access)|ACL failure)/s.test(message)) {
    return ofRights(message)
  }
  const known = code === "ERR" ? uncoded.find(([form]) => form.test(message)) : undefined
  return known === undefined ? new Failure(code, advice[code]) : new Failure(known[1], known[2])
}

/** Whether a server answered, with an error. */
export const isReply = (cause: unknown): boolean => cause instanceof Error && cause.name === "ReplyError"

/** Whether a reply is overdue. */
export const isSilence = (cause: unknown): boolean =>
  cause instanceof Error && /^(Socket timeout|Command timed out)/.test(cause.message)

/** The failure that may be passed on. */
export const failureOf = (cause: unknown): Failure => {
  if (cause instanceof Failure) {
    return cause
  }
  if (cause instanceof Error) {
    const code = replyCode(cause.message)
    if (code !== undefined) {
      return ofReply(code, cause.message)
    }
    if ("lastNodeError" in cause && cause.lastNodeError !== null) {
      return failureOf(cause.lastNodeError)
    }
    // A cluster's command that was sent again and again.
    const [, repeated] = /Last error: \w*Error: (.*)$/s.exec(cause.message) ?? []
    if (repeated !== undefined) {
      return failureOf(new Error(repeated))
    }
    // In ioredis 5, and in 6.
    if (/^(Protocol error|Unknown RESP type)/.test(cause.message)) {
      return new Failure("not an answer of Redis'", "check the host and the port in the URL")
    }
    if (isSilence(cause)) {
      return new Failure("no reply in time", checkBackend)
    }
  }
  const code = codeOf(cause) ?? "no connection"
  return new Failure(
    code,
    /CERT|SSL|TLS|UNABLE_TO/.test(code)
      ? "check that the server speaks TLS, which rediss:// says, and the certificates in options.tls"
      : checkBackend
  )
}

const noSentinel = "check that the sentinels are up and reachable, and whether they speak TLS (sentinelTls)"

/** Whether a sentinel said why it names no master. */
export const isAnswer = ({ advice }: Failure): boolean => advice !== noSentinel

/** What a sentinel that names no master says: ioredis puts that at the end of a sentence of its own. */
export const sentinelFailureOf = ({ message }: Error): Failure => {
  const [, reason = "ERR No such master"] = / because (.*)$/s.exec(message) ?? []
  const code = replyCode(reason)
  if (code === "NOAUTH" || code === "WRONGPASS" || code === "NOPERM") {
    return new Failure(
      `${code}, by a sentinel`,
      "check sentinelUsername and sentinelPassword: the sentinels' own, which are not those of the URL"
    )
  }
  return code === undefined
    ? new Failure(/\bE[A-Z]{4,}\b/.exec(reason)?.[0] ?? "no sentinel answers", noSentinel)
    : ofReply(code, reason)
}
