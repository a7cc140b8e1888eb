// The attack on a sign-in, on backends of this machine's memory and disk.
import { attacks } from "./attackCases.js"
import { onLocal } from "./backends.js"

onLocal(attacks)
