// VitePress' own theme, with a first page that fits on one screen, and room for programs.
import DefaultTheme from "vitepress/theme"
import "./style.css"

export default DefaultTheme
