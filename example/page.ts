/**
 * The demo's first page.
 */
import * as Option from "#effect/Option"
import { escape, layout } from "./layout.js"
import { panel } from "./panel.js"

export interface Model {
  readonly backend: string
  readonly name: Option.Option<string>
  readonly visits: number
  readonly cart: ReadonlyArray<string>
  readonly notice: Option.Option<string>
}

const noticed = (text: string): string => `<section class="notice" role="status"><p>${escape(text)}</p></section>`

const signIn = `<form class="wrap" method="post" action="/login">
      <input name="name" aria-label="Your name" placeholder="Your name" required maxlength="80" autocomplete="name">
      <button>Sign in</button>
      <label><input type="checkbox" name="remember"> Remember me</label>
    </form>`

const signedIn = (name: string): string => `<form method="post" action="/logout">
      <p class="grow">Signed in as <strong id="name">${escape(name)}</strong></p>
      <button class="quiet">Sign out</button>
    </form>
    <p class="below"><a href="/devices">Your devices</a></p>`

const list = (cart: ReadonlyArray<string>): string =>
  cart.length === 0
    ? `<p class="soft below">Nothing in it yet.</p>`
    : `<ul id="cart">${cart.map((item) => `<li>${escape(item)}</li>`).join("")}</ul>`

export const page = ({ backend, cart, name, notice, visits }: Model): string =>
  layout(
    "effect-session",
    `<span class="soft">sessions in <span id="backend">${escape(backend)}</span></span>`,
    [
      ...Option.match(notice, { onNone: () => [], onSome: (text) => [noticed(text)] }),
      `<section aria-labelledby="who">
    <h2 id="who">Who is asking</h2>
    ${Option.match(name, { onNone: () => signIn, onSome: signedIn })}
  </section>`,
      `<section aria-labelledby="visits-title">
    <h2 id="visits-title">Visits counted</h2>
    <form method="post" action="/visits">
      <p class="grow"><span class="count" id="visits">${visits}</span></p>
      <button>Count one more</button>
    </form>
    <div class="scripted below">
      <p class="soft">Each reads the count, works for 20 ms and saves. If the last one won, most would be lost.</p>
      <p class="below"><button id="burst" type="button">Send 50 visits at once</button></p>
      <p class="below" id="counted" role="status"></p>
    </div>
  </section>`,
      `<section aria-labelledby="cart-title">
    <h2 id="cart-title">Cart</h2>
    <form method="post" action="/cart">
      <input name="item" aria-label="Item" placeholder="An item" required maxlength="80">
      <button>Add</button>
    </form>
    ${list(cart)}
  </section>`
    ],
    panel
  )
