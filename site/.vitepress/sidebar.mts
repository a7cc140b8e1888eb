// The order of the pages, by task.
import type { DefaultTheme } from "vitepress"

const page = (text: string, name: string): DefaultTheme.SidebarItem => ({ text, link: `/${name}` })

const guide: ReadonlyArray<DefaultTheme.SidebarItem> = [
  {
    text: "Start",
    items: [
      page("Getting started", "getting-started"),
      page("What a browser sees", "what-a-browser-sees"),
      page("The demo", "demo"),
      page("Effect 4 and Effect 3", "effect-4"),
      page("Glossary", "glossary")
    ]
  },
  {
    text: "Build",
    items: [
      page("Who is signed in", "people"),
      page("Stores", "stores"),
      page("HTTP", "http"),
      page("Configuration", "configuration"),
      page("Testing", "testing")
    ]
  },
  {
    text: "Recipes",
    link: "/recipes/",
    collapsed: true,
    items: [
      page("Require a sign-in", "recipes/require-a-sign-in"),
      page("Keep people signed in", "recipes/keep-people-signed-in"),
      page("Message after a redirect", "recipes/message-after-a-redirect"),
      page("CSRF tokens", "recipes/csrf"),
      page("Jobs and sockets", "recipes/jobs-and-sockets"),
      page("Two managers", "recipes/two-managers"),
      page("Order middleware", "recipes/order-middleware"),
      page("Test without HTTP", "recipes/test-without-http"),
      page("Behind a proxy", "recipes/behind-a-proxy"),
      page("A CDN in front", "recipes/cdn"),
      page("Front end on another origin", "recipes/another-origin"),
      page("Limit new sessions", "recipes/limit-new-sessions"),
      page("Readiness", "recipes/readiness"),
      page("Graceful shutdown", "recipes/graceful-shutdown")
    ]
  },
  {
    text: "Choose a backend",
    items: [
      page("Providers compared", "providers/"),
      page("Files", "providers/file"),
      page("Sealed cookies", "providers/cookie"),
      page("Redis", "providers/redis"),
      page("PostgreSQL, MySQL, SQLite", "providers/sql"),
      page("memcached", "providers/memcached"),
      page("Couchbase", "providers/couchbase"),
      page("LedisDB", "providers/ledis"),
      page("SSDB", "providers/ssdb"),
      page("Write a provider", "writing-a-provider"),
      page("How providers work", "providers/internals")
    ]
  },
  {
    text: "Operate",
    items: [
      page("Command line", "cli"),
      page("Moving sessions", "moving"),
      page("Security", "security"),
      page("Device-bound sessions", "device-bound"),
      page("Threat model", "threat-model"),
      page("Report a hole", "reporting")
    ]
  },
  {
    text: "Share sessions with other apps",
    items: [
      page("Beside express and fastify", "express"),
      page("A store for express and fastify", "express-store"),
      page("Beside beego", "beego"),
      page("Differences from beego", "beego-differences")
    ]
  },
  {
    text: "Look up",
    items: [
      page("API reference", "reference/"),
      page("The stored format", "format"),
      page("Benchmarks", "benchmarks/"),
      page("Changes", "changes"),
      page("Contributing", "contributing")
    ]
  }
]

const namespaces = ["Layer", "Store", "Http", "Manager", "Config", "Provider", "Codec"].map((name) => `Session${name}`)
const backends = [
  "cookie",
  "couchbase",
  "file",
  "ledis",
  "memcached",
  "memory",
  "mysql",
  "postgres",
  "redis",
  "sql",
  "sqlite",
  "ssdb"
]

const reference: ReadonlyArray<DefaultTheme.SidebarItem> = [
  {
    text: "effect-session",
    items: [
      page("SessionError", "reference/effect-session"),
      ...namespaces.map((name) => page(name, name === "SessionHttp" ? `reference/${name}/` : `reference/${name}`)),
      page("SessionHttp.csrf", "reference/SessionHttp/csrf")
    ]
  },
  { text: "Backends", items: backends.map((name) => page(`effect-session/${name}`, `reference/${name}`)) },
  {
    text: "Other apps",
    items: [
      page("effect-session/beego", "reference/beego/"),
      page("Beego.Gob", "reference/beego/Gob"),
      page("effect-session/express", "reference/express"),
      page("effect-session/express-store", "reference/express-store")
    ]
  },
  {
    text: "Tests",
    items: [page("effect-session/testing", "reference/testing/"), page("Conformance", "reference/testing/Conformance")]
  }
]

export const sidebar: DefaultTheme.Sidebar = { "/": [...guide], "/reference/": [...reference] }

export const nav: DefaultTheme.NavItem[] = [
  { text: "Guide", link: "/getting-started", activeMatch: "^/(?!reference|recipes)." },
  { text: "Recipes", link: "/recipes/", activeMatch: "^/recipes/" },
  { text: "Reference", link: "/reference/", activeMatch: "^/reference/" }
]
