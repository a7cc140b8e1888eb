/**
 * The demo, served without the lines that it logs.
 */
import * as HttpRouter from "#effect/http/HttpRouter"
import { routes } from "../../example/routes.js"

export const demoServer = HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true })
