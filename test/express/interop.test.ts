// express-session 1.19 and @fastify/session 11 beside effect-session, on the same sessions: two apps and one browser.
import { suiteBeside } from "../servers/need.js"
import { redis } from "./interopBackends.js"
import { cookies } from "./interopCookies.js"
import { lifetimes } from "./interopLifetimes.js"
import { paired, pairs } from "./interopPairs.js"
import { signIn } from "./interopSignIn.js"
import { stores } from "./interopStores.js"
import { values } from "./interopValues.js"

for (const [framework, backend] of pairs) {
  suiteBeside(`${framework.name} on ${backend.name}, and an app here`, backend.needs, () => {
    const pair = paired(framework, backend)
    signIn(pair)
    lifetimes(pair)
    values(pair)
    stores(pair)
    // What a cookie is, no backend changes.
    if (backend === redis) cookies(pair)
  })
}
