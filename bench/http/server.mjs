// One server process: `node server.mjs <framework> <store, or none> [url of the store]`. Tells its parent the port and, when
// asked, the processor time it has used.
const [framework, store, url] = process.argv.slice(2)
// The one on Effect 4 stands among this package's modules.
const { serve } = await import(
  framework === "effect4" ? "../../effect4/bench/http.mjs" : `./${framework.split("-")[0]}.mjs`
)
const port = await serve(store === "none" ? undefined : store, url, framework)

process.on("message", () => {
  const { system, user } = process.cpuUsage()
  process.send((user + system) / 1e6)
})
process.on("disconnect", () => process.exit())
process.send({ port })
