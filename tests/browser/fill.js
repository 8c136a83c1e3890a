// Evaluated in the page: so many messages, as fast as frames allow.
async ({ first, count }) => {
  const { dispatch, getState } = await import("/app/store.js");
  const topic = Object.keys(getState().topics).find((name) => name.startsWith("session/"));
  for (let id = first; id < first + count; id++) {
    const data = { id: String(id), person: "p1", name: "Person 1", role: "participant", text: `Message ${id}`, reply_to: null };
    dispatch({ type: "event", event: { topic, type: "chat.posted", at: new Date().toISOString(), data } });
    if (id % 100 === 0) await new Promise(requestAnimationFrame);
  }
}
