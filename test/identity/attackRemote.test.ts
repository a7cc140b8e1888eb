// The attack on a sign-in, on backends that are servers.
import { attacks } from "./attackCases.js"
import { onRemote } from "./backends.js"

onRemote(attacks)
