// VitePress' own theme, with a first page that fits on one screen.
import DefaultTheme from "vitepress/theme"
import "./style.css"

export default DefaultTheme
