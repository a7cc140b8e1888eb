// `npm run example`: installs what the demo needs, then runs it in this very process, which so has its environment and its signals.
import { endWithNpm } from "./lifetime.mjs"
import { setup } from "./setup.mjs"

endWithNpm()
if (setup("example").length > 0) process.exit(1)
const { register } = await import("tsx/esm/api")
register()
await import(new URL("../example/main.ts", import.meta.url).href)
