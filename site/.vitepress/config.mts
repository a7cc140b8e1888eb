// The documentation site: the pages of docs, and the reference that TypeDoc made. `npm run docs` builds it.
import type { Plugin } from "vite"
import { type DefaultTheme, defineConfig } from "vitepress"
import { manifests } from "../../scripts/pack.mjs"
import { addressOf, anchorOf, linkPages, noPages, root, shortenSince, tabMajors } from "./pages.mjs"
import { nav, sidebar } from "./sidebar.mjs"

const repository = manifests[0].repository?.url.replace(/^git\+|\.git$/g, "")

/** Pages are compiled for the server to modules that import Vue, which their own folders do not have. */
const vueOfSite: Plugin = {
  name: "vue-of-site",
  enforce: "pre",
  resolveId: (id, _from, { ssr }) => (ssr && /^vue(\/|$)/.test(id) ? { id, external: true } : undefined)
}

/** What search indexes of a page: to highlight its programs once more would take seconds. */
const withoutColours: DefaultTheme.LocalSearchOptions["_render"] = (source, env, md) => {
  const { highlight } = md.options
  md.options.highlight = null
  const html = md.render(source, env)
  md.options.highlight = highlight
  return html
}

export default defineConfig({
  title: "effect-session",
  description: "HTTP sessions for Effect",
  lang: "en",
  srcDir: root,
  srcExclude: noPages,
  rewrites: addressOf,
  // The index of the search has 700 kB, and is loaded with the first search.
  vite: { plugins: [vueOfSite], build: { chunkSizeWarningLimit: 1_000 } },
  head: [
    ["link", { rel: "icon", href: "data:," }],
    // Without JavaScript no tab can be chosen: all are shown.
    ["noscript", {}, "<style>.vp-code-group div[class*='language-'] { display: block !important }</style>"]
  ],
  markdown: {
    anchor: { slugify: anchorOf },
    config: (md) => {
      linkPages(md)
      shortenSince(md)
      tabMajors(md)
    }
  },
  themeConfig: {
    nav,
    sidebar,
    outline: [2, 3],
    search: { provider: "local", options: { _render: withoutColours } },
    ...(repository === undefined ? {} : { socialLinks: [{ icon: "github", link: repository }] })
  }
})
