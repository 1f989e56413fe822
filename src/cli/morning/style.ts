/** The look of the page: light and dark as its reader's system is, for a desk, a phone and paper. */
export const PAGE_STYLE = `
:root { color-scheme: light dark; --ground: #fff; --card: #f5f6f8; --line: #d5d8dc; --dim: #57606a; --bad: #a8321f; --good: #1f6f3a; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171b; --card: #1d2127; --line: #3a4048; --dim: #a3adb8; --bad: #ff9d8a; --good: #7fd69a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; background: var(--ground); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0.5rem 0 0; }
h2 { font-size: 1.125rem; margin: 2rem 0 0.5rem; border-bottom: 1px solid var(--line); break-after: avoid; }
h3 { font-size: 1rem; margin: 1rem 0 0.25rem; break-after: avoid; }
dl { display: flex; flex-wrap: wrap; gap: 0.5rem; margin: 0.75rem 0; }
dl > div { display: flex; flex-direction: column-reverse; min-width: 5.5rem; padding: 0.5rem 0.75rem; background: var(--card); border-radius: 0.5rem; }
dt { color: var(--dim); font-size: 0.875rem; }
dd { margin: 0; font-size: 1.5rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
ul { list-style: none; margin: 0; padding: 0; }
li { padding: 0.375rem 0; break-inside: avoid; }
p { margin: 0.25rem 0; }
blockquote { margin: 0.25rem 0; padding-left: 0.75rem; border-left: 3px solid var(--line); white-space: pre-wrap; }
pre { margin: 0.25rem 0 0; padding: 0.5rem 0.75rem; background: var(--card); border-radius: 0.5rem; white-space: pre-wrap; font: inherit; }
summary { cursor: pointer; color: var(--dim); }
time, .why, .state { color: var(--dim); font-weight: normal; }
.failed, .expired { color: var(--bad); }
.answered { color: var(--good); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: 0.25rem 0.75rem 0.25rem 0; vertical-align: top; font-weight: normal; overflow-wrap: normal; }
tbody tr { border-top: 1px solid var(--line); break-inside: avoid; }
thead th { color: var(--dim); }
th.number, .number { text-align: right; font-variant-numeric: tabular-nums; }
meter { width: 8rem; }
meter::-webkit-meter-optimum-value { background: var(--dim); }
meter::-moz-meter-bar { background: var(--dim); }
@media (max-width: 36rem) { meter { display: none; } }
@media print { body { max-width: none; padding: 0; font-size: 10pt; } details::details-content { content-visibility: visible; display: block; } summary { display: none; } meter { display: none; } .wide { overflow: visible; } }
`;
