// What each session holds, the same in all libraries: about half a kilobyte of JSON. And the cookies and headers of a browser.
export const user = {
  id: "7d1f0a52-6c39-4b8e-9e0b-3f1f6a4f2c11",
  name: "Ada Lovelace",
  email: "ada@example.org",
  roles: ["member", "editor"]
}

export const cart = [
  { sku: "tea-assam-250", title: "Assam, second flush, 250 g", quantity: 2, cents: 1290 },
  { sku: "pot-cast-iron-08", title: "Cast iron teapot, 0.8 l", quantity: 1, cents: 5900 },
  { sku: "cup-porcelain-4", title: "Four porcelain cups", quantity: 1, cents: 2450 }
]

export const token = "b0c7f3d2e1a94f6d8c5b7a6e4d3c2b1a"

/** How many browsers visit, each with a session of its own. */
export const browsers = 256

/** What Chrome sends when a person follows a link. */
export const browserHeaders = {
  "Cache-Control": "max-age=0",
  "sec-ch-ua": '"Chromium";v="130", "Google Chrome";v="130", "Not?A_Brand";v="99"',
  "sec-ch-ua-mobile": "?0",
  "sec-ch-ua-platform": '"Linux"',
  "Upgrade-Insecure-Requests": "1",
  "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
  Accept: "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8",
  "Sec-Fetch-Site": "same-origin",
  "Sec-Fetch-Mode": "navigate",
  "Sec-Fetch-User": "?1",
  "Sec-Fetch-Dest": "document",
  Referer: "http://127.0.0.1/",
  "Accept-Encoding": "gzip, deflate, br, zstd",
  "Accept-Language": "en-GB,en;q=0.9,de;q=0.8"
}

/** The cookies that a browser sends: the session's among others. */
export const cookieHeader = (sessionCookie) => `theme=dark; _ga=GA1.1.1734592013.1730981022; ${sessionCookie}`
