/**
 * A real browser that binds sessions to its device, with keys in software, and servers that it reaches over https.
 */
import { createHash, X509Certificate } from "node:crypto"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type BrowserContext, chromium, type Page } from "playwright-core"
import * as Effect from "#effect/Effect"
import type * as Scope from "#effect/Scope"
import { findProgram } from "../../scripts/programs.mjs"
import { acquire, runToEnd } from "../servers/Process.js"

export interface Certificate {
  readonly key: Buffer
  readonly cert: Buffer
  /** The hash of its key, by which the browser trusts it. */
  readonly spki: string
}

/** A certificate, which the browser trusts for every host. */
export const certificate: Effect.Effect<Certificate, never, Scope.Scope> = acquire(
  "certificate",
  async ({ folder }) => {
    const [keyFile, certFile] = [join(folder, "key.pem"), join(folder, "cert.pem")]
    await runToEnd("openssl", [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"],
      ...["-subj", "/CN=example.test", "-addext", "subjectAltName=DNS:*.test", "-keyout", keyFile],
      ...["-out", certFile]
    ])
    const cert = readFileSync(certFile)
    const publicKey = new X509Certificate(cert).publicKey.export({ type: "spki", format: "der" })
    return { key: readFileSync(keyFile), cert, spki: createHash("sha256").update(publicKey).digest("base64") }
  }
)

/** A browser with a profile of its own; it knows of bound sessions if `binds` is true. */
export const browserWith = (
  { spki }: Certificate,
  { binds }: { readonly binds: boolean }
): Effect.Effect<BrowserContext, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const profile = mkdtempSync(join(tmpdir(), "effect-session-profile-"))
      // Not the old headless shell, which does not know of bound sessions.
      const context = await chromium.launchPersistentContext(profile, {
        executablePath: findProgram("chromium")!,
        headless: false,
        args: [
          ...["--headless=new", "--no-sandbox", "--disable-gpu", `--ignore-certificate-errors-spki-list=${spki}`],
          "--host-resolver-rules=MAP *.test 127.0.0.1",
          // The browser would sign six times in nine minutes at most, for sites whose proofs count for longer.
          ...(binds
            ? [
                "--enable-features=DeviceBoundSessions:RefreshQuota/false,EnableBoundSessionCredentialsSoftwareKeysForManualTesting"
              ]
            : [])
        ]
      })
      return { context, profile }
    }),
    ({ context, profile }) =>
      Effect.promise(async () => {
        await context.close()
        rmSync(profile, { recursive: true, force: true, maxRetries: 3 })
      })
  ).pipe(Effect.map(({ context }) => context))

/** Collects what the browser says of bound sessions, for the messages of tests that fail. */
export const watched = async (page: Page): Promise<ReadonlyArray<string>> => {
  const said: Array<string> = []
  const devtools = await page.context().newCDPSession(page)
  devtools.on("Network.deviceBoundSessionEventOccurred" as never, (event: Readonly<Record<string, any>>) => {
    const { challengeEventDetails, creationEventDetails, refreshEventDetails, terminationEventDetails } = event
    said.push(
      JSON.stringify({
        ...creationEventDetails,
        ...refreshEventDetails,
        ...challengeEventDetails,
        ...terminationEventDetails
      })
    )
  })
  await devtools.send("Network.enable")
  await devtools.send("Network.enableDeviceBoundSessions" as never, { enable: true } as never)
  return said
}
