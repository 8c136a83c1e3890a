/** A session that is over, as a topic: what was said in it, and nobody there. Pure. */

/** Made of what `session.get`, `chat.history` and `qa.list` answer. */
export function pastOf({ session, me }, { messages, more }, { questions, total }) {
  return {
    session, me,
    people: { people: [], complete: true, counts: { present: 0, hosts: 0, on_screen: 0 }, revision: 0, next: null },
    stage: { cap: session.stage_cap, seats: [], requests: [], request_count: 0, invites: [] },
    media: { shares: 1, people: {} },
    chat: { closed: false, slow: 0, muted: [], messages, more },
    qa: { questions, total },
    breakout: null, bans: [],
  };
}
