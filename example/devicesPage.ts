/**
 * The demo's page "Your devices".
 */
import { escape, subpage } from "./layout.js"

export interface Device {
  readonly ref: string
  readonly agent: string
  /** Times are in milliseconds since the epoch. */
  readonly started: number
  readonly lastSeen: number
  readonly isCurrent: boolean
}

const units = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000]
] as const

const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" })

/** A time in words, with the exact one for a pointer that rests on it. */
const ago = (time: number, now: number): string => {
  const unit = units.find(([, length]) => now - time >= length)
  const text = unit === undefined ? "just now" : words.format(-Math.floor((now - time) / unit[1]), unit[0])
  const exact = new Date(time).toISOString()
  return `<time datetime="${exact}" title="${exact}">${text}</time>`
}

const row =
  (now: number) =>
  ({ agent, isCurrent, lastSeen, ref, started }: Device): string =>
    `<li>
        <div class="grow">
          <p><strong>${escape(agent)}</strong>${isCurrent ? ` <span class="here">This device</span>` : ""}</p>
          <p class="soft">Signed in ${ago(started, now)}<br>Last seen ${ago(lastSeen, now)}</p>
        </div>
        <form method="post" action="/devices/end">
          <input type="hidden" name="ref" value="${escape(ref)}">
          <button class="quiet" aria-label="Sign out ${escape(agent)}">Sign out</button>
        </form>
      </li>`

const endOthers = `<form class="wrap" method="post" action="/devices/end-others">
      <p class="grow soft">An open page there notices it at once.</p>
      <button>Sign out all others</button>
    </form>`

export const devicesPage = (name: string, devices: ReadonlyArray<Device>, now: number): string =>
  subpage("Your devices", [
    `<section aria-labelledby="devices-title">
    <h2 id="devices-title">Where ${escape(name)} is signed in</h2>
    <ul class="devices">${devices.map(row(now)).join("")}</ul>
  </section>`,
    ...(devices.length > 1 ? [`<section>${endOthers}</section>`] : [])
  ])
