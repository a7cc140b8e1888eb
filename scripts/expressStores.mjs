// Loaded by mocha before express-session's published tests: their MemoryStore is a store on one of this library's providers,
// and each `new` one has sessions of its own. `npm run express-tests` says on which.
import { mkdtempSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"
import { pathToFileURL } from "node:url"

const { STORE_BACKEND: backend = "", STORE_MODULE: module = "", STORE_WORK: work = "" } = process.env
const require = createRequire(join(process.cwd(), "index.js"))

/** @type {Array<{ close: () => Promise<void> }>} */
const stores = []
/** @type {() => { close: () => Promise<void> }} */
let make

const filename = require.resolve("./session/memory")
// A function's result takes the place of the object that `new` makes.
require.cache[filename] = /** @type {any} */ ({
  id: filename,
  filename,
  loaded: true,
  exports: function MemoryStore() {
    const store = make()
    stores.push(store)
    return store
  }
})

// Not before that: it loads express-session.
const { layers, make: makeStore } = await import(pathToFileURL(module).href)
make = () => makeStore(layers[backend](mkdtempSync(join(work, "store-")), stores.length))

export const mochaHooks = { afterAll: () => Promise.all(stores.map((store) => store.close())) }
