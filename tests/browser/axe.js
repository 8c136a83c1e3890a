// Evaluated in the page: what axe-core finds in `place` that is serious or worse; `only` names rules, null means all.
async ([place, only]) => {
  const options = { resultTypes: ["violations"], elementRef: false, iframes: false, ...(only ? { runOnly: only } : {}) };
  const { violations } = await axe.run(place, options);
  return violations
    .filter(({ impact }) => ["serious", "critical"].includes(impact))
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary.slice(0, 200)}`));
}
