// Evaluated in the page: the elements that move for longer than anybody would notice.
() => {
  const longest = (durations) => Math.max(...durations.split(",").map(parseFloat));
  const moves = (element) => {
    const style = getComputedStyle(element);
    if (style.animationName !== "none" && style.animationIterationCount === "infinite") return true;
    return Math.max(longest(style.animationDuration), longest(style.transitionDuration)) > 0.01;
  };
  return [...document.querySelectorAll("*")].filter(moves).map((element) => element.outerHTML.slice(0, 100));
}
