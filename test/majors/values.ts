/** What the sessions hold. */
export const values = {
  name: "Zoë 😀 \u2028",
  member: true,
  since: new Date("2026-02-28T23:59:59.999Z"),
  shop: "north",
  digits: 2n ** 64n + 1n,
  bytes: Uint8Array.of(0, 1, 127, 128, 255),
  cart: [
    { item: "pen", price: 1.5 },
    { item: "", price: -0.1 }
  ],
  profile: { role: "admin", email: null, age: 41 }
} as const
