// The order of the pages, by task.
import { existsSync } from "node:fs"
import { join } from "node:path"
import type { DefaultTheme } from "vitepress"
import { root } from "./pages.mjs"

const page = (text: string, name: string): DefaultTheme.SidebarItem => ({ text, link: `/${name}` })

/** A page that is there once its file is. */
const pageIfThere = (text: string, name: string) =>
  existsSync(join(root, "docs", `${name}.md`)) ? [page(text, name)] : []

const guide: ReadonlyArray<DefaultTheme.SidebarItem> = [
  {
    text: "Start",
    items: [
      page("Getting started", "getting-started"),
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
      page("Recipes", "recipes"),
      page("Testing", "testing")
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
      page("Write a provider", "writing-a-provider")
    ]
  },
  {
    text: "Operate",
    items: [
      ...pageIfThere("Command line", "cli"),
      ...pageIfThere("Operations", "operations"),
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
      page("Differences from beego", "beego-differences"),
      page("Moving sessions", "moving")
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
  "sql"
].concat("sqlite", "ssdb")

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
  { text: "Guide", link: "/getting-started", activeMatch: "^/(?!reference|benchmarks)." },
  { text: "Recipes", link: "/recipes" },
  { text: "Reference", link: "/reference/", activeMatch: "^/reference/" }
]
