import { Markup } from './markup.ts'

/** Colours that keep apart on both grounds, also for eyes that do not tell red from green. */
const LIGHT = ['#1f6feb', '#7fb2f5', '#c2571a', '#eda06b', '#6b5bb0', '#5f8a3a', '#8a8f98', '#b58900']
const DARK = ['#58a6ff', '#2f5f9e', '#f0883e', '#9c5a2b', '#a894f0', '#8fbf62', '#8b949e', '#d8b44a']

const colours = (palette: readonly string[]): string =>
  palette.map((colour, index) => `--series-${index}: ${colour};`).join(' ')

export const SERIES_COLOURS = LIGHT.length

export const STYLE = new Markup(`
:root {
  color-scheme: light dark;
  --ground: #fbfbfa; --card: #ffffff; --text: #1c2024; --quiet: #646b73; --line: #e3e5e8; --warn: #9a4b00; --good: #2c7a3f;
  ${colours(LIGHT)}
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #101317; --card: #181c21; --text: #e6e8ea; --quiet: #98a1ab; --line: #2c3239; --warn: #f0a35a; --good: #6cc484;
    ${colours(DARK)}
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; }
main { max-width: 1200px; margin: 0 auto; padding: 40px 24px 64px; }
h1 { font-size: 26px; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 { font-size: 19px; margin: 0; }
h3 { font-size: 13px; margin: 0 0 8px; color: var(--quiet); font-weight: 600; }
p { margin: 4px 0; }
.quiet { color: var(--quiet); }
.warn { color: var(--warn); }
.good { color: var(--good); }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 20px 22px; margin-top: 20px; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 12px 24px; margin: 18px 0 0; }
.facts dt { color: var(--quiet); font-size: 12.5px; }
.facts dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 20px 32px; margin-top: 16px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 14px 0 0; padding: 0; list-style: none; font-size: 13.5px; }
.subject i { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 7px; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { fill: var(--text); font: 12px system-ui, "DejaVu Sans", sans-serif; font-variant-numeric: tabular-nums; }
svg text.quiet { fill: var(--quiet); font-size: 11px; }
svg .grid { stroke: var(--line); }
svg .whisker { stroke: var(--text); stroke-opacity: 0.55; stroke-width: 1.5; }
.scroll { overflow-x: auto; margin-top: 16px; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 5px 10px; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--quiet); font-weight: 600; font-size: 12.5px; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
th .subject { white-space: normal; display: inline-block; }
td.text, th.text { text-align: left; white-space: normal; min-width: 280px; }
tr:last-child td { border-bottom: 0; }
footer { margin-top: 28px; font-size: 13px; color: var(--quiet); }
@media (max-width: 700px) {
  main { padding: 24px 12px 48px; }
  section { padding: 16px 14px; }
  th, td { padding: 5px 7px; }
  td:first-child .subject { display: inline-block; min-width: 110px; white-space: normal; }
}
code { font: 13px ui-monospace, "DejaVu Sans Mono", monospace; }
`)
