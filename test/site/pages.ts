/**
 * The pages of a built site: what they link to, and a server of them.
 */
import { readdirSync, readFileSync } from "node:fs"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { extname, join } from "node:path"

/** A page's links, and the anchors that others can link to. */
export interface SitePage {
  readonly links: ReadonlyArray<string>
  readonly anchors: ReadonlySet<string>
}

const decoded = (attribute: string) =>
  attribute.replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => entities[name]!)
const entities: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" }

/** The pages of a folder by their address, such as `/providers/redis.html`. */
export const pagesOf = (folder: string): ReadonlyMap<string, SitePage> => {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".html"))
  return new Map(
    names.map((name) => {
      const html = readFileSync(join(folder, name), "utf8")
      const values = (attribute: RegExp) => [...html.matchAll(attribute)].map(([, value]) => decoded(value!))
      return [`/${name}`, { links: values(/ (?:href|src)="([^"]*)"/g), anchors: new Set(values(/ id="([^"]*)"/g)) }]
    })
  )
}

/** The address and the anchor that a link of a page leads to, or undefined if it leaves the site. */
export const targetOf = (page: string, link: string) => {
  const home = "http://site"
  const { hash, origin, pathname } = new URL(link, home + page)
  if (origin !== home) return undefined
  const address = decodeURI(pathname)
  return {
    address: address.endsWith("/") ? `${address}index.html` : address,
    anchor: decodeURIComponent(hash.slice(1))
  }
}

const types: Record<string, string> = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".png": "image/png",
  ".woff2": "font/woff2"
}

/** Serves a folder on a free port of loopback, as any static host does. */
export const serveFolder = (folder: string): Promise<{ readonly server: Server; readonly url: string }> =>
  new Promise((resolve) => {
    const server = createServer((request, response) => {
      const target = targetOf("/", request.url!)!
      try {
        const body = readFileSync(join(folder, target.address))
        response.writeHead(200, { "content-type": types[extname(target.address)] ?? "application/octet-stream" })
        response.end(body)
      } catch {
        response.writeHead(404).end()
      }
    })
    server.listen(0, "127.0.0.1", () =>
      resolve({ server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
    )
  })
