/** What events make of the list of people: hosts, then on screen, then the rest, by name. Pure. */

function rank(person) {
  return person.host ? 0 : person.on_screen ? 1 : 2;
}

/** The order in which people are shown. */
export function byPlace(one, other) {
  return rank(one) - rank(other) || one.name.localeCompare(other.name) || (one.id < other.id ? -1 : 1);
}

/** The list with some people changed (`change` gives the new one, or null to take away). */
export function changePeople(people, ids, change) {
  const wanted = new Set(ids);
  if (!people.people.some((person) => wanted.has(person.id))) return people;
  const list = people.people.map((person) => (wanted.has(person.id) ? change(person) : person)).filter(Boolean);
  return { ...people, people: list.sort(byPlace) };
}

function changed(people, data) {
  const base = { ...people, counts: data.counts, revision: data.revision };
  if (!data.complete) return { ...base, complete: false, stale: true };
  const missed = people.complete && data.revision !== people.revision + 1;
  const gone = new Set([...data.left, ...data.joined.map((person) => person.id)]);
  const kept = people.people.filter((person) => !gone.has(person.id));
  return { ...base, complete: true, stale: missed || !people.complete, people: [...kept, ...data.joined].sort(byPlace) };
}

export const peopleEvents = { "people.changed": changed };

/** Put what `people.list` answered in the place of what was known. */
export function withListed(people, answer) {
  return { ...people, ...answer, people: answer.people.slice().sort(byPlace), stale: false };
}

/** Put a further page behind what is listed. */
export function withPage(people, answer) {
  const held = new Set(people.people.map((person) => person.id));
  const more = answer.people.filter((person) => !held.has(person.id));
  return { ...people, counts: answer.counts, next: answer.next, people: [...people.people, ...more] };
}
