// What is lost, and what comes back, when an app on express writes to the sessions that an app here writes to. See ../README.md.
import { parseArgs } from "node:util"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { progress, report } from "../lib/report.mjs"
import { providerOf } from "../lib/sql.mjs"
import { startApp } from "./client.mjs"
import { maxAge, pathOf, places, settings } from "./places.mjs"

const { positionals, values: options } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "3" }, trials: { type: "string", default: "10" } }
})
const chosen = positionals.length > 0 ? positionals : Object.keys(places)
const rounds = Number(options.rounds)
const trials = Number(options.trials)

const shuffled = (items) => {
  const from = [...items]
  return items.map(() => from.splice(Math.floor(Math.random() * from.length), 1)[0])
}

const login = async ({ ours }) => (await ours.ask("/login")).cookie

const atOnce = 16
/** How many visits are noted in one session: `here` and `there` are counted, `reads` are express requests that only read. */
const counted = async (apps, setting, { here, reads, there }) => {
  const cookie = await login(apps)
  const path = pathOf(setting)
  const requests = shuffled([
    ...Array.from({ length: here }, () => () => apps.ours.ask("/visit", cookie)),
    ...Array.from({ length: there }, () => () => apps.theirs.ask(`${path}/visit`, cookie)),
    ...Array.from({ length: reads }, () => () => apps.theirs.ask(`${path}/read`, cookie))
  ])
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let request = requests.pop(); request; request = requests.pop()) await request()
    })
  )
  const { body: user } = await apps.ours.ask("/keys", cookie)
  if (!user.includes("user")) throw new Error("another field was lost")
  return Number((await apps.ours.ask("/visits", cookie)).body)
}

const workloads = {
  "visits here": { here: 300, there: 0, reads: 300 },
  "visits on both": { here: 200, there: 100, reads: 300 },
  "visits on express": { here: 0, there: 300, reads: 300 }
}

/**
 * Something is done on one app while a request of the other one is under way: what that one finds in the session later, by its old
 * cookie, and whether the late response sends the old cookie again.
 */
const during = async (apps, { act, late }) => {
  const cookie = await login(apps)
  const finish = await late(cookie)
  await act(cookie)
  const answer = await finish()
  const keys = JSON.parse((await apps.ours.ask("/keys", cookie)).body)
  return { keys, sent: answer.cookie === cookie }
}

const isBack = ({ keys }) => keys.includes("user")
const lacks = (key) => (result) => !result.keys.includes(key)

const races = (apps, setting) => {
  const path = pathOf(setting)
  const late = {
    read: (cookie) => apps.theirs.hold(`${path}/read`, cookie),
    write: (cookie) => apps.theirs.hold(`${path}/write?key=there`, cookie)
  }
  const here = (route) => (cookie) => apps.ours.ask(route, cookie)
  const there = (route) => (cookie) => apps.theirs.ask(`${path}${route}`, cookie)
  const ours = (cookie) => apps.ours.hold("/write?key=here", cookie)
  return {
    "express reads, change here": { act: here("/write?key=here"), late: late.read, bad: lacks("here") },
    "express writes, change here": { act: here("/write?key=here"), late: late.write, bad: lacks("here") },
    "express reads, end here": { act: here("/destroy"), late: late.read, bad: isBack },
    "express writes, end here": { act: here("/destroy"), late: late.write, bad: isBack },
    "express reads, new id here": { act: here("/regenerate"), late: late.read, bad: isBack },
    "express writes, new id here": { act: here("/regenerate"), late: late.write, bad: isBack },
    "express reads, new id here: cookie": { act: here("/regenerate"), late: late.read, bad: ({ sent }) => sent },
    "express writes, new id here: cookie": { act: here("/regenerate"), late: late.write, bad: ({ sent }) => sent },
    "here writes, change on express": { act: there("/write?key=there"), late: ours, bad: lacks("there") },
    "here writes, end on express": { act: there("/destroy"), late: ours, bad: isBack },
    "here writes, new id on express": { act: there("/regenerate"), late: ours, bad: isBack }
  }
}

