export { app } from "../../example/routes.js"
