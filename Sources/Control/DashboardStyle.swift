// How the dashboard looks: a sheet of its own, so that the page's policy can forbid all styles and
// scripts that stand in the page.

extension Dashboard {
    static let style = """
        :root { color-scheme: light dark; --line: #8884; --quiet: #777; --good: #1a7f37;
            --bad: #b3261e; --note: #9a6700; }
        @media (prefers-color-scheme: dark) {
            :root { --quiet: #999; --good: #4ac26b; --bad: #ff7b72; --note: #d4a72c; }
        }
        body { font: 14px/1.45 system-ui, sans-serif; margin: 1.5rem auto; max-width: 76rem;
            padding: 0 1.5rem; }
        h1 { font-size: 1.4rem; margin: 0 0 .2rem; }
        h2 { font-size: 1.05rem; margin: 1.8rem 0 .5rem; }
        p { margin: .3rem 0; }
        .good { color: var(--good); }
        .bad { color: var(--bad); }
        .note { color: var(--note); }
        .quiet { color: var(--quiet); }
        dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; margin: 0; }
        dt { color: var(--quiet); }
        dd { margin: 0; overflow-wrap: anywhere; }
        .facts { display: grid; gap: 0 2.5rem;
            grid-template-columns: repeat(auto-fit, minmax(22rem, 1fr)); }
        .wide { overflow-x: auto; }
        table { border-collapse: collapse; width: 100%; }
        th, td { border-bottom: 1px solid var(--line); padding: .25rem .7rem .25rem 0;
            text-align: left; vertical-align: top; overflow-wrap: anywhere; }
        th { color: var(--quiet); font-weight: 500; white-space: nowrap; }
        td.number, th.number { text-align: right; white-space: nowrap;
            font-variant-numeric: tabular-nums; }

        """
}
