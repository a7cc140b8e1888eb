// `npm run soak -- redis 15`: visitors of an app on a backend for so many minutes (by default 5), while it and the
// backend are restarted, paused, killed, filled up. Several backends are separated by commas; without one, on all of
// them. Installs what it needs, and prints what befell them and what was found. Fails if anything that was acknowledged
// is lost.
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { root } from "./programs.mjs"

const all = "memory,file,sqlite,redis,postgres,mysql,memcached"
const [backends = all, minutes = "5", ...options] = process.argv.slice(2)
const unknown = backends.split(",").filter((name) => !all.split(",").includes(name))
if (unknown.length > 0 || !(Number(minutes) > 0)) {
  console.error(`npm run soak -- <backends> <minutes>: the backends are ${all}`)
  process.exit(1)
}
const { status } = spawnSync(
  process.execPath,
  [join(root, "scripts", "test.mjs"), "--effect=3", "test/soak", ...options],
  { cwd: root, stdio: "inherit", env: { ...process.env, SOAK_ON: backends, SOAK_MINUTES: minutes } }
)
process.exit(status ?? 1)
