// Evaluated in the page: what axe-core finds in `place` that is serious or worse; `only` names rules, null means all of WCAG A and AA.
async ([place, only]) => {
  const rules = only ?? { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] };
  const options = { resultTypes: ["violations"], iframes: false, runOnly: rules };
  const context = { include: [[place]], exclude: [["article:nth-of-type(n + 6)"], ["tr:nth-of-type(n + 6)"]] }; // a long list's rows are alike
  const { violations } = await axe.run(context, options);
  return violations
    .filter(({ impact }) => ["serious", "critical"].includes(impact))
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary.slice(0, 200)}`));
}
