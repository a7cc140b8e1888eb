// An app that counts visits.
import { SessionHttp } from "effect-session"
import * as Effect from "#effect/Effect"
import * as HttpServerResponse from "#effect/http/HttpServerResponse"
import * as HttpRouter from "#test/HttpRouter"
import { AppSession } from "./http.js"

const visit = Effect.flatMap(AppSession, (session) => session.update("visits", (n) => n + 1))

export const counting = HttpRouter.empty.pipe(
  HttpRouter.get(
    "/",
    Effect.map(visit, (visits) => HttpServerResponse.text(`${visits}`))
  ),
  HttpRouter.use(SessionHttp.middleware(AppSession))
)
