/** Addresses: `/#/page/id`, and at first `/#token=…&session=…`, whose token never stays in the address bar. */

const KEPT = "greenroom.token";
const ENTRIES = { session: "session", company: "company", chat: "chat" };

/** Read an address's fragment: `{page, id}`. */
export function parseRoute(hash) {
  const [page, id] = hash.replace(/^#\/?/, "").split("/", 2);
  return { page: page || "lobby", id: id ? decodeURIComponent(id) : null };
}

/** The token and the page that a link names, as `{token, hash}`; null for an ordinary address. */
export function parseEntry(hash) {
  const facts = new URLSearchParams(hash.replace(/^#/, ""));
  const token = facts.get("token");
  if (!token) return null;
  const page = Object.keys(ENTRIES).find((name) => facts.get(name));
  return { token, hash: page ? `#/${ENTRIES[page]}/${encodeURIComponent(facts.get(page))}` : "#/lobby" };
}

/** Take the token from the address, or from where it was kept; null if there is none. */
export function takeToken() {
  const entry = parseEntry(location.hash);
  if (entry) {
    sessionStorage.setItem(KEPT, entry.token);
    history.replaceState(null, "", location.pathname + entry.hash);
  }
  return sessionStorage.getItem(KEPT);
}

/** What a token says of its bearer, to decide what to show; the server decides what is allowed. */
export function claimsOf(token) {
  try {
    const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(payload), (letter) => letter.codePointAt(0));
    const { company = null, grants = [], sessions = [] } = JSON.parse(new TextDecoder().decode(bytes));
    return { company, grants, sessions };
  } catch {
    return { company: null, grants: [], sessions: [] };
  }
}