/** What an express request does that changes nothing. */
const onlyReading = async ({ ours, provider, theirs }, setting) => {
  const { cookie } = await ours.ask("/login")
  const id = /s%3A(.*)\./.exec(cookie)[1]
  const record = () => Effect.runPromise(Effect.map(provider.read(id), Option.getOrThrow))
  await Effect.runPromise(provider.touch(id, maxAge / 2))
  const before = await record()
  const answer = await theirs.ask(`${pathOf(setting)}/read`, cookie)
  const after = await record()
  const stranger = await theirs.ask(`${pathOf(setting)}/read`)
  return {
    "stores the record": after.revision !== before.revision,
    "renews the lifetime": after.expiresAt - before.expiresAt > maxAge / 4,
    "sends the cookie": answer.cookie === cookie,
    "begins a session for a stranger": stranger.cookie !== undefined
  }
}

const measureOn = async (name, url, provider) => {
  const apps = { provider, ours: await startApp("effect", name, url), theirs: await startApp("express", name, url) }
  const figures = []
  for (const setting of settings) {
    progress(`${name}: ${JSON.stringify(setting)}`)
    const figure = { place: name, store: places[name].store, ...setting, visits: {}, races: {} }
    figure.reading = await onlyReading(apps, setting)
    for (const [race, { bad, ...steps }] of Object.entries(races(apps, setting))) {
      figure.races[race] = 0
      for (let trial = 0; trial < trials; trial++) {
        if (bad(await during(apps, steps))) figure.races[race]++
      }
    }
    for (const [workload, counts] of Object.entries(workloads)) {
      figure.visits[workload] = []
      for (let round = 0; round < rounds; round++) figure.visits[workload].push(await counted(apps, setting, counts))
    }
    figures.push(figure)
  }
  apps.ours.stop()
  apps.theirs.stop()
  return figures
}

const measure = async (name) => {
  const { stop, url } = await places[name].start()
  const figures = await Effect.runPromise(
    Effect.scoped(
      Effect.flatMap(providerOf(places[name].ours(url)), (provider) =>
        Effect.promise(() => measureOn(name, url, provider))
      )
    )
  )
  stop()
  return figures
}

const figures = []
for (const name of chosen) figures.push(...(await measure(name)))
progress("")

const yes = (is) => (is ? "yes" : "no")
const range = (counts) => {
  const [least, most] = [Math.min(...counts), Math.max(...counts)]
  return least === most ? `${least}` : `${least} to ${most}`
}
const table = (of, cell) => ({
  head: ["", "resave", "rolling", "saveUninitialized", ...Object.keys(figures[0][of])],
  rows: figures.map((figure) => [
    figure.store,
    ...[figure.resave, figure.rolling, figure.saveUninitialized].map(String),
    ...Object.values(figure[of]).map(cell)
  ])
})

report({
  name: ["expressRaces", ...positionals].join("-"),
  title: "An app on express-session beside one here, on one session",
  command: ["npm run bench -- expressRaces", ...process.argv.slice(2)].join(" "),
  versions: ["express", "express-session", "connect-redis", "connect-pg-simple", "express-mysql-session"],
  about: [
    `Visits: of 300 counted ones, how many are in the session at the end, beside 300 requests to express that only read it, ${atOnce} requests at once; the least and the most of ${rounds} rounds. On both: 200 here, 100 on express.`,
    `Races, of ${trials} each: a request of one app has read the session and is held while something is done on the other; then it goes on. Bad is: a change that is lost, a session that is there again under its old id after it was ended or got a new id, and (cookie) a late response that gives the browser its old cookie again.`,
    "Reading: what a request to express does that changes nothing."
  ],
  tables: [table("visits", range), table("races", (bad) => `${bad}/${trials}`), table("reading", yes)],
  figures
})
process.exit()
