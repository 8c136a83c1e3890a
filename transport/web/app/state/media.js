/** What events make of everybody's microphones, cameras, screens, and of what the media server tells. Pure. */

export const OFF = Object.freeze({ mic: false, camera: false, screen: false, background: "none", blocked: [] });

/** A person's flags; who is missing has everything off. */
export function flagsOf(media, person) {
  return media?.people?.[person] ?? OFF;
}

function changed(media, { person, by: _by, ...flags }) {
  return { ...media, people: { ...media.people, [person]: flags } };
}

export const mediaEvents = {
  "media.changed": changed,
  "media.shares_allowed": (media, data) => ({ ...media, shares: data.limit }),
};
