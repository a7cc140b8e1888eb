// `npm run example`: installs the packages that the demo needs, then runs it in this same process, so that it gets the
// environment and the signals.
import { endWithNpm } from "./lifetime.mjs"
import { setup } from "./setup.mjs"

endWithNpm()
if (setup("example").length > 0) process.exit(1)
const { register } = await import("tsx/esm/api")
register()
await import(new URL("../example/main.ts", import.meta.url).href)
